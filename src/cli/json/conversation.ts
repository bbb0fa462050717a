import type { StoreResult } from '../../client/index.js';
import type { Conversation } from '../../model/index.js';
import { formatTime } from '../format.js';

/** A conversation with the contract's field names, without its messages. */
export function plainConversation(conversation: Conversation): object {
  return {
    id: conversation.id,
    application: conversation.application,
    model: conversation.model,
    tokenizer: conversation.tokenizer,
    ...(conversation.parentId !== '' && { parent_id: conversation.parentId }),
    revision: conversation.revision,
    message_count: conversation.messageCount,
    total_tokens: conversation.totalTokens,
    create_time: formatTime(conversation.createTimeMs),
    update_time: formatTime(conversation.updateTimeMs),
    ...(conversation.expireTimeMs !== undefined && { expire_time: formatTime(conversation.expireTimeMs) }),
    metadata: conversation.metadata,
  };
}

/** What a store, an append or a fork did, with the contract's field names. */
export function plainStoreResult(result: StoreResult): object {
  return {
    conversation: plainConversation(result.conversation),
    total_segments: result.totalSegments,
    new_segments: result.newSegments,
    deduped_segments: result.dedupedSegments,
    new_tokens: result.newTokens,
    stored_bytes: result.storedBytes,
  };
}

import type { Conversation } from '../model/index.js';
import type { ConversationFilter } from './queries.js';

/** Whether a conversation passes a filter; an absent condition passes. */
export function matchesFilter(conversation: Conversation, filter: ConversationFilter): boolean {
  const { createTimeMs, totalTokens, metadata } = conversation;
  return (
    equals(filter.application, conversation.application) &&
    equals(filter.model, conversation.model) &&
    equals(filter.tokenizer, conversation.tokenizer) &&
    (filter.idPrefix === undefined || conversation.id.startsWith(filter.idPrefix)) &&
    createTimeMs >= (filter.createTimeFromMs ?? -Infinity) &&
    createTimeMs < (filter.createTimeBeforeMs ?? Infinity) &&
    totalTokens >= (filter.tokensMin ?? 0) &&
    totalTokens <= (filter.tokensMax ?? Infinity) &&
    Object.entries(filter.metadata ?? {}).every(
      ([name, value]) => Object.hasOwn(metadata, name) && metadata[name] === value,
    )
  );
}

function equals(wanted: string | undefined, found: string): boolean {
  return wanted === undefined || wanted === found;
}

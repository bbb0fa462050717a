import { StowkenError } from '../model/index.js';
import type { DamagedConversation } from '../storage/index.js';
import type { DeleteManyResult, RetrieveManyPart, RetrievePart } from '../vault/index.js';
import { itemStatusFields } from './item-status.js';
import { conversationFields } from './responses.js';
import { MessageCodec } from './wire/codec.js';
import { encodeChunk, encodeItemTail } from './wire/retrieve-response.js';

const one = new MessageCodec('stowken.v1.RetrieveConversationResponse');
const many = new MessageCodec('stowken.v1.RetrieveConversationsResponse');

export function* encodeRetrieved(parts: Iterable<RetrievePart>): Generator<Buffer, void, void> {
  for (const part of parts) {
    if (part.kind === 'chunk') yield encodeChunk(part);
    else yield one.encode({ header: conversationFields(part.conversation) });
  }
}

export function encodeRetrievedOfMany({ index, part }: RetrieveManyPart): Buffer {
  switch (part.kind) {
    case 'chunk':
      return encodeChunk(part, encodeItemTail(index));
    case 'header':
      return many.encode({
        header: conversationFields(part.conversation),
        index,
        status: itemStatusFields(),
      });
    case 'failed':
      return many.encode({ index, status: itemStatusFields(part.error) });
  }
}

export function deleteManyFields(result: DeleteManyResult): Record<string, unknown> {
  return {
    conversations: result.conversations,
    missing: result.missing,
    changed: result.changed,
    released_references: result.releasedReferences,
    garbage_segments: result.garbageSegments,
    damaged: result.damaged.map(damagedFields),
  };
}

export function damagedFields({ id = '', detail }: DamagedConversation): Record<string, unknown> {
  return { id, status: itemStatusFields(new StowkenError('CORRUPT_STORE', detail, { conversation: id })) };
}

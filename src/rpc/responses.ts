import { status } from '@grpc/grpc-js';
import { type Conversation, StowkenError } from '../model/index.js';
import type { DamagedConversation } from '../storage/index.js';
import type {
  DamagedSegment,
  DeleteManyResult,
  HasSegmentOutcome,
  MessageWithSegments,
  PutSegmentOutcome,
  ReferenceResult,
  RetrieveManyPart,
  RetrievePart,
  StoreResult,
} from '../vault/index.js';
import { codeOf } from './errors.js';
import type * as R from './generated/responses.js';
import { ResponseEncoder } from './wire/response-encoder.js';
import { encodeJoinedOfMany } from './wire/joined-response.js';
import { encodeChunk, encodeChunkOfMany } from './wire/token-responses.js';

/** Converts milliseconds to google.protobuf.Duration, which has the fields of a Timestamp. */
export function duration(milliseconds: number): R.Duration {
  return timestamp(milliseconds);
}

/** Converts a time to google.protobuf.Timestamp. */
export function timestamp(timeMs: number): R.Timestamp {
  const seconds = Math.floor(timeMs / 1000);
  return { seconds, nanos: (timeMs - seconds * 1000) * 1_000_000 };
}

export function conversationFields(conversation: Conversation): R.Conversation {
  const { expireTimeMs } = conversation;
  return {
    id: conversation.id,
    application: conversation.application,
    model: conversation.model,
    tokenizer: conversation.tokenizer,
    revision: conversation.revision,
    total_tokens: conversation.totalTokens,
    message_count: conversation.messageCount,
    create_time: timestamp(conversation.createTimeMs),
    store_time: timestamp(conversation.storeTimeMs),
    update_time: timestamp(conversation.updateTimeMs),
    expire_time: expireTimeMs === undefined ? undefined : timestamp(expireTimeMs),
    parent_id: conversation.parentId,
    metadata: conversation.metadata,
  };
}

export function messageFields(message: MessageWithSegments): R.MessageInfo {
  return {
    role: message.role,
    name: message.name,
    tool_call_id: message.toolCallId,
    token_count: message.tokenCount,
    segments: message.segments.map(({ hash, tokenCount }) => ({ hash, token_count: tokenCount })),
  };
}

/** Returns the response to a store, an upload or a fork. */
export function storeFields(result: StoreResult): R.StoreConversationResponse {
  const { conversation, totalSegments, newSegments } = result;
  // Field by field: to spread an object of this size takes longer than to encode it.
  return {
    conversation: conversationFields(conversation),
    total_segments: totalSegments,
    new_segments: newSegments,
    deduped_segments: totalSegments - newSegments,
    new_tokens: result.newTokens,
    stored_bytes: result.storedBytes,
    unchanged: result.unchanged,
  };
}

export function appendFields(result: StoreResult): R.AppendMessagesResponse {
  return {
    conversation: conversationFields(result.conversation),
    total_segments: result.totalSegments,
    new_segments: result.newSegments,
    deduped_segments: result.totalSegments - result.newSegments,
    new_tokens: result.newTokens,
    stored_bytes: result.storedBytes,
  };
}

const one = new ResponseEncoder('stowken.v1.RetrieveConversationResponse');
const many = new ResponseEncoder('stowken.v1.RetrieveConversationsResponse');

export function* encodeRetrieved(parts: Iterable<RetrievePart>): Generator<Buffer, void, void> {
  for (const part of parts) {
    if (part.kind === 'chunk') yield encodeChunk(part);
    else yield one.encode({ header: conversationFields(part.conversation) });
  }
}

/** Encodes a response with one part; such responses back to back are the encoding of one with all parts. */
export function encodeRetrievedOfMany({ index, part }: RetrieveManyPart): Buffer {
  switch (part.kind) {
    case 'chunk':
      return encodeChunkOfMany(index, part);
    case 'joined':
      return encodeJoinedOfMany(index, part);
    case 'header': {
      const header = conversationFields(part.conversation);
      return many.encode({ parts: [{ header, index, status: itemStatusFields() }] });
    }
    case 'failed':
      return many.encode({ parts: [{ index, status: itemStatusFields(part.error) }] });
  }
}

export function deleteManyFields(result: DeleteManyResult): R.DeleteConversationsResponse {
  return {
    conversations: result.conversations,
    missing: result.missing,
    changed: result.changed,
    released_references: result.releasedReferences,
    garbage_segments: result.garbageSegments,
    damaged: result.damaged.map(damagedFields),
  };
}

export function damagedFields({ id = '', detail }: DamagedConversation): R.DamagedConversation {
  return { id, status: itemStatusFields(new StowkenError('CORRUPT_STORE', detail, { conversation: id })) };
}

export function damagedSegmentFields({ frameBytes, error }: DamagedSegment): R.DamagedSegment {
  return { status: itemStatusFields(error), bytes: frameBytes };
}

export function putSegmentFields(outcome: PutSegmentOutcome): R.PutSegmentResult {
  if (outcome.kind === 'failed') return { status: itemStatusFields(outcome.error) };
  return { status: itemStatusFields(), hash: outcome.hash, token_count: outcome.tokenCount };
}

export function segmentFailureFields(index: number, error: StowkenError): R.GetSegmentsResponse {
  return { index, status: itemStatusFields(error), end_of_segment: true };
}

export function hasSegmentFields(outcome: HasSegmentOutcome): R.HasSegmentResult {
  if (outcome.kind === 'failed') return { status: itemStatusFields(outcome.error) };
  if (outcome.kind === 'absent') return { status: itemStatusFields(), found: false };
  const { tokenCount, refCount } = outcome;
  return { status: itemStatusFields(), found: true, token_count: tokenCount, ref_count: refCount };
}

export function referenceFields(result: ReferenceResult): R.ReferenceResult {
  if (result.kind === 'failed') return { status: itemStatusFields(result.error) };
  return { status: itemStatusFields(), ref_count: result.refCount };
}

/** Returns an item's failure as an ItemStatus; OK without one. */
function itemStatusFields(error?: StowkenError): R.ItemStatus {
  if (error === undefined) return { code: status.OK };
  return {
    code: codeOf[error.reason],
    reason: error.reason,
    message: error.message,
    metadata: error.metadata,
  };
}

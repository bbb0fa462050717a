import { z } from 'zod';
import { contentSegments, type Conversation, isDated, type MessageRecord } from '../../../model/index.js';
import { hash, milliseconds, openRecord, recordOf, sealRecord, whole } from './sealed-record.js';

const manifestSchema = recordOf({
  number: whole.min(1),
  id: z.string(),
  revision: whole.min(1),
  application: z.string(),
  model: z.string(),
  tokenizer: z.string(),
  parent_id: z.string(),
  expire_time_ms: milliseconds.nullable(),
  create_time_ms: milliseconds,
  /** Time of the first store; absent if it is the create time. */
  store_time_ms: milliseconds.optional(),
  update_time_ms: milliseconds,
  /** Pairs, so that no name is special. */
  metadata: z.array(z.tuple([z.string(), z.string()])),
  messages: z.array(
    z.strictObject({
      role: z.string(),
      name: z.string(),
      tool_call_id: z.string(),
      segments: z.array(z.strictObject({ hash, token_count: whole })),
      /** Number of the last segments that are the message's fields; absent if there are none. */
      field_segments: whole.min(1).optional(),
    }),
  ),
});

export interface Manifest {
  /** Its place in the order of creation. */
  readonly number: number;
  readonly conversation: Conversation;
  readonly messages: readonly MessageRecord[];
}

export function encodeManifest({ number, conversation, messages }: Manifest): Uint8Array {
  return sealRecord({
    number,
    id: conversation.id,
    revision: conversation.revision,
    application: conversation.application,
    model: conversation.model,
    tokenizer: conversation.tokenizer,
    parent_id: conversation.parentId,
    expire_time_ms: conversation.expireTimeMs ?? null,
    create_time_ms: conversation.createTimeMs,
    ...(isDated(conversation) && { store_time_ms: conversation.storeTimeMs }),
    update_time_ms: conversation.updateTimeMs,
    metadata: Object.entries(conversation.metadata),
    messages: messages.map(({ role, name, toolCallId, segments, fieldSegments }) => ({
      role,
      name,
      tool_call_id: toolCallId,
      segments: segments.map((segment) => ({ hash: segment.hash, token_count: segment.tokenCount })),
      ...(fieldSegments !== undefined && { field_segments: fieldSegments }),
    })),
  });
}

/** @throws StowkenError CORRUPT_STORE, STORE_VERSION */
export function decodeManifest(bytes: Uint8Array): Manifest {
  const record = openRecord(manifestSchema, bytes);
  const messages = record.messages.map((message) => ({
    role: message.role,
    name: message.name,
    toolCallId: message.tool_call_id,
    segments: message.segments.map((segment) => ({ hash: segment.hash, tokenCount: segment.token_count })),
    ...(message.field_segments !== undefined && { fieldSegments: message.field_segments }),
  }));
  const segments = messages.flatMap((message) => contentSegments(message));
  return {
    number: record.number,
    conversation: {
      id: record.id,
      application: record.application,
      model: record.model,
      tokenizer: record.tokenizer,
      parentId: record.parent_id,
      expireTimeMs: record.expire_time_ms ?? undefined,
      metadata: Object.fromEntries(record.metadata),
      revision: record.revision,
      totalTokens: segments.reduce((sum, { tokenCount }) => sum + tokenCount, 0),
      messageCount: messages.length,
      createTimeMs: record.create_time_ms,
      storeTimeMs: record.store_time_ms ?? record.create_time_ms,
      updateTimeMs: record.update_time_ms,
    },
    messages,
  };
}

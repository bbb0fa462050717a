import { z } from 'zod';
import { type ConversationSpec, limits, StowkenError } from '../../model/index.js';
import type { AppendInput, DeleteManyInput, ForkInput, StoreInput } from '../../vault/index.js';
import { readMessagesRequest } from '../wire/messages.js';
import { RequestDecoder } from '../wire/reader.js';
import { conversationFilter } from './conversation-lists.js';
import {
  conversationId,
  items,
  label,
  metadata,
  optional,
  optionalId,
  requestId,
  timestampMs,
  uint64,
  vaultName,
} from './fields.js';
import { checkFieldsSize, type Context, schemaRequest, parse, refuse, refuseField } from './parse.js';

const expireTime = timestampMs.check((context) => {
  if (context.value < 0) refuse(context, 'is before 1970', { value: String(context.value) });
});

/** Time at which a conversation began. A clock that is behind by less must not refuse what has just begun. */
const createTime = expireTime.check((context) => {
  const limit = Date.now() + limits.createTimeAheadMsMax;
  if (context.value <= limit) return;
  const value = new Date(context.value).toISOString();
  refuse(context, `is ${value}, more than a day after the server's time`, { value });
});

/** Defaults of a conversation that the request does not describe. */
const anonymous: ConversationSpec = {
  id: '',
  application: '',
  model: '',
  tokenizer: '',
  parentId: '',
  expireTimeMs: undefined,
  metadata: {},
};

/** Fields of a Conversation that are read if a client sends one. */
export const conversationSpec = z
  .object({
    id: optionalId,
    application: label,
    model: label,
    tokenizer: label,
    parent_id: optionalId,
    create_time: optional(createTime),
    expire_time: optional(expireTime),
    metadata: metadata(limits.metadataEntriesMax),
  })
  .transform(({ parent_id, create_time, expire_time, ...rest }): ConversationSpec => ({
    ...rest,
    parentId: parent_id,
    ...(create_time !== undefined && { createTimeMs: create_time }),
    expireTimeMs: expire_time,
  }))
  .nullable()
  .transform((spec) => spec ?? anonymous);

/** Fields that a StoreConversationRequest and an UploadSpec have in common: all but messages. */
export const storeFieldsSchema = z
  .object({
    vault: vaultName,
    conversation: conversationSpec,
    request_id: requestId,
    if_revision: optional(uint64),
  })
  .transform(({ vault, conversation, request_id, if_revision }) => ({
    vault,
    input: { spec: conversation, ifRevision: if_revision, requestId: request_id },
  }));

const storeCodec = new RequestDecoder('stowken.v1.StoreConversationRequest');

export interface StoreRequest {
  readonly vault: string;
  readonly input: StoreInput;
}

export async function readStore(bytes: Buffer, signal: AbortSignal): Promise<StoreRequest> {
  const { fields, messages } = await readMessagesRequest('StoreConversationRequest', bytes, signal);
  checkFieldsSize(fields.length);
  const { vault, input } = parse(storeFieldsSchema, storeCodec.decode(fields));
  return { vault, input: { ...input, messages } };
}

const appendSchema = z
  .object({ vault: vaultName, id: conversationId, request_id: requestId, if_revision: optional(uint64) })
  .transform(({ vault, id, request_id, if_revision }) => ({
    vault,
    input: { id, ifRevision: if_revision, requestId: request_id },
  }));

const appendCodec = new RequestDecoder('stowken.v1.AppendMessagesRequest');

export interface AppendRequest {
  readonly vault: string;
  readonly input: AppendInput;
}

export async function readAppend(bytes: Buffer, signal: AbortSignal): Promise<AppendRequest> {
  const { fields, messages } = await readMessagesRequest('AppendMessagesRequest', bytes, signal);
  checkFieldsSize(fields.length);
  const { vault, input } = parse(appendSchema, appendCodec.decode(fields));
  if (messages.length > 0) return { vault, input: { ...input, messages } };
  const field = 'messages';
  throw new StowkenError('INVALID_FIELD', `${field} is empty`, { field, size: '0', limit: '1' });
}

const forkSchema = z
  .object({
    vault: vaultName,
    id: conversationId,
    new_id: optionalId,
    request_id: requestId,
    if_revision: optional(uint64),
    message_count: optional(z.number()),
  })
  .transform((request): { vault: string; input: ForkInput } => ({
    vault: request.vault,
    input: {
      id: request.id,
      newId: request.new_id,
      messageCount: request.message_count,
      ifRevision: request.if_revision,
      requestId: request.request_id,
    },
  }));

export const readFork = schemaRequest(new RequestDecoder('stowken.v1.ForkConversationRequest'), forkSchema);

const deleteSchema = z
  .object({
    vault: vaultName,
    id: conversationId,
    allow_missing: z.boolean(),
    if_revision: optional(uint64),
    request_id: requestId,
  })
  .transform(({ vault, id, allow_missing, if_revision, request_id }) => ({
    vault,
    id,
    options: { allowMissing: allow_missing, ifRevision: if_revision, requestId: request_id },
  }));

export const readDelete = schemaRequest(
  new RequestDecoder('stowken.v1.DeleteConversationRequest'),
  deleteSchema,
);

const deleteManyFields = z.object({
  vault: vaultName,
  filter: conversationFilter.nullable(),
  ids: items(conversationId, limits.conversationsPerRequestMax),
  all: z.boolean(),
  dry_run: z.boolean(),
  expired: conversationFilter.nullable(),
});

const deleteManySchema = deleteManyFields.transform(
  (request, context): { vault: string; input: DeleteManyInput } => ({
    vault: request.vault,
    input: { selection: selection(request, context), dryRun: request.dry_run },
  }),
);

/**
 * Requires exactly one of filter, ids, all and expired; a filter that restricts nothing is most likely a
 * mistake.
 */
function selection(
  { filter, ids, all, expired }: z.output<typeof deleteManyFields>,
  context: Context,
): DeleteManyInput['selection'] {
  const hasIds = ids.length > 0;
  if (filter !== null && hasIds) refuseField(context, 'ids', 'is given beside filter', {});
  if (all && (filter !== null || hasIds)) {
    refuseField(context, 'all', `is given beside ${hasIds ? 'ids' : 'filter'}`, {});
  }
  if (expired !== null) {
    const other = hasIds ? 'ids' : all ? 'all' : 'filter';
    if (hasIds || all || filter !== null) refuseField(context, 'expired', `is given beside ${other}`, {});
    return { kind: 'expired', filter: expired };
  }
  if (hasIds) return { kind: 'ids', ids };
  if (all) return { kind: 'filter', filter: {} };
  if (filter === null) return refuseField(context, 'filter', 'is missing, as are ids, all and expired', {});
  if (Object.keys(filter).length > 0) return { kind: 'filter', filter };
  return refuseField(context, 'filter', 'restricts nothing; all deletes everything', {});
}

export const readDeleteMany = schemaRequest(
  new RequestDecoder('stowken.v1.DeleteConversationsRequest'),
  deleteManySchema,
);

import { z } from 'zod';
import { limits, type ConversationSpec } from '../../model/index.js';
import type { StoreInput } from '../../vault/index.js';
import { readStoreRequest } from '../wire/store-request.js';
import { MessageCodec } from '../wire/codec.js';
import { label, optional, optionalId, uint64, vaultName } from './fields.js';
import { metadata } from './metadata.js';
import { parse, refuse } from './parse.js';
import { checkFieldsSize } from './size.js';
import { timestampMs } from './times.js';

const expireTime = timestampMs.check((context) => {
  if (context.value < 0) refuse(context, 'is before 1970', { value: String(context.value) });
});

const conversation = z
  .object({
    id: optionalId,
    application: label,
    model: label,
    tokenizer: label,
    parent_id: optionalId,
    expire_time: optional(expireTime),
    metadata: metadata(limits.metadataEntriesMax),
  })
  .transform(({ parent_id, expire_time, ...rest }): ConversationSpec => ({
    ...rest,
    parentId: parent_id,
    expireTimeMs: expire_time,
  }));

const schema = z.object({
  vault: vaultName,
  conversation: conversation.nullable(),
  if_revision: optional(uint64),
});

/** A conversation of which nothing is said. */
const anonymous: ConversationSpec = {
  id: '',
  application: '',
  model: '',
  tokenizer: '',
  parentId: '',
  expireTimeMs: undefined,
  metadata: {},
};

const codec = new MessageCodec('stowken.v1.StoreConversationRequest');

export interface StoreRequest {
  readonly vault: string;
  readonly input: StoreInput;
}

export async function readStore(bytes: Buffer, signal: AbortSignal): Promise<StoreRequest> {
  const { fields, messages } = await readStoreRequest(bytes, signal);
  checkFieldsSize(fields.length);
  const request = parse(schema, codec.decode(fields));
  const expectation = request.if_revision === undefined ? {} : { ifRevision: request.if_revision };
  return {
    vault: request.vault,
    input: { spec: request.conversation ?? anonymous, messages, ...expectation },
  };
}

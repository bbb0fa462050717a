import { z } from 'zod';
import type { StoreInput } from '../../vault/index.js';
import { MessageCodec } from '../wire/codec.js';
import { readMessagesRequest } from '../wire/messages-request.js';
import { optional, requestId, uint64, vaultName } from './fields.js';
import { parse } from './parse.js';
import { checkFieldsSize } from './size.js';
import { conversationSpec } from './spec.js';

/** What a StoreConversationRequest and an UploadSpec have in common: all but messages. */
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

const codec = new MessageCodec('stowken.v1.StoreConversationRequest');

export interface StoreRequest {
  readonly vault: string;
  readonly input: StoreInput;
}

export async function readStore(bytes: Buffer, signal: AbortSignal): Promise<StoreRequest> {
  const { fields, messages } = await readMessagesRequest('StoreConversationRequest', bytes, signal);
  checkFieldsSize(fields.length);
  const { vault, input } = parse(storeFieldsSchema, codec.decode(fields));
  return { vault, input: { ...input, messages } };
}

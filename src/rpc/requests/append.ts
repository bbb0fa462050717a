import { z } from 'zod';
import { StowkenError } from '../../model/index.js';
import type { AppendInput } from '../../vault/index.js';
import { MessageCodec } from '../wire/codec.js';
import { readMessagesRequest } from '../wire/messages-request.js';
import { conversationId, optional, requestId, uint64, vaultName } from './fields.js';
import { parse } from './parse.js';
import { checkFieldsSize } from './size.js';

const schema = z
  .object({ vault: vaultName, id: conversationId, request_id: requestId, if_revision: optional(uint64) })
  .transform(({ vault, id, request_id, if_revision }) => ({
    vault,
    input: { id, ifRevision: if_revision, requestId: request_id },
  }));

const codec = new MessageCodec('stowken.v1.AppendMessagesRequest');

export interface AppendRequest {
  readonly vault: string;
  readonly input: AppendInput;
}

export async function readAppend(bytes: Buffer, signal: AbortSignal): Promise<AppendRequest> {
  const { fields, messages } = await readMessagesRequest('AppendMessagesRequest', bytes, signal);
  checkFieldsSize(fields.length);
  const { vault, input } = parse(schema, codec.decode(fields));
  if (messages.length > 0) return { vault, input: { ...input, messages } };
  const field = 'messages';
  throw new StowkenError('INVALID_FIELD', `${field} is empty`, { field, size: '0', limit: '1' });
}

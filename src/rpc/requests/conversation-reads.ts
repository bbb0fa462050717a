import { z } from 'zod';
import { limits } from '../../model/index.js';
import type {
  FindPrefixInput,
  RenderInput,
  RenderMessagesInput,
  RetrieveInput,
  RetrieveManyInput,
} from '../../vault/index.js';
import { readMessagesRequest } from '../wire/messages.js';
import { RequestDecoder } from '../wire/reader.js';
import { readFindPrefixRequest } from '../wire/token-requests.js';
import {
  conversationId,
  enumeration,
  items,
  label,
  optional,
  uint64,
  utf8,
  vaultName,
  timeMs,
} from './fields.js';
import { checkFieldsSize, schemaRequest, parse, refuse, refuseField } from './parse.js';

const getSchema = z
  .object({
    vault: vaultName,
    id: conversationId,
    include_messages: z.boolean(),
    message_offset: z.number(),
    message_limit: z.number(),
    if_revision: optional(uint64),
  })
  .transform((request) => ({
    vault: request.vault,
    id: request.id,
    includeMessages: request.include_messages,
    options: {
      messageOffset: request.message_offset,
      messageLimit: request.message_limit,
      ifRevision: request.if_revision,
    },
  }));

export const readGet = schemaRequest(new RequestDecoder('stowken.v1.GetConversationRequest'), getSchema);

/** Encoding's values by number. */
const encoding = enumeration(['tokens', 'tokens', 'le32', 'text']);

const isNoRender = 'is given, and a render begins with the first message and has no range of tokens';

const render = z
  .object({ chat_template: utf8(0, limits.chatTemplateBytesMax), add_generation_prompt: z.boolean() })
  .transform((request): RenderInput => ({
    chatTemplate: request.chat_template === '' ? undefined : request.chat_template,
    addGenerationPrompt: request.add_generation_prompt,
  }));

const one = z
  .object({
    vault: vaultName,
    id: conversationId,
    message_offset: z.number(),
    message_limit: z.number(),
    token_offset: uint64,
    token_limit: uint64,
    encoding,
    if_revision: optional(uint64),
    include_fields: z.boolean(),
    exact_text: z.boolean(),
    include_tokens: z.boolean(),
    render: optional(render),
  })
  .check((context) => {
    const { render, message_offset, token_offset, token_limit } = context.value;
    if (!render) return;
    for (const [field, value] of Object.entries({ message_offset, token_offset, token_limit }))
      if (value > 0) refuseField(context, field, isNoRender, { value: String(value) });
  })
  .transform((request): { vault: string; input: RetrieveInput } => ({
    vault: request.vault,
    input: {
      id: request.id,
      messageOffset: request.message_offset,
      messageLimit: request.message_limit,
      tokenOffset: request.token_offset,
      tokenLimit: request.token_limit,
      encoding: request.encoding,
      ifRevision: request.if_revision,
      includeFields: request.include_fields,
      exactText: request.exact_text,
      includeTokens: request.include_tokens,
      render: request.render,
    },
  }));

const attachmentSchema = z
  .object({
    vault: vaultName,
    id: conversationId,
    message_index: z.number(),
    attachment_index: z.number(),
    if_revision: optional(uint64),
  })
  .transform(({ vault, id, message_index, attachment_index, if_revision }) => ({
    vault,
    input: { id, messageIndex: message_index, index: attachment_index, ifRevision: if_revision },
  }));

export const readGetAttachment = schemaRequest(
  new RequestDecoder('stowken.v1.GetAttachmentRequest'),
  attachmentSchema,
);

const renderMessagesSchema = z
  .object({
    vault: vaultName,
    tokenizer: label,
    model: label,
    render: optional(render),
    create_time: optional(timeMs),
  })
  .transform(({ vault, create_time, render, ...rest }) => ({
    vault,
    input: {
      ...rest,
      render: render ?? { chatTemplate: undefined, addGenerationPrompt: false },
      timeMs: create_time ?? Date.now(),
    },
  }));

const renderMessagesCodec = new RequestDecoder('stowken.v1.RenderMessagesRequest');

export interface RenderMessagesRequest {
  readonly vault: string;
  readonly input: RenderMessagesInput;
}

export async function readRenderMessages(bytes: Buffer, signal: AbortSignal): Promise<RenderMessagesRequest> {
  const { fields, messages } = await readMessagesRequest('RenderMessagesRequest', bytes, signal);
  checkFieldsSize(fields.length);
  const { vault, input } = parse(renderMessagesSchema, renderMessagesCodec.decode(fields));
  return { vault, input: { ...input, messages } };
}

const many = z
  .object({
    vault: vaultName,
    ids: items(conversationId, limits.conversationsPerRequestMax),
    encoding,
    joined: z.boolean(),
  })
  .check((context) => {
    const { joined, encoding: form } = context.value;
    if (joined && form !== 'le32')
      refuseField(context, 'encoding', 'is not LE32, the form of joined messages', { value: form });
  })
  .transform(({ vault, ...input }): { vault: string; input: RetrieveManyInput } => ({ vault, input }));

export const readRetrieve = schemaRequest(new RequestDecoder('stowken.v1.RetrieveConversationRequest'), one);
export const readRetrieveMany = schemaRequest(
  new RequestDecoder('stowken.v1.RetrieveConversationsRequest'),
  many,
);

const matches = z.number().transform((limit, context) => {
  const most = limits.prefixMatchesMax;
  if (limit <= most) return limit === 0 ? limits.prefixMatchesDefault : limit;
  return refuse(context, `is ${limit}; the limit is ${most}`, { value: String(limit), limit: most });
});

const findPrefixSchema = z
  .object({
    vault: vaultName,
    tokenizer: label,
    application: optional(label),
    min_tokens: uint64,
    limit: matches,
  })
  .transform(({ vault, tokenizer, application, min_tokens, limit }) => ({
    vault,
    input: { tokenizer, application, minTokens: min_tokens, limit },
  }));

const findPrefixCodec = new RequestDecoder('stowken.v1.FindPrefixRequest');

export interface FindPrefixRequest {
  readonly vault: string;
  readonly input: FindPrefixInput;
}

export async function readFindPrefix(bytes: Buffer, signal: AbortSignal): Promise<FindPrefixRequest> {
  const { fields, content } = await readFindPrefixRequest(bytes, signal);
  checkFieldsSize(fields.length);
  const { vault, input } = parse(findPrefixSchema, findPrefixCodec.decode(fields));
  return { vault, input: { ...input, content } };
}

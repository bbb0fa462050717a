import {
  type ConversationHeader,
  isClientError,
  type Message,
  type RetrieveOptions,
  type StowkenClient,
} from '../../client/index.js';
import { type Conversation, toJson } from '../../model/index.js';
import { unseal } from './envelope.js';

type MessagePart = Extract<ReadPart, { kind: 'message' }>;

/** Yields a conversation as one JSON line, message by message; the inverse of import. */
export async function* recordPieces(parts: AsyncIterable<ReadPart>): AsyncGenerator<string, void, void> {
  let separator = '';
  for await (const part of parts) {
    if (part.kind === 'header') yield opening(part.conversation);
    else {
      yield separator + messageJson(part);
      separator = ',';
    }
  }
  yield ']}\n';
}

function opening(conversation: Conversation): string {
  const { id, application, model, tokenizer, parentId, expireTimeMs, metadata } = conversation;
  const head = {
    id,
    application,
    model,
    tokenizer,
    ...(parentId !== '' && { parent_id: parentId }),
    ...(expireTimeMs !== undefined && { expire_time: new Date(expireTimeMs).toISOString() }),
    ...(Object.keys(metadata).length > 0 && { metadata }),
  };
  return `${toJson(head).slice(0, -1)},"messages":[`;
}

function messageJson({ role, name, toolCallId, content }: MessagePart): string {
  const speaker = toJson({
    role,
    ...(name !== '' && { name }),
    ...(toolCallId !== '' && { tool_call_id: toolCallId }),
  });
  const said =
    typeof content === 'string' ? toJson(unseal(content)).slice(1) : `"tokens":[${content.join(',')}]}`;
  return `${speaker.slice(0, -1)},${said}`;
}

/** A range of a conversation; see RetrieveOptions. */
export type ReadRange = Pick<
  RetrieveOptions<'text'>,
  'messageOffset' | 'messageLimit' | 'tokenOffset' | 'tokenLimit' | 'includeFields'
>;

export type ReadPart = ConversationHeader | Message<'text'> | Message<'tokens'>;

/**
 * Reads a conversation as text as far as text is exact, and the rest as token ids: the server may not know
 * the tokenizer, or one of the tokens, or a message may not be UTF-8. In 'readable' form, such a message
 * stays text, with U+FFFD.
 */
export async function* readExact(
  client: StowkenClient,
  id: string,
  form: 'text' | 'readable' | 'tokens',
  {
    messageOffset = 0,
    messageLimit = 0,
    tokenOffset = 0,
    tokenLimit = 0,
    includeFields = false,
  }: ReadRange = {},
): AsyncGenerator<ReadPart, void, void> {
  const range = { messageOffset, messageLimit, tokenOffset, tokenLimit, includeFields };
  let taken = 0;
  let revision: number | undefined;
  if (form !== 'tokens') {
    for await (const part of textParts(client, id, range)) {
      if (part.kind === 'end') return;
      if (part.kind === 'noText') break;
      if (part.kind === 'message' && part.replaced && form === 'text') break;
      if (part.kind === 'header') ({ revision } = part.conversation);
      yield part;
      taken++;
    }
  }
  const options = {
    ...range,
    encoding: 'tokens' as const,
    ...(revision !== undefined && { ifRevision: revision }),
  };
  let index = 0;
  for await (const part of client.read(id, options)) {
    if (index++ >= taken) yield part;
  }
}

/** Yields the parts as text. Returns whether that was all or the server cannot give the rest as text. */
async function* textParts(client: StowkenClient, id: string, range: ReadRange) {
  try {
    yield* client.read(id, { ...range, encoding: 'text' });
  } catch (error) {
    if (!isClientError(error, 'UNKNOWN_TOKENIZER') && !isClientError(error, 'UNDECODABLE_TOKEN')) throw error;
    yield { kind: 'noText' } as const;
    return;
  }
  yield { kind: 'end' } as const;
}

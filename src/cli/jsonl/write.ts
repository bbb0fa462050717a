import {
  type ConversationHeader,
  isClientError,
  type Message,
  type RetrieveOptions,
  type StowkenClient,
} from '../../client/index.js';
import { type Conversation, isDated, toJson, unseal } from '../../model/index.js';

type MessagePart = Extract<ReadPart, { kind: 'message' }>;

/**
 * Yields a conversation as one JSON line, message by message; the inverse of import. A message whose fields
 * were asked for has a list of its attachments.
 */
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
  const { id, application, model, tokenizer, parentId, createTimeMs, expireTimeMs, metadata } = conversation;
  const head = {
    id,
    application,
    model,
    tokenizer,
    ...(parentId !== '' && { parent_id: parentId }),
    // A time that only this vault gave it is not the conversation's own.
    ...(isDated(conversation) && { create_time: new Date(createTimeMs).toISOString() }),
    ...(expireTimeMs !== undefined && { expire_time: new Date(expireTimeMs).toISOString() }),
    ...(Object.keys(metadata).length > 0 && { metadata }),
  };
  return `${toJson(head).slice(0, -1)},"messages":[`;
}

function messageJson({ role, name, toolCallId, content, attachments = [] }: MessagePart): string {
  const speaker = toJson({
    role,
    ...(name !== '' && { name }),
    ...(toolCallId !== '' && { tool_call_id: toolCallId }),
    ...(attachments.length > 0 && {
      attachments: attachments.map(({ sha256, sizeBytes }) => ({ sha256, size_bytes: sizeBytes })),
    }),
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
 * Form in which messages are read:
 * - exact: text where it encodes to the stored tokens, else token ids
 * - utf8: text where the tokens are UTF-8, else token ids
 * - readable: text, with U+FFFD for what is not UTF-8
 * - tokens: token ids
 */
export type ReadForm = 'exact' | 'utf8' | 'readable' | 'tokens';

/** Reads a conversation in a form. Where the server does not have the tokenizer, every form has token ids. */
export async function* readForm(
  client: StowkenClient,
  id: string,
  form: ReadForm,
  range: ReadRange = {},
): AsyncGenerator<ReadPart, void, void> {
  if (form === 'exact') yield* client.readExact(id, range);
  else if (form === 'tokens') yield* client.read(id, { ...range, encoding: 'tokens' });
  else yield* readText(client, id, form, range);
}

/** Reads text up to a message that has none, and token ids from there on. */
async function* readText(
  client: StowkenClient,
  id: string,
  form: 'utf8' | 'readable',
  range: ReadRange,
): AsyncGenerator<ReadPart, void, void> {
  let taken = 0;
  let revision: number | undefined;
  for await (const part of textParts(client, id, range)) {
    if (part.kind === 'end') return;
    if (part.kind === 'noText') break;
    if (part.kind === 'message' && part.replaced && form === 'utf8') break;
    if (part.kind === 'header') ({ revision } = part.conversation);
    yield part;
    taken++;
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

/** Reasons for which the server has no text. */
const noText = ['UNKNOWN_TOKENIZER', 'TOKENIZER_CHANGED', 'UNDECODABLE_TOKEN'] as const;

/** Yields the parts as text. Returns whether that was all or the server cannot give the rest as text. */
async function* textParts(client: StowkenClient, id: string, range: ReadRange) {
  try {
    yield* client.read(id, { ...range, encoding: 'text' });
  } catch (error) {
    if (!noText.some((reason) => isClientError(error, reason))) throw error;
    yield { kind: 'noText' } as const;
    return;
  }
  yield { kind: 'end' } as const;
}

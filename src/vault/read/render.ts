import { limits, type Speaker, StowkenError, unseal } from '../../model/index.js';
import { renderFailed, type TemplateInput, type Tokenizers, unknownTokenizer } from '../../text/index.js';
import type { ChunkContent } from '../content.js';
import { type RetrieveParts, retrieveConversation } from './retrieve.js';
import { type TokenChunk, ResponseChunker } from './response-chunker.js';
import { textChunks } from './text-chunks.js';
import { originalText, toolsIn } from './imported.js';
import type { RenderInput, RetrieveInput, RetrievePart } from './types.js';

type Header = Extract<RetrievePart, { readonly kind: 'header' }>;
type Chunk = Extract<RetrievePart, { readonly kind: 'chunk' }>;

/** A message as templates see it. */
interface Said {
  readonly message: NonNullable<Chunk['message']>;
  text: string;
}

/**
 * Streams the prompt of a conversation as one message: what its chat template makes of its messages, as the
 * tokens of the tokenizer, special ones included. Nothing is sent before it is whole.
 */
export async function* renderConversation(
  parts: RetrieveParts,
  input: RetrieveInput,
  render: RenderInput,
  signal: AbortSignal,
): AsyncGenerator<Iterable<RetrievePart>, void, void> {
  const { header, said } = await readText(parts, input, signal);
  const { conversation } = header;
  const { tokenizer } = conversation;
  const chat = {
    messages: said.map(({ message, text }) => messageOf(message, originalText(message.fieldsJson, text))),
    tools: toolsIn(said[0]?.message.fieldsJson),
    timeMs: conversation.createTimeMs,
  };
  const template = await templateFor(parts.tokenizers, tokenizer, render, chat);
  const { text } = await parts.tokenizers.render(template, signal);
  const encoded = await parts.tokenizers.encode(tokenizer, [Buffer.from(text)], signal, { specials: true });
  try {
    yield [header];
    const bytes = encoded.le32[0]!;
    const whole = promptChunk(0, { role: '', name: '', toolCallId: '' }, bytes);
    for await (const part of promptParts(parts, tokenizer, input, [whole], signal)) yield [part];
  } finally {
    encoded.release();
  }
}

async function readText(parts: RetrieveParts, input: RetrieveInput, signal: AbortSignal) {
  const { id, ifRevision, messageLimit } = input;
  const reading: RetrieveInput = {
    ...{ id, ifRevision, encoding: 'text', includeFields: true },
    ...(messageLimit !== undefined && { messageLimit }),
  };
  const said: Said[] = [];
  let header: Header | undefined;
  let bytes = 0;
  for await (const batch of retrieveConversation(parts, reading, signal)) {
    for (const part of batch) {
      if (part.kind === 'header') {
        header = part;
        continue;
      }
      const { message, content } = part;
      if (message !== undefined) said.push({ message, text: '' });
      bytes += Buffer.byteLength(message?.fieldsJson ?? '');
      if (content?.kind === 'text') {
        if (content.replaced)
          throw renderFailed(`message ${part.messageIndex} is not text: it has bytes that are not UTF-8`);
        said.at(-1)!.text += content.text;
        bytes += Buffer.byteLength(content.text);
      }
      if (bytes > limits.renderedBytesMax)
        throw renderFailed(
          `the messages have more than ${limits.renderedBytesMax} bytes of text and fields; render fewer of them`,
        );
    }
  }
  return { header: header!, said };
}

/** A conversation as a template takes it. */
type Chat = Pick<TemplateInput, 'messages' | 'tools' | 'timeMs'>;

/**
 * Finds the template of a tokenizer, or takes the one asked for.
 * @throws StowkenError NO_CHAT_TEMPLATE, UNKNOWN_TOKENIZER
 */
export async function templateFor(
  tokenizers: Tokenizers,
  tokenizer: string,
  { chatTemplate, addGenerationPrompt }: RenderInput,
  chat: Chat,
): Promise<TemplateInput> {
  const own = await tokenizers.chatTemplate(tokenizer);
  const source = chatTemplate ?? (chat.tools === undefined ? undefined : own?.withTools) ?? own?.source;
  if (source === undefined) {
    // A misspelt name would need no template, but its right spelling.
    const isKnown = tokenizers.resolve(tokenizer) !== undefined || (await tokenizers.has(tokenizer));
    throw isKnown || tokenizer === ''
      ? noChatTemplate(tokenizer)
      : unknownTokenizer(tokenizer, tokenizers.known);
  }
  const unknown = own?.specials ? null : /\b(?:bos|eos)_token\b/.exec(source);
  if (unknown)
    throw renderFailed(
      `the chat template uses ${unknown[0]}, and the server does not know that of tokenizer ${JSON.stringify(tokenizer)}: ` +
        "give serve --tokenizer the model's folder, with its tokenizer_config.json",
    );
  return { source, ...chat, specials: own?.specials ?? {}, addGenerationPrompt };
}

function noChatTemplate(tokenizer: string): StowkenError {
  return new StowkenError(
    'NO_CHAT_TEMPLATE',
    `tokenizer ${JSON.stringify(tokenizer)} has no chat template: name one in the request (--chat-template=FILE), ` +
      "or give serve --tokenizer the model's folder, with its tokenizer_config.json or chat_template.jinja",
    { tokenizer },
  );
}

/** Returns a message as templates see it. */
export function messageOf(
  { role, name, toolCallId }: Speaker,
  text: string,
): Readonly<Record<string, unknown>> {
  const { content, ...extras } = unseal(text);
  return {
    role,
    ...(name !== '' && { name }),
    ...(toolCallId !== '' && { tool_call_id: toolCallId }),
    content,
    ...extras,
  };
}

/** Returns the tokens of one message of a prompt. */
export function promptChunk(messageIndex: number, speaker: Speaker, le32: Uint8Array): TokenChunk {
  const tokenCount = le32.length / 4;
  return {
    messageIndex,
    message: { ...speaker, tokenCount },
    tokenOffset: 0,
    bytes: le32,
    tokenCount,
    last: true,
    endOfMessage: true,
  };
}

/** Yields a prompt in the encoding asked for, in chunks. */
export async function* promptParts(
  { tokenizers, core }: Pick<RetrieveParts, 'tokenizers' | 'core'>,
  tokenizer: string,
  { encoding, includeTokens = false }: Pick<RetrieveInput, 'encoding' | 'includeTokens'>,
  messages: readonly TokenChunk[],
  signal: AbortSignal,
): AsyncGenerator<RetrievePart, void, void> {
  const chunker = new ResponseChunker('le32', core);
  const chunks = messages.flatMap((message) => [...chunker.push(message)]);
  if (encoding === 'text') {
    const decode = (items: Parameters<Tokenizers['decode']>[1]) =>
      tokenizers.decode(tokenizer, items, signal);
    for await (const { chunk, text, replaced } of textChunks(listed(chunks), decode)) {
      const tokens = includeTokens ? { tokens: { le32: chunk.bytes, ends: undefined } } : {};
      yield partOf(chunk, { kind: 'text', text, replaced, ...tokens });
    }
  } else
    for (const chunk of chunks)
      yield partOf(
        chunk,
        encoding === 'le32'
          ? { kind: 'le32', bytes: chunk.bytes }
          : { kind: 'varints', bytes: core.fromLe32(chunk.bytes).varints },
      );
}

async function* listed<T>(items: readonly T[]): AsyncGenerator<T, void, void> {
  yield* items;
}

function partOf(chunk: TokenChunk, content: ChunkContent): RetrievePart {
  const { messageIndex, tokenOffset, endOfMessage, message, tokenCount } = chunk;
  return {
    kind: 'chunk',
    messageIndex,
    tokenOffset,
    content: tokenCount === 0 ? undefined : content,
    endOfMessage,
    message,
  };
}

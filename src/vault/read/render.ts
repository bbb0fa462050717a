import { limits, StowkenError, unseal } from '../../model/index.js';
import { renderFailed, type TemplateInput, type Tokenizers } from '../../text/index.js';
import type { ChunkContent } from '../content.js';
import { type RetrieveParts, retrieveConversation } from './retrieve.js';
import { type TokenChunk, ResponseChunker } from './response-chunker.js';
import { textChunks } from './text-chunks.js';
import { toolsIn } from './tools.js';
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
  const template = await templateFor(parts.tokenizers, tokenizer, render, said, conversation.createTimeMs);
  const text = await parts.tokenizers.render(template, signal);
  const encoded = await parts.tokenizers.encode(tokenizer, [Buffer.from(text)], signal, { specials: true });
  try {
    yield [header];
    for await (const part of rendered(parts, tokenizer, input, encoded.le32[0]!, signal)) yield [part];
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

async function templateFor(
  tokenizers: Tokenizers,
  tokenizer: string,
  { chatTemplate, addGenerationPrompt }: RenderInput,
  said: readonly Said[],
  timeMs: number,
): Promise<TemplateInput> {
  const own = await tokenizers.chatTemplate(tokenizer);
  const tools = toolsIn(said[0]?.message.fieldsJson);
  const source = chatTemplate ?? (tools === undefined ? undefined : own?.withTools) ?? own?.source;
  if (source === undefined) throw noChatTemplate(tokenizer);
  const unknown = own?.specials ? null : /\b(?:bos|eos)_token\b/.exec(source);
  if (unknown)
    throw renderFailed(
      `the chat template uses ${unknown[0]}, and the server does not know that of tokenizer ${JSON.stringify(tokenizer)}: ` +
        "give serve --tokenizer the model's folder, with its tokenizer_config.json",
    );
  const messages = said.map(messageOf);
  return { source, messages, tools, specials: own?.specials ?? {}, addGenerationPrompt, timeMs };
}

function noChatTemplate(tokenizer: string): StowkenError {
  return new StowkenError(
    'NO_CHAT_TEMPLATE',
    `tokenizer ${JSON.stringify(tokenizer)} has no chat template: name one in the request (get --render --chat-template ` +
      "FILE), or give serve --tokenizer the model's folder, with its tokenizer_config.json or chat_template.jinja",
    { tokenizer },
  );
}

function messageOf({ message: { role, name, toolCallId }, text }: Said): Readonly<Record<string, unknown>> {
  const { content, ...extras } = unseal(text);
  return {
    role,
    ...(name !== '' && { name }),
    ...(toolCallId !== '' && { tool_call_id: toolCallId }),
    content,
    ...extras,
  };
}

/** Yields the tokens of the prompt in the encoding asked for. */
async function* rendered(
  { tokenizers, core }: RetrieveParts,
  tokenizer: string,
  { encoding }: RetrieveInput,
  le32: Uint8Array,
  signal: AbortSignal,
): AsyncGenerator<RetrievePart, void, void> {
  const tokenCount = le32.length / 4;
  const whole: TokenChunk = {
    messageIndex: 0,
    message: { role: '', name: '', toolCallId: '', tokenCount },
    tokenOffset: 0,
    bytes: le32,
    tokenCount,
    last: true,
    endOfMessage: true,
  };
  const chunks = [...new ResponseChunker('le32', core).push(whole)];
  if (encoding === 'text') {
    const decode = (items: Parameters<Tokenizers['decode']>[1]) =>
      tokenizers.decode(tokenizer, items, signal);
    for await (const { chunk, text, replaced } of textChunks(listed(chunks), decode))
      yield partOf(chunk, { kind: 'text', text, replaced });
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

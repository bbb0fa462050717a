import { endianness } from 'node:os';
import type { Chunk, ContentForms, ConversationHeader, Encoding, Message } from './read-types.js';

const join: { readonly [E in Encoding]: (parts: readonly ContentForms[E][]) => ContentForms[E] } = {
  text: (parts) => parts.join(''),
  tokens: joinTokens,
};

/**
 * Joins chunks to whole messages, one in memory at a time; for a message that a range cuts, the part in the
 * range.
 */
export async function* wholeMessages<E extends Encoding>(
  encoding: E,
  parts: AsyncIterable<ConversationHeader | Chunk<E>>,
): AsyncGenerator<ConversationHeader | Message<E>, void, void> {
  let chunks: Chunk<E>[] = [];
  for await (const part of parts) {
    if (part.kind === 'header') {
      yield part;
      continue;
    }
    chunks.push(part);
    if (!part.endOfMessage) continue;
    yield joined(encoding, chunks);
    chunks = [];
  }
  if (chunks.length > 0) yield joined(encoding, chunks);
}

/** A chunk of text, or of tokens that no text stands for. */
export type ExactChunk = Omit<Chunk<'text'>, 'content'> & {
  readonly content: string | Uint32Array | undefined;
};

/**
 * Joins chunks to whole messages as wholeMessages() does. A message of which some chunks are text and some
 * are tokens, which is longer than most, is read once more as tokens.
 */
export async function* exactMessages(
  parts: AsyncIterable<ConversationHeader | ExactChunk>,
  readTokens: (index: number, revision: number) => AsyncIterable<ConversationHeader | Message<'tokens'>>,
): AsyncGenerator<ConversationHeader | Message<'text'> | Message<'tokens'>, void, void> {
  let revision = 0;
  let chunks: ExactChunk[] = [];
  for await (const part of parts) {
    if (part.kind === 'header') {
      ({ revision } = part.conversation);
      yield part;
      continue;
    }
    chunks.push(part);
    if (!part.endOfMessage) continue;
    yield* exactMessage(chunks, (index) => readTokens(index, revision));
    chunks = [];
  }
  if (chunks.length > 0) yield* exactMessage(chunks, (index) => readTokens(index, revision));
}

async function* exactMessage(
  chunks: readonly ExactChunk[],
  readTokens: (index: number) => AsyncIterable<ConversationHeader | Message<'tokens'>>,
): AsyncGenerator<Message<'text'> | Message<'tokens'>, void, void> {
  const isText = chunks.every(({ content }) => typeof content !== 'object');
  const isTokens = chunks.every(({ content }) => typeof content !== 'string');
  if (isText) yield joined('text', chunks as readonly Chunk<'text'>[]);
  else if (isTokens) yield joined('tokens', chunks as unknown as readonly Chunk<'tokens'>[]);
  else {
    for await (const part of readTokens(chunks[0]!.messageIndex)) if (part.kind === 'message') yield part;
  }
}

function joined<E extends Encoding>(encoding: E, chunks: readonly Chunk<E>[]): Message<E> {
  const { messageIndex, tokenOffset, message } = chunks[0]!;
  if (message === undefined) throw new Error(`message ${messageIndex} came without its role`);
  const contents = chunks.flatMap(({ content }) => (content === undefined ? [] : [content]));
  const content = join[encoding](contents);
  const replaced = chunks.some((chunk) => chunk.replaced);
  return {
    kind: 'message',
    index: messageIndex,
    tokenOffset,
    ...message,
    content,
    ...tokensOfText(chunks),
    replaced,
  };
}

/** Joins the tokens that came beside text, if any did. */
function tokensOfText(chunks: readonly Chunk<Encoding>[]): Pick<Message<Encoding>, 'tokens' | 'tokenEnds'> {
  const parts = chunks.flatMap(({ tokens }) => tokens ?? []);
  if (parts.length === 0) return {};
  const tokenEnds: number[] = [];
  let bytes = 0;
  for (const { content, tokens, tokenEnds: ends = [] } of chunks) {
    if (tokens && ends.length === 0) return { tokens: joinTokens(parts) };
    for (const end of ends) tokenEnds.push(bytes + end);
    bytes += Buffer.byteLength(content as string);
  }
  return { tokens: joinTokens(parts), tokenEnds };
}

const littleEndian = endianness() === 'LE';

/**
 * Converts token ids to le32 (4-byte little-endian). May share the memory of a Uint32Array given.
 * @throws RangeError if one is not a u32
 */
export function toLe32(tokens: Uint32Array | readonly number[]): Buffer {
  const le32 = tokens instanceof Uint32Array ? tokens : checked(tokens);
  const bytes = Buffer.from(le32.buffer, le32.byteOffset, le32.byteLength);
  return littleEndian ? bytes : Buffer.from(bytes).swap32();
}

/**
 * Converts le32 to token ids in memory of their own.
 * @throws RangeError if the size is not a multiple of 4 bytes
 */
export function fromLe32(bytes: Uint8Array): Uint32Array {
  if (bytes.length % 4 !== 0) throw new RangeError(`${bytes.length} bytes are not a multiple of 4`);
  const own = new Uint8Array(bytes); // A copy is aligned, and does not keep the whole response alive.
  if (!littleEndian) Buffer.from(own.buffer).swap32();
  return new Uint32Array(own.buffer);
}

export function isTokenId(value: unknown): value is number {
  return typeof value === 'number' && value >>> 0 === value;
}

function checked(tokens: readonly number[]): Uint32Array {
  const wrong = tokens.findIndex((token) => !isTokenId(token));
  if (wrong >= 0) {
    throw new RangeError(`token ${wrong} is ${tokens[wrong]}, not a whole number from 0 to 4294967295`);
  }
  return Uint32Array.from(tokens);
}

export function joinTokens(parts: readonly Uint32Array[]): Uint32Array {
  if (parts.length === 1) return parts[0]!;
  const joined = new Uint32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    joined.set(part, offset);
    offset += part.length;
  }
  return joined;
}

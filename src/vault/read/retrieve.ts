import type { Codec, TokenForm } from '../../codec/index.js';
import type { TokenCore } from '../../core/index.js';
import { isStowkenError, limits, type Reason } from '../../model/index.js';
import type { ConversationSnapshot, ReadAhead, StorageBackend } from '../../storage/index.js';
import type { Tokenizers } from '../../text/index.js';
import { throwIfAborted } from '../event-loop.js';
import type { ChunkContent } from '../content.js';
import type { RetrieveInput, RetrieveManyInput, RetrieveManyPart, RetrievePart } from './types.js';
import { openRevision } from './open-revision.js';
import { hasSegment, type SegmentSlice, slicesInRange } from './range.js';
import { type FieldReader, fieldReader, type ReadFields } from './fields.js';
import { ResponseChunker, type TokenChunk } from './response-chunker.js';
import { type FrameReader, type SegmentTokenCache, SegmentTokens } from './segment-tokens.js';
import { textChunks } from './text-chunks.js';

export interface RetrieveParts {
  readonly backend: StorageBackend;
  readonly codec: Codec;
  readonly core: TokenCore;
  readonly tokenizers: Tokenizers;
  readonly recent: SegmentTokenCache;
}

/** Parts that turn slices into chunks of tokens. */
export type TokenParts = Pick<RetrieveParts, 'codec' | 'core' | 'recent'> &
  FrameReader & { readonly fieldsOf?: FieldReader | undefined };

/**
 * Streams one revision, or a range of it: a header, then chunks, in batches. A batch's frames are read
 * together, once the batch before it has been consumed; its parts are made as they are taken.
 */
export async function* retrieveConversation(
  parts: RetrieveParts,
  input: RetrieveInput,
  signal: AbortSignal,
): AsyncGenerator<Iterable<RetrievePart>, void, void> {
  const snapshot = await openRevision(parts.backend, input.id, input.ifRevision, aheadOf(input));
  try {
    const fieldsOf = input.includeFields ? fieldReader(parts, signal) : undefined;
    const reading = { ...parts, fieldsOf, backend: readsFrames(snapshot) ? snapshot : parts.backend };
    const { conversation } = snapshot;
    const batches = slicesInRange(snapshot, input);
    // Reads the first batch before the header, so that a range past the end is refused before anything is
    // sent.
    const first = await batches.next();
    yield [{ kind: 'header', conversation }];
    if (first.done) return;
    const slots = chained(first.value, batches);
    const { exactText = false, includeTokens = false } = input;
    const hasText = !exactText || (await parts.tokenizers.has(conversation.tokenizer));
    if (input.encoding === 'text' && hasText) {
      const chunks = oneByOne(tokenChunks(reading, slots, 'le32', signal, (chunk) => chunk));
      const decode = (items: Parameters<Tokenizers['decode']>[1]) =>
        parts.tokenizers.decode(conversation.tokenizer, items, signal, {
          exact: exactText,
          ends: includeTokens,
        });
      for await (const { chunk, text, replaced, exact, ends } of textChunks(chunks, decode)) {
        const { bytes } = chunk;
        const tokens = includeTokens ? { tokens: { le32: bytes, ends } } : {};
        const content = { kind: 'text', text, replaced, ...tokens } as const;
        yield [toPart(chunk, exact ? content : { kind: 'le32', bytes })];
      }
    } else {
      const kind = input.encoding === 'tokens' ? 'varints' : 'le32';
      yield* tokenChunks(reading, slots, kind, signal, (chunk) =>
        toPart(chunk, { kind, bytes: chunk.bytes }),
      );
    }
  } finally {
    snapshot.release();
  }
}

/** Returns what is read first of a conversation; undefined if that goes by messages. */
function aheadOf({
  messageOffset = 0,
  tokenOffset = 0,
  tokenLimit = 0,
}: RetrieveInput): ReadAhead | undefined {
  if (messageOffset > 0) return undefined;
  return { from: tokenOffset, tokens: Math.min(tokenLimit || Infinity, limits.readBatchTokensMax) };
}

/** True if the conversation came with frames. */
export function readsFrames(
  snapshot: ConversationSnapshot,
): snapshot is ConversationSnapshot & Required<Pick<ConversationSnapshot, 'readFrames'>> {
  return snapshot.readFrames !== undefined;
}

async function* chained<T>(first: T, rest: AsyncIterable<T>): AsyncGenerator<T, void, void> {
  yield first;
  yield* rest;
}

/** Maps each chunk with `make`, in batches; a batch's chunks are made as they are taken. */
export async function* tokenChunks<T>(
  parts: TokenParts,
  batches: AsyncIterable<readonly SegmentSlice[]>,
  form: TokenForm,
  signal: AbortSignal,
  make: (chunk: TokenChunk) => T,
): AsyncGenerator<Iterable<T>, void, void> {
  const chunker = new ResponseChunker(form, parts.core);
  const reading = { ...parts, recent: parts.recent.forCall() };
  for await (const slots of batches) {
    throwIfAborted(signal);
    const tokens = await SegmentTokens.read(reading, slots.filter(hasSegment), form);
    const fields = parts.fieldsOf && (await parts.fieldsOf(reading, slots));
    yield chunksOf(slots, tokens, form, chunker, parts.core, make, fields);
  }
}

function* chunksOf<T>(
  slots: readonly SegmentSlice[],
  tokens: SegmentTokens,
  form: TokenForm,
  chunker: ResponseChunker,
  core: TokenCore,
  make: (chunk: TokenChunk) => T,
  fields: ReadonlyMap<number, ReadFields> = noFields,
): Generator<T, void, void> {
  for (const slot of slots) {
    const piece = {
      messageIndex: slot.messageIndex,
      message: slot.first ? described(slot, fields) : undefined,
      tokenOffset: slot.tokenOffset,
      bytes: slot.key === undefined ? noBytes : partOf(slot, tokens.next(), form, core),
      tokenCount: slot.to - slot.from,
      last: slot.last,
      endOfMessage: slot.endOfMessage,
    };
    for (const chunk of chunker.push(piece)) yield make(chunk);
  }
}

const noFields: ReadonlyMap<number, ReadFields> = new Map();

function described({ message, messageIndex }: SegmentSlice, fields: ReadonlyMap<number, ReadFields>) {
  const read = fields.get(messageIndex);
  return read === undefined ? message : { ...message, ...read };
}

const noBytes = new Uint8Array(0);

/** Returns the tokens of a segment that are asked for. */
function partOf(
  { tokenCount, from, to }: SegmentSlice,
  bytes: Uint8Array,
  form: TokenForm,
  core: TokenCore,
): Uint8Array {
  if (to - from === tokenCount) return bytes;
  if (form === 'le32') return bytes.subarray(4 * from, 4 * to);
  const rest = bytes.subarray(core.byteOffset(bytes, from));
  return rest.subarray(0, core.byteOffset(rest, to - from));
}

export async function* oneByOne<T>(batches: AsyncIterable<Iterable<T>>): AsyncGenerator<T, void, void> {
  for await (const batch of batches) yield* batch;
}

function toPart(chunk: TokenChunk, content: ChunkContent): RetrievePart {
  return {
    kind: 'chunk',
    messageIndex: chunk.messageIndex,
    tokenOffset: chunk.tokenOffset,
    content: chunk.tokenCount === 0 ? undefined : content,
    endOfMessage: chunk.endOfMessage,
    message: chunk.message,
  };
}

/** Reasons that concern one conversation and not the others. */
const ofOne: readonly Reason[] = [
  'CONVERSATION_NOT_FOUND',
  'CORRUPT_SEGMENT',
  'CORRUPT_STORE',
  'UNKNOWN_TOKENIZER',
  'UNDECODABLE_TOKEN',
  'TOKENIZER_CHANGED',
];

/**
 * Streams conversations one after the other, in the order asked. One that fails yields its error, and the
 * next one follows. Batches are made and consumed as those of retrieveConversation.
 */
export async function* retrieveConversations(
  parts: RetrieveParts,
  { ids, encoding }: RetrieveManyInput,
  signal: AbortSignal,
): AsyncGenerator<Iterable<RetrieveManyPart>, void, void> {
  for (const [index, id] of ids.entries()) {
    const state = { failed: false };
    try {
      for await (const batch of retrieveConversation(parts, { id, encoding }, signal)) {
        yield guarded(index, batch, state);
        if (state.failed) break;
      }
    } catch (error) {
      yield [failedPart(index, error)];
    }
  }
}

/** Yields a batch; if it fails while it is taken, it ends with its failure. */
function* guarded(
  index: number,
  batch: Iterable<RetrievePart>,
  state: { failed: boolean },
): Generator<RetrieveManyPart, void, void> {
  try {
    for (const part of batch) yield { index, part };
  } catch (error) {
    state.failed = true;
    yield failedPart(index, error);
  }
}

/** @throws an error that is not one conversation's failure */
export function failedPart(index: number, error: unknown): RetrieveManyPart {
  if (isStowkenError(error) && ofOne.includes(error.reason)) {
    return { index, part: { kind: 'failed', error } };
  }
  throw error;
}

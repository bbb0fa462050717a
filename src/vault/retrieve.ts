import type { Codec } from '../codec/index.js';
import type { TokenCore } from '../core/index.js';
import { limits, StowkenError } from '../model/index.js';
import type { StorageBackend } from '../storage/index.js';
import type { Tokenizers } from '../text/index.js';
import { Chunker, type TokenChunk, type TokenForm } from './chunker.js';
import { openRevision } from './open-revision.js';
import { slotsInRange } from './range.js';
import { inBatches, type Slot, type SlotSegment } from './slots.js';
import { textChunks } from './text-chunks.js';
import { throwIfAborted } from './turns.js';
import type { ChunkContent, MessageDescription, RetrieveInput, RetrievePart } from './types.js';

export interface RetrieveParts {
  readonly backend: StorageBackend;
  readonly codec: Codec;
  readonly core: TokenCore;
  readonly tokenizers: Tokenizers;
}

/**
 * Streams one revision, or a range of it: a header, then chunks, in batches. A batch's frames are read
 * together, when the batch before it has been taken to its end; its parts are made as they are taken.
 */
export async function* retrieveConversation(
  parts: RetrieveParts,
  input: RetrieveInput,
  signal: AbortSignal,
): AsyncGenerator<Iterable<RetrievePart>, void, void> {
  const snapshot = await openRevision(parts.backend, input.id, input.ifRevision);
  try {
    const { conversation } = snapshot;
    const batches = inBatches(slotsInRange(snapshot, input));
    // The first batch before the header: a range past the end is refused, and not begun.
    const first = batches.next();
    yield [{ kind: 'header', conversation }];
    if (first.done) return;
    const slots = chained(first.value, batches);
    if (input.encoding === 'text') {
      const chunks = oneByOne(tokenChunks(parts, slots, 'words', signal));
      const decode = (items: Parameters<Tokenizers['decode']>[1]) =>
        parts.tokenizers.decode(conversation.tokenizer, items, signal);
      for await (const { chunk, text, replaced } of textChunks(chunks, decode)) {
        yield [toPart(chunk, { kind: 'text', text, replaced })];
      }
    } else {
      const form = input.encoding === 'words' ? 'words' : 'varints';
      for await (const chunks of tokenChunks(parts, slots, form, signal)) yield tokenParts(chunks, form);
    }
  } finally {
    snapshot.release();
  }
}

function* chained<T>(first: T, rest: Iterable<T>): Generator<T, void, void> {
  yield first;
  yield* rest;
}

/** A chunk of tokens, and on the first one of a message who says it. */
export type DescribedChunk = TokenChunk & { readonly message: MessageDescription | undefined };

async function* tokenChunks(
  parts: RetrieveParts,
  batches: Iterable<readonly Slot[]>,
  form: TokenForm,
  signal: AbortSignal,
): AsyncGenerator<Iterable<DescribedChunk>, void, void> {
  const decoder = new SlotDecoder(parts.core, form);
  for (const slots of batches) {
    throwIfAborted(signal);
    const keys = slots.flatMap(({ segment }) => (segment ? [segment.key] : []));
    const frames = await parts.backend.readFrames(keys);
    // They are decoded as they are taken; a compaction may drop their registries before that.
    yield decoder.chunks(slots, frames, parts.codec.snapshot());
  }
}

/** Makes chunks of slots, batch after batch. */
class SlotDecoder {
  readonly #chunker: Chunker;
  #described = -1;

  constructor(
    private readonly core: TokenCore,
    private readonly form: TokenForm,
  ) {
    this.#chunker = new Chunker(form, core);
  }

  *chunks(
    slots: readonly Slot[],
    frames: readonly Uint8Array[],
    codec: Codec,
  ): Generator<DescribedChunk, void, void> {
    let decoded: readonly (Uint8Array | StowkenError)[] = [];
    let nextFrame = 0;
    let firstDecoded = 0;
    for (const [index, slot] of slots.entries()) {
      const { segment, messageIndex, tokenOffset, last, endOfMessage } = slot;
      let bytes: Uint8Array = noBytes;
      if (segment !== undefined) {
        if (nextFrame === firstDecoded + decoded.length) {
          firstDecoded = nextFrame;
          const ahead = frames.slice(nextFrame, nextFrame + framesAhead(slots, index));
          decoded = codec.decodeMany(ahead, this.form);
        }
        bytes = this.#partOf(segment, decoded[nextFrame++ - firstDecoded]!);
      }
      const tokenCount = segment === undefined ? 0 : segment.to - segment.from;
      const piece = { messageIndex, tokenOffset, bytes, tokenCount, last, endOfMessage };
      for (const chunk of this.#chunker.push(piece)) {
        const message = this.#described === messageIndex ? undefined : slot.message;
        this.#described = messageIndex;
        yield { ...chunk, message };
      }
    }
  }

  /** Of a segment's tokens, those asked for. */
  #partOf({ tokenCount, from, to }: SlotSegment, bytes: Uint8Array | StowkenError): Uint8Array {
    if (bytes instanceof StowkenError) throw bytes;
    if (to - from === tokenCount) return bytes;
    if (this.form === 'words') return bytes.subarray(4 * from, 4 * to);
    const rest = bytes.subarray(this.core.byteOffset(bytes, from));
    return rest.subarray(0, this.core.byteOffset(rest, to - from));
  }
}

/** How many segments are decoded together, from the one in slots[from] on: short ones, for they gain by it. */
function framesAhead(slots: readonly Slot[], from: number): number {
  let frames = 0;
  let tokens = 0;
  for (let index = from; index < slots.length && tokens < limits.decodeAheadTokensMax; index++) {
    const { segment } = slots[index]!;
    if (segment === undefined) continue;
    frames++;
    tokens += segment.tokenCount;
  }
  return frames;
}

const noBytes = new Uint8Array(0);

async function* oneByOne<T>(batches: AsyncIterable<Iterable<T>>): AsyncGenerator<T, void, void> {
  for await (const batch of batches) yield* batch;
}

function* tokenParts(chunks: Iterable<DescribedChunk>, form: TokenForm): Generator<RetrievePart, void, void> {
  for (const chunk of chunks) yield toPart(chunk, { kind: form, bytes: chunk.bytes });
}

function toPart(chunk: DescribedChunk, content: ChunkContent): RetrievePart {
  return {
    kind: 'chunk',
    messageIndex: chunk.messageIndex,
    tokenOffset: chunk.tokenOffset,
    content: chunk.tokenCount === 0 ? undefined : content,
    endOfMessage: chunk.endOfMessage,
    message: chunk.message,
  };
}

import type { Codec } from '../codec/index.js';
import type { TokenCore } from '../core/index.js';
import { limits, StowkenError } from '../model/index.js';
import type { ConversationSnapshot, StorageBackend } from '../storage/index.js';
import type { Tokenizers } from '../text/index.js';
import { Chunker, type TokenChunk, type TokenForm } from './chunker.js';
import { conversationNotFound } from './not-found.js';
import { slotBatches, type Slot } from './slots.js';
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
 * Streams one revision: a header, then chunks, in batches. A batch's frames are read together, when the
 * batch before it has been taken to its end; its parts are made as they are taken.
 */
export async function* retrieveConversation(
  parts: RetrieveParts,
  input: RetrieveInput,
  signal: AbortSignal,
): AsyncGenerator<Iterable<RetrievePart>, void, void> {
  const snapshot = await openRevision(parts.backend, input);
  try {
    const { conversation } = snapshot;
    yield [{ kind: 'header', conversation }];
    if (input.encoding === 'text') {
      const chunks = oneByOne(tokenChunks(parts, snapshot, 'words', signal));
      const decode = (items: Parameters<Tokenizers['decode']>[1]) =>
        parts.tokenizers.decode(conversation.tokenizer, items, signal);
      for await (const { chunk, text, replaced } of textChunks(chunks, decode)) {
        yield [toPart(chunk, { kind: 'text', text, replaced })];
      }
    } else {
      const form = input.encoding === 'words' ? 'words' : 'varints';
      for await (const chunks of tokenChunks(parts, snapshot, form, signal)) yield tokenParts(chunks, form);
    }
  } finally {
    snapshot.release();
  }
}

async function openRevision(backend: StorageBackend, input: RetrieveInput): Promise<ConversationSnapshot> {
  const { id, ifRevision } = input;
  const snapshot = await backend.openConversation(id);
  if (snapshot === undefined) throw conversationNotFound(id);
  const { revision } = snapshot.conversation;
  if (ifRevision === undefined || ifRevision === revision) return snapshot;
  snapshot.release();
  throw new StowkenError(
    'REVISION_MISMATCH',
    `conversation ${JSON.stringify(id)} is at revision ${revision}, not ${ifRevision}`,
    { id, revision: String(revision) },
  );
}

/** A chunk of tokens, and on a message's first one who says it. */
export type DescribedChunk = TokenChunk & { readonly message: MessageDescription | undefined };

async function* tokenChunks(
  { backend, codec, core }: RetrieveParts,
  snapshot: ConversationSnapshot,
  form: TokenForm,
  signal: AbortSignal,
): AsyncGenerator<Iterable<DescribedChunk>, void, void> {
  const chunker = new Chunker(form, core);
  for (const slots of slotBatches(snapshot.messages())) {
    throwIfAborted(signal);
    const frames = await backend.readFrames(slots.flatMap(({ segment }) => (segment ? [segment.key] : [])));
    // They are decoded as they are taken; a compaction may drop their registries before that.
    yield decodeSlots(slots, frames, codec.snapshot(), form, chunker);
  }
}

function* decodeSlots(
  slots: readonly Slot[],
  frames: readonly Uint8Array[],
  codec: Codec,
  form: TokenForm,
  chunker: Chunker,
): Generator<DescribedChunk, void, void> {
  let decoded: readonly (Uint8Array | StowkenError)[] = [];
  let nextFrame = 0;
  let firstDecoded = 0;
  for (const [index, { messageIndex, message, segment, last }] of slots.entries()) {
    let bytes: Uint8Array | StowkenError = noBytes;
    if (segment !== undefined) {
      if (nextFrame === firstDecoded + decoded.length) {
        firstDecoded = nextFrame;
        decoded = codec.decodeMany(frames.slice(nextFrame, nextFrame + framesAhead(slots, index)), form);
      }
      bytes = decoded[nextFrame++ - firstDecoded]!;
      if (bytes instanceof StowkenError) throw bytes;
    }
    for (const chunk of chunker.push(messageIndex, bytes, segment?.tokenCount ?? 0, last)) {
      yield { ...chunk, message: chunk.tokenOffset === 0 ? message : undefined };
    }
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

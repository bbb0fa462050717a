import type { Codec } from '../../codec/index.js';
import type { TokenCore } from '../../core/index.js';
import {
  isStowkenError,
  limits,
  type SegmentHash,
  segmentNotFound,
  StowkenError,
} from '../../model/index.js';
import type { FoundSegment, StorageBackend } from '../../storage/index.js';
import { ResponseChunker } from '../read/response-chunker.js';
import { throwIfAborted } from '../event-loop.js';
import type { GetSegmentsInput, SegmentPart } from './types.js';
import { eachOf } from './each.js';

export interface GetParts {
  readonly backend: StorageBackend;
  readonly core: TokenCore;
  readonly codec: Codec;
}

/** A segment that was found, or the error for it. */
type Found = (FoundSegment & { readonly hash: SegmentHash }) | StowkenError;

/** Streams segments in the order asked. Reads ahead no further than one batch. */
export async function* getSegments(
  parts: GetParts,
  { hashes, encoding }: GetSegmentsInput,
  signal: AbortSignal,
): AsyncGenerator<SegmentPart, void, void> {
  let index = 0;
  for (let at = 0; at < hashes.length; at += limits.readBatchSlotsMax) {
    const found = await findEach(parts.backend, hashes.slice(at, at + limits.readBatchSlotsMax));
    for (const batch of batches(found)) {
      throwIfAborted(signal);
      const frames = await readEach(parts.backend, batch);
      // Segments are decoded as they are taken; a compaction may drop their registries before that.
      const decoding = { ...parts, codec: parts.codec.snapshot() };
      for (const [position, segment] of batch.entries()) {
        yield* segmentParts(decoding, index++, segment, frames[position], encoding);
      }
    }
  }
}

async function findEach(backend: StorageBackend, hashes: readonly SegmentHash[]): Promise<Found[]> {
  const found = await eachOf(hashes, (some) => backend.findSegments(some));
  return found.map((segment, index) => {
    const hash = hashes[index]!;
    if (segment instanceof StowkenError) return segment;
    return segment === undefined ? segmentNotFound(hash) : { ...segment, hash };
  });
}

/** Splits the segments into batches small enough to hold: a limited number of tokens, or one segment. */
function* batches(found: readonly Found[]): Generator<Found[], void, void> {
  let batch: Found[] = [];
  let tokens = 0;
  for (const segment of found) {
    const tokenCount = segment instanceof StowkenError ? 0 : segment.tokenCount;
    if (batch.length > 0 && tokens + tokenCount > limits.readBatchTokensMax) {
      yield batch;
      batch = [];
      tokens = 0;
    }
    batch.push(segment);
    tokens += tokenCount;
  }
  if (batch.length > 0) yield batch;
}

/** Reads the frames of the segments found, at the same positions. */
async function readEach(
  backend: StorageBackend,
  batch: readonly Found[],
): Promise<(Uint8Array | StowkenError)[]> {
  const stored = batch.flatMap((segment) => (segment instanceof StowkenError ? [] : [segment.key]));
  const frames = await eachOf(stored, (keys) => backend.readFrames(keys));
  let next = 0;
  return batch.map((segment) => (segment instanceof StowkenError ? segment : frames[next++]!));
}

function* segmentParts(
  { core, codec }: GetParts,
  index: number,
  segment: Found,
  frame: Uint8Array | StowkenError | undefined,
  encoding: GetSegmentsInput['encoding'],
): Generator<SegmentPart, void, void> {
  const failed = (error: StowkenError): SegmentPart => ({ kind: 'failed', index, error });
  if (segment instanceof StowkenError) return yield failed(segment);
  if (!(frame instanceof Uint8Array)) {
    const gone = frame === undefined || frame.reason === 'SEGMENT_NOT_FOUND';
    return yield failed(gone ? segmentNotFound(segment.hash) : frame);
  }
  let bytes: Uint8Array;
  try {
    bytes = decode(core, codec, segment.hash, frame, encoding);
  } catch (error) {
    if (!isStowkenError(error, 'CORRUPT_SEGMENT')) throw error;
    return yield failed(error);
  }
  const { tokenCount } = segment;
  const form = encoding === 'le32' ? 'le32' : 'varints';
  const whole = {
    messageIndex: index,
    message: undefined,
    tokenOffset: 0,
    bytes,
    tokenCount,
    last: true,
    endOfMessage: true,
  };
  for (const chunk of new ResponseChunker(form, core).push(whole)) {
    yield {
      kind: 'chunk',
      index,
      tokenCount,
      tokenOffset: chunk.tokenOffset,
      content: { kind: form, bytes: chunk.bytes },
      endOfSegment: chunk.endOfMessage,
    };
  }
}

/** Decodes the tokens of a frame and compares them with the hash they were asked for by. */
function decode(
  core: TokenCore,
  codec: Codec,
  hash: SegmentHash,
  frame: Uint8Array,
  encoding: GetSegmentsInput['encoding'],
): Uint8Array {
  const le32 = codec.decodeLe32(frame);
  const found = core.hashLe32(le32);
  if (found === hash) return encoding === 'le32' ? le32 : codec.decode(frame).varints;
  throw new StowkenError('CORRUPT_SEGMENT', `the content stored as segment ${hash} has the hash ${found}`, {
    hash,
  });
}

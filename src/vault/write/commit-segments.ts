import type { Codec } from '../../codec/index.js';
import { isStowkenError, limits, type SegmentHash, type TokenRun } from '../../model/index.js';
import type {
  Change,
  ChangeResult,
  FoundSegment,
  ManifestOutcome,
  NewSegment,
  StorageBackend,
} from '../../storage/index.js';
import { yieldToEventLoop, throwIfAborted } from '../event-loop.js';
import type { StoreResult } from './types.js';

export interface CommitParts {
  readonly backend: StorageBackend;
  readonly codec: Codec;
}

/**
 * Makes a change that stores the segments it names. A segment found before the commit may have been collected
 * since, and the registry of the encoded frames may have been dropped. Then all of them are encoded again and
 * sent along.
 */
export async function commitWithSegments(
  { backend, codec }: CommitParts,
  change: Change,
  runOf: ReadonlyMap<SegmentHash, TokenRun>,
  hashes: Iterable<SegmentHash>,
  signal: AbortSignal,
): Promise<ChangeResult> {
  const newSegments = await encodeSegments(codec, runOf, hashes, signal);
  throwIfAborted(signal);
  try {
    return await backend.commit({ ...change, newSegments });
  } catch (error) {
    if (!isStale(error)) throw error;
    const all = await encodeSegments(codec, runOf, runOf.keys(), signal);
    throwIfAborted(signal);
    return backend.commit({ ...change, newSegments: all });
  }
}

/**
 * Stores these token sequences, which nothing names yet, for the conversation of this id; returns their
 * frames.
 */
export async function storeSegments(
  { backend, codec }: CommitParts,
  segmentsOf: string,
  runOf: ReadonlyMap<SegmentHash, TokenRun>,
  signal: AbortSignal,
): Promise<NewSegment[]> {
  let newSegments = await encodeSegments(codec, runOf, runOf.keys(), signal);
  throwIfAborted(signal);
  try {
    await backend.commit({ newSegments, segmentsOf });
  } catch (error) {
    if (!isStale(error)) throw error;
    newSegments = await encodeSegments(codec, runOf, runOf.keys(), signal);
    throwIfAborted(signal);
    await backend.commit({ newSegments, segmentsOf });
  }
  return newSegments;
}

/** True if frames or lookups were outdated when they were committed. */
function isStale(error: unknown): boolean {
  return isStowkenError(error, 'SEGMENT_MISSING') || isStowkenError(error, 'REGISTRY_CONFLICT');
}

/**
 * Returns those of these segments that have no reference. Only storing them again protects them until they
 * have one.
 */
export async function withoutReferences(
  backend: StorageBackend,
  segments: readonly (FoundSegment | undefined)[],
): Promise<boolean[]> {
  const stored = segments.flatMap((segment) => (segment === undefined ? [] : [segment.key]));
  const counts = await backend.countReferences(stored);
  let next = 0;
  return segments.map((segment) => segment === undefined || (counts[next++] ?? 0) === 0);
}

export function toStoreResult(outcome: ManifestOutcome): StoreResult {
  return {
    conversation: outcome.conversation,
    totalSegments: outcome.segments,
    newSegments: outcome.newSegments,
    newTokens: outcome.newTokens,
    storedBytes: outcome.newFrameBytes,
    unchanged: outcome.unchanged,
  };
}

/** Encodes the segments to store. */
export async function encodeSegments(
  codec: Codec,
  runOf: ReadonlyMap<SegmentHash, TokenRun>,
  hashes: Iterable<SegmentHash>,
  signal: AbortSignal,
): Promise<NewSegment[]> {
  const segments: NewSegment[] = [];
  let tokens = 0;
  for (const hash of hashes) {
    const run = runOf.get(hash)!;
    segments.push({ hash, tokenCount: run.tokenCount, frame: codec.encode(run) });
    tokens += run.tokenCount;
    if (tokens >= limits.turnTokensMax) {
      tokens = 0;
      await yieldToEventLoop();
      throwIfAborted(signal);
    }
  }
  return segments;
}

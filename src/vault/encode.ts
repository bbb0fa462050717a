import type { Codec } from '../codec/index.js';
import { limits, type SegmentHash, type TokenRun } from '../model/index.js';
import type { NewSegment } from '../storage/index.js';
import { breathe, throwIfAborted } from './turns.js';

/** The named runs as segments to store, encoded. */
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
      await breathe();
      throwIfAborted(signal);
    }
  }
  return segments;
}

import { limits, type SegmentHash, type TokenRun } from '../../model/index.js';
import type { Change, ChangeResult } from '../../storage/index.js';
import { type CommitParts, commitWithSegments } from './commit-segments.js';
import { EarlySegments } from './early-segments.js';

/**
 * Makes a change that names these token sequences. Only those that the vault does not have yet are encoded.
 * If these are many, they are stored in batches before the change: no commit holds up the others for long.
 */
export async function commitManifest(
  parts: CommitParts,
  change: Change,
  runOf: ReadonlyMap<SegmentHash, TokenRun>,
  signal: AbortSignal,
): Promise<ChangeResult> {
  const hashes = [...runOf.keys()];
  const { backend } = parts;
  const stored = backend.knownSegments?.(hashes) ?? (await backend.findSegments(hashes));
  const missing = hashes.filter((_, index) => stored[index] === undefined);
  const tokens = missing.reduce((sum, hash) => sum + runOf.get(hash)!.tokenCount, 0);
  if (tokens > limits.commitTokensMax) return commitInBatches(parts, change, runOf, signal);
  return commitWithSegments(parts, change, runOf, missing, signal);
}

async function commitInBatches(
  parts: CommitParts,
  change: Change,
  runOf: ReadonlyMap<SegmentHash, TokenRun>,
  signal: AbortSignal,
): Promise<ChangeResult> {
  const release = parts.backend.lease();
  try {
    const id = change.put?.spec.id ?? change.append?.id ?? '';
    const segments = new EarlySegments(parts, id, signal);
    for (const [hash, run] of runOf) await segments.add(hash, run);
    return await segments.commitWith(change);
  } finally {
    release();
  }
}

import { StowkenError, type SegmentHash } from '../../model/index.js';
import type { SegmentKey, StorageBackend } from '../../storage/index.js';
import { segmentNotFound } from '../not-found.js';
import type { GarbageSegmentPage } from '../types.js';
import { eachOf } from './each.js';

/** @throws StowkenError SEGMENT_NOT_FOUND, SEGMENT_REFERENCED */
export async function deleteSegment(backend: StorageBackend, hash: SegmentHash): Promise<void> {
  const { deleteSegments } = await backend.commit({ deleteSegments: [hash] });
  const outcome = deleteSegments![0];
  if (outcome === undefined) throw segmentNotFound(hash);
  if (outcome.deleted) return;
  const { refCount } = outcome;
  const why =
    refCount === 0
      ? 'may still be read by a stream'
      : `has ${refCount} ${refCount === 1 ? 'reference' : 'references'}`;
  throw new StowkenError('SEGMENT_REFERENCED', `segment ${hash} ${why}`, { ref_count: String(refCount) });
}

/**
 * A page of garbage with names; what is gone by then is left out.
 * @throws StowkenError CORRUPT_SEGMENT, CORRUPT_STORE for a segment whose name damage has taken
 */
export async function listGarbage(
  backend: StorageBackend,
  query: { readonly limit: number; readonly after?: SegmentKey },
): Promise<GarbageSegmentPage> {
  const page = await backend.listGarbage({ ...query, garbageBeforeMs: Infinity });
  const hashes = await eachOf(
    page.segments.map(({ key }) => key),
    (keys) => backend.readHashes(keys),
  );
  const segments = page.segments.flatMap(({ tokenCount, frameBytes }, index) => {
    const hash = hashes[index]!;
    if (typeof hash === 'string') return [{ hash, tokenCount, frameBytes }];
    if (hash.reason === 'SEGMENT_NOT_FOUND') return [];
    throw hash;
  });
  return { segments, next: page.next };
}

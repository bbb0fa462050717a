import { type SegmentHash, segmentNotFound, StowkenError } from '../../model/index.js';
import type { OutsideReference, ReferenceOutcome, SegmentKey, StorageBackend } from '../../storage/index.js';
import type { DamagedSegment, GarbageSegmentPage, HasSegmentOutcome, ReferenceResult } from './types.js';
import { eachOf } from './each.js';

export async function hasSegments(
  backend: StorageBackend,
  hashes: readonly SegmentHash[],
): Promise<HasSegmentOutcome[]> {
  const found = await eachOf(hashes, (some) => backend.findSegments(some));
  const stored = found.flatMap((segment) =>
    segment === undefined || segment instanceof StowkenError ? [] : [segment],
  );
  const counts = await backend.countReferences(stored.map(({ key }) => key));
  let next = 0;
  return found.map((segment) => {
    if (segment instanceof StowkenError) return { kind: 'failed', error: segment };
    const refCount = segment && counts[next++];
    if (segment === undefined || refCount === undefined) return { kind: 'absent' };
    return { kind: 'stored', tokenCount: segment.tokenCount, refCount };
  });
}

export async function addReferences(
  backend: StorageBackend,
  references: readonly OutsideReference[],
): Promise<ReferenceResult[]> {
  if (references.length === 0) return [];
  const result = await backend.commit({ addReferences: references });
  return named(references, result.addReferences!);
}

export async function removeReferences(
  backend: StorageBackend,
  references: readonly OutsideReference[],
): Promise<ReferenceResult[]> {
  if (references.length === 0) return [];
  const result = await backend.commit({ removeReferences: references });
  return named(references, result.removeReferences!);
}

function named(
  references: readonly OutsideReference[],
  outcomes: readonly ReferenceOutcome[],
): ReferenceResult[] {
  return outcomes.map((outcome, index) =>
    outcome === undefined
      ? { kind: 'failed', error: segmentNotFound(references[index]!.hash) }
      : { kind: 'done', refCount: outcome.refCount },
  );
}

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

/** Lists a page of garbage with hashes; segments deleted by then are left out. */
export async function listGarbage(
  backend: StorageBackend,
  query: { readonly limit: number; readonly after?: SegmentKey },
): Promise<GarbageSegmentPage> {
  const page = await backend.listGarbage({ ...query, garbageBeforeMs: Infinity });
  const hashes = await eachOf(
    page.segments.map(({ key }) => key),
    (keys) => backend.readHashes(keys),
  );
  const segments: GarbageSegmentPage['segments'][number][] = [];
  const damaged: DamagedSegment[] = [];
  for (const [index, { tokenCount, frameBytes }] of page.segments.entries()) {
    const hash = hashes[index]!;
    if (typeof hash === 'string') segments.push({ hash, tokenCount, frameBytes });
    else if (hash.reason !== 'SEGMENT_NOT_FOUND') damaged.push({ frameBytes, error: hash });
  }
  return { segments, damaged, next: page.next };
}

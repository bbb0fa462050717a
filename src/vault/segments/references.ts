import { StowkenError, type SegmentHash } from '../../model/index.js';
import type { OutsideReference, ReferenceOutcome, StorageBackend } from '../../storage/index.js';
import { segmentNotFound } from '../not-found.js';
import type { HasSegmentOutcome, ReferenceResult } from '../types.js';
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

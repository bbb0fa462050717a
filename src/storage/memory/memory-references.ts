import type { SegmentHash } from '../../model/index.js';
import type { DeletionOutcome, OutsideReference, ReferenceOutcome } from '../change.js';
import type { MemoryStore } from './memory-store.js';

export function addReferences(
  store: MemoryStore,
  references: readonly OutsideReference[],
): ReferenceOutcome[] {
  return references.map(({ hash, holder }) => {
    const segment = store.segmentByHash.get(hash);
    if (segment) store.hold(segment.id, holder);
    return segment && { refCount: segment.holders.size };
  });
}

export function removeReferences(
  store: MemoryStore,
  references: readonly OutsideReference[],
  nowMs: number,
): ReferenceOutcome[] {
  return references.map(({ hash, holder }) => {
    const segment = store.segmentByHash.get(hash);
    if (segment) store.release(segment.id, holder, nowMs);
    return segment && { refCount: segment.holders.size };
  });
}

export function deleteSegments(
  store: MemoryStore,
  hashes: readonly SegmentHash[],
  garbageSequenceMax: number,
): DeletionOutcome[] {
  return hashes.map((hash) => {
    const segment = store.segmentByHash.get(hash);
    const deleted = segment?.garbage !== undefined && segment.garbage.sequence <= garbageSequenceMax;
    if (segment && deleted) store.removeSegment(segment);
    return segment && { deleted, refCount: segment.holders.size };
  });
}

import type { SegmentHash } from '../../../model/index.js';
import type { DeletionOutcome, OutsideReference, ReferenceOutcome } from '../../change.js';
import type { WriteSession } from './write-session.js';

/** The parts of a change that concern outside references and single segments. They refuse nothing. */
export function addReferences(
  session: WriteSession,
  references: readonly OutsideReference[],
): ReferenceOutcome[] {
  return eachOf(session, references, (id, holder) => {
    if (session.references.add(id, holder)) session.segments.hold(id);
  });
}

export function removeReferences(
  session: WriteSession,
  references: readonly OutsideReference[],
): ReferenceOutcome[] {
  return eachOf(session, references, (id, holder) => {
    if (session.references.remove(id, holder)) session.segments.release(id);
  });
}

/** Changes those whose segment is stored, and says how many references that leaves each. */
function eachOf(
  session: WriteSession,
  references: readonly OutsideReference[],
  change: (id: number, holder: string) => void,
): ReferenceOutcome[] {
  return references.map(({ hash, holder }) => {
    const known = session.segments.find(hash);
    if (!known) return undefined;
    change(known.id, holder);
    return { refCount: session.segments.referencesOf(known.id) ?? 0 };
  });
}

/** Deletes what was garbage at `sequenceMax` and is. */
export function deleteSegments(
  session: WriteSession,
  hashes: readonly SegmentHash[],
  sequenceMax: number,
): DeletionOutcome[] {
  return hashes.map((hash) => {
    const known = session.segments.find(hash);
    if (!known) return undefined;
    const { segments } = session.segments.collect([known.id], Infinity, sequenceMax);
    return { deleted: segments === 1, refCount: session.segments.referencesOf(known.id) ?? 0 };
  });
}

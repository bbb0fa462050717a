import type { SegmentHash } from '../../../model/index.js';
import type { Change, DeletionOutcome, OutsideReference, ReferenceOutcome } from '../../change.js';
import { inParallel } from '../disk/parallel.js';
import type { Draft } from './draft.js';

/** The outside holders of the segments that a change is about. */
export type HoldersOf = ReadonlyMap<SegmentHash, Set<string>>;

/** Reads them ahead, where the segments are stored or come with the change. @throws StowkenError CORRUPT_STORE */
export async function readHolders(
  draft: Draft,
  { addReferences = [], removeReferences = [], newSegments = [] }: Change,
  read: (draft: Draft, hash: SegmentHash) => Promise<ReadonlySet<string>>,
): Promise<HoldersOf> {
  const brought = new Set(newSegments.map(({ hash }) => hash));
  const named = new Set([...addReferences, ...removeReferences].map(({ hash }) => hash));
  const holders = new Map<SegmentHash, Set<string>>();
  await inParallel(named, async (hash) => {
    if (brought.has(hash) || draft.segment(hash)) holders.set(hash, new Set(await read(draft, hash)));
  });
  return holders;
}

export function addReferences(
  draft: Draft,
  references: readonly OutsideReference[],
  holdersOf: HoldersOf,
): ReferenceOutcome[] {
  return changeHolders(draft, references, holdersOf, (holders, holder) => void holders.add(holder));
}

export function removeReferences(
  draft: Draft,
  references: readonly OutsideReference[],
  holdersOf: HoldersOf,
): ReferenceOutcome[] {
  return changeHolders(draft, references, holdersOf, (holders, holder) => void holders.delete(holder));
}

/** Changes the sets item by item, and the draft once a segment: its file is written as a whole. */
function changeHolders(
  draft: Draft,
  references: readonly OutsideReference[],
  holdersOf: HoldersOf,
  change: (holders: Set<string>, holder: string) => void,
): ReferenceOutcome[] {
  const sizesBefore = new Map<SegmentHash, number>();
  const outcomes = references.map(({ hash, holder }) => {
    const holders = holdersOf.get(hash);
    const entry = draft.segment(hash);
    if (!holders || !entry) return undefined;
    const sizeBefore = sizesBefore.get(hash) ?? holders.size;
    sizesBefore.set(hash, sizeBefore);
    change(holders, holder);
    return { refCount: entry.references + holders.size - sizeBefore };
  });
  for (const [hash, sizeBefore] of sizesBefore) {
    const holders = holdersOf.get(hash);
    if (holders && holders.size !== sizeBefore) draft.putHolders(hash, holders, sizeBefore);
  }
  return outcomes;
}

export function deleteSegments(
  draft: Draft,
  hashes: readonly SegmentHash[],
  sequenceMax: number,
): DeletionOutcome[] {
  return hashes.map((hash) => {
    const entry = draft.segment(hash);
    if (!entry) return undefined;
    const deleted = entry.references === 0 && entry.unreferencedSequence <= sequenceMax;
    if (deleted) draft.removeSegment(entry);
    return { deleted, refCount: entry.references };
  });
}

import type { Codec } from '../../../codec/index.js';
import { limits, type SegmentHash, StowkenError } from '../../../model/index.js';
import type {
  Change,
  DeletionOutcome,
  FrameReplacement,
  NewSegment,
  OutsideReference,
  ReferenceOutcome,
} from '../../contract/change.js';
import { inParallel } from '../disk/parallel.js';
import type { StagedCommit } from './staged-commit.js';

/** Decodes frames before they are stored, because afterwards they are the only copy of their tokens. */
export async function checkFrames(segments: readonly NewSegment[], codec: Codec): Promise<void> {
  let tokens = 0;
  for (const { hash, tokenCount, frame } of segments) {
    if (codec.hashOf(frame) !== hash || codec.decode(frame).tokenCount !== tokenCount) {
      const message = `a frame of ${frame.length} bytes does not hold the segment that it is stored as`;
      throw new StowkenError('CORRUPT_SEGMENT', message, { hash });
    }
    tokens += tokenCount;
    if (tokens < limits.turnTokensMax) continue;
    tokens = 0;
    await new Promise(setImmediate);
  }
}

/**
 * Returns for each replacement whether the stored frame is the expected one, after the replacements before
 * it.
 */
export async function matchReplacements(
  draft: StagedCommit,
  replacements: readonly FrameReplacement[],
  readFrame: (draft: StagedCommit, hash: SegmentHash) => Promise<Uint8Array | undefined>,
): Promise<boolean[]> {
  const current = new Map<SegmentHash, Uint8Array | undefined>();
  const matches: boolean[] = [];
  for (const { key, expected, frame } of replacements) {
    const hash = draft.segmentById(Number(key))?.hash;
    if (hash !== undefined && !current.has(hash)) current.set(hash, await readFrame(draft, hash));
    const stored = hash === undefined ? undefined : current.get(hash);
    const isExpected = stored !== undefined && Buffer.compare(stored, expected) === 0;
    if (isExpected && hash !== undefined) current.set(hash, frame);
    matches.push(isExpected);
  }
  return matches;
}

export function replaceFrames(
  draft: StagedCommit,
  replacements: readonly FrameReplacement[],
  matches: readonly boolean[],
): boolean[] {
  return replacements.map(({ key, frame }, at) => {
    // The change itself may have deleted it.
    const entry = matches[at] === true ? draft.segmentById(Number(key)) : undefined;
    if (entry) draft.replaceFrame(entry, frame);
    return entry !== undefined;
  });
}

/** Outside holders of the segments whose references change. */
export type HoldersOf = ReadonlyMap<SegmentHash, Set<string>>;

/**
 * Reads the holders ahead, if the segments are stored or part of the change.
 * @throws StowkenError CORRUPT_STORE
 */
export async function readHolders(
  draft: StagedCommit,
  { addReferences = [], removeReferences = [], newSegments = [] }: Change,
  read: (draft: StagedCommit, hash: SegmentHash) => Promise<ReadonlySet<string>>,
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
  draft: StagedCommit,
  references: readonly OutsideReference[],
  holdersOf: HoldersOf,
): ReferenceOutcome[] {
  return changeHolders(draft, references, holdersOf, (holders, holder) => void holders.add(holder));
}

export function removeReferences(
  draft: StagedCommit,
  references: readonly OutsideReference[],
  holdersOf: HoldersOf,
): ReferenceOutcome[] {
  return changeHolders(draft, references, holdersOf, (holders, holder) => void holders.delete(holder));
}

/** Changes the sets item by item, and the draft once per segment, whose file is written as a whole. */
function changeHolders(
  draft: StagedCommit,
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
  draft: StagedCommit,
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

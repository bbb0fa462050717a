import type { LiveCodec } from '../../../codec/index.js';
import type { SegmentHash } from '../../../model/index.js';
import type { ResultDraft } from '../../change-results.js';
import type { Change, ChangeResult, NewSegment, SegmentKey } from '../../change.js';
import { checkRegistries } from '../../needed-registries.js';
import { checkReplacements } from '../../replacements.js';
import type { Manifest } from '../layout/manifest-record.js';
import { checkFrames, matchReplacements, replaceFrames } from './apply-frames.js';
import { ManifestChanges } from './apply-manifests.js';
import { addReferences, deleteSegments, readHolders, removeReferences } from './apply-references.js';
import type { Draft } from './draft.js';

type Collect = NonNullable<Change['collect']>;

/** What checking a change needs. */
export interface Surroundings {
  readonly codec: LiveCodec;
  /** A file as the commits so far left it. @throws StowkenError CORRUPT_STORE */
  readonly readFile: (path: string) => Promise<Uint8Array | undefined>;
  /** The conversation's manifest as the draft leaves it. @throws StowkenError CORRUPT_STORE */
  readonly readManifest: (draft: Draft, id: string) => Promise<Manifest | undefined>;
  /** The segment's outside holders as the draft leaves them. @throws StowkenError CORRUPT_STORE */
  readonly readHolders: (draft: Draft, hash: SegmentHash) => Promise<ReadonlySet<string>>;
  /** The segment's frame as the draft leaves it. @throws StowkenError CORRUPT_STORE */
  readonly readFrame: (draft: Draft, hash: SegmentHash) => Promise<Uint8Array | undefined>;
  /** @throws StowkenError CORRUPT_STORE where it is not known what refers to segments */
  readonly assertAllReferencesRead: () => void;
  /** The oldest commit that an open snapshot saw. */
  readonly oldestLease: () => number;
}

/** Checks all preconditions of a change, then makes it part of the draft. What it throws has changed nothing. */
export async function applyChange(draft: Draft, change: Change, around: Surroundings): Promise<ChangeResult> {
  const { request } = change;
  const hashOf = (key: SegmentKey) => draft.segmentById(Number(key))?.hash;
  checkReplacements(change.replaceFrames ?? [], hashOf, around.codec);
  const replayed = request && (await draft.requests.replay(request, around.readFile));
  if (replayed) return replayed;
  const result = await applyParts(draft, change, around);
  if (request) draft.requests.remember(request, result);
  return result;
}

async function applyParts(draft: Draft, change: Change, around: Surroundings): Promise<ChangeResult> {
  const { newSegments = [], replaceFrames: replacements = [] } = change;
  checkRegistries(
    change,
    (id) => draft.registries.has(id),
    () => draft.registries.lastId(),
  );
  // A damaged one is refused before it is stored.
  if (change.putRegistry) around.codec.withRegistry(change.putRegistry.bytes);
  const manifests = await ManifestChanges.load(draft, change, around.readManifest);
  const samePut = change.put && manifests.checkPut(change.put, newSegments);
  if (change.append) manifests.checkAppend(change.append, newSegments);
  const sameFork = change.fork && manifests.checkFork(change.fork);
  if (change.delete) manifests.checkDelete(change.delete);
  if (change.collect || change.deleteSegments) around.assertAllReferencesRead();
  const result: ResultDraft = {};
  if (samePut) result.put = samePut;
  if (sameFork) result.fork = sameFork;
  const isNothing = (part: string) =>
    part === 'newSegments' ||
    part === 'request' ||
    (part === 'put' && samePut !== undefined) ||
    (part === 'fork' && sameFork !== undefined);
  if ((samePut ?? sameFork) && Object.keys(change).every(isNothing)) return result;
  const fresh = notStored(draft, newSegments);
  await checkFrames(fresh, around.codec);
  const holders = await readHolders(draft, change, around.readHolders);
  const matches = await matchReplacements(draft, replacements, around.readFrame);

  // What becomes garbage in this commit may be in a snapshot that is taken before it is visible.
  const sequenceMax = Math.min(around.oldestLease(), draft.sequence - 1);
  for (const segment of fresh) draft.addSegment(segment);
  if (change.put && !samePut) result.put = manifests.put(change.put, fresh);
  if (change.append) result.append = manifests.append(change.append, fresh);
  if (change.fork && !sameFork) result.fork = manifests.fork(change.fork);
  if (change.delete) result.delete = manifests.remove(change.delete);
  if (change.addReferences) result.addReferences = addReferences(draft, change.addReferences, holders);
  renewGarbage(draft, newSegments);
  if (change.removeReferences) {
    result.removeReferences = removeReferences(draft, change.removeReferences, holders);
  }
  if (change.deleteSegments)
    result.deleteSegments = deleteSegments(draft, change.deleteSegments, sequenceMax);
  if (change.putRegistry) draft.registries.put(change.putRegistry.bytes, change.putRegistry.timeMs);
  if (change.replaceFrames) result.replaceFrames = replaceFrames(draft, replacements, matches);
  if (change.dropRegistries) result.dropRegistries = draft.registries.drop(change.dropRegistries);
  if (change.collect) result.collect = collect(draft, change.collect, sequenceMax);
  return result;
}

/** Segments that were brought and that nothing refers to are garbage from now on, also where they were before. */
function renewGarbage(draft: Draft, brought: readonly NewSegment[]): void {
  for (const { hash } of brought) {
    const entry = draft.segment(hash);
    const isOlder = entry?.references === 0 && entry.unreferencedSequence < draft.sequence;
    if (entry && isOlder) draft.renewGarbage(entry);
  }
}

function notStored(draft: Draft, segments: readonly NewSegment[]): NewSegment[] {
  const byHash = new Map<string, NewSegment>();
  for (const segment of segments) {
    if (!draft.segment(segment.hash) && !byHash.has(segment.hash)) byHash.set(segment.hash, segment);
  }
  return [...byHash.values()];
}

function collect(
  draft: Draft,
  { keys, garbageBeforeMs }: Collect,
  sequenceMax: number,
): NonNullable<ChangeResult['collect']> {
  let segments = 0;
  let frameBytes = 0;
  for (const key of keys) {
    const entry = draft.segmentById(Number(key));
    if (!entry || entry.references > 0) continue;
    if (entry.unreferencedSinceMs > garbageBeforeMs || entry.unreferencedSequence > sequenceMax) continue;
    draft.removeSegment(entry);
    segments += 1;
    frameBytes += entry.frameBytes;
  }
  return { segments, frameBytes };
}

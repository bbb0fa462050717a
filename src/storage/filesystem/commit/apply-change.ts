import type { LiveCodec } from '../../../codec/index.js';
import type { SegmentHash } from '../../../model/index.js';
import { planChange } from '../../shared/apply-change.js';
import type { Change, ChangeResult, NewSegment, SegmentKey } from '../../contract/change.js';
import { checkReplacements } from '../../shared/registry-checks.js';
import type { Manifest } from '../layout/manifest-record.js';
import { checkFrames, matchReplacements, readHolders } from './apply-segments.js';
import { ManifestChanges } from './apply-manifests.js';
import type { StagedCommit } from './staged-commit.js';
import { FilesystemChangeOps } from './change-ops.js';

/** Dependencies of a change's checks. */
export interface CommitContext {
  readonly codec: LiveCodec;
  /** Reads a file as the commits so far left it. @throws StowkenError CORRUPT_STORE */
  readonly readFile: (path: string) => Promise<Uint8Array | undefined>;
  /** Reads the conversation's manifest as the draft leaves it. @throws StowkenError CORRUPT_STORE */
  readonly readManifest: (draft: StagedCommit, id: string) => Promise<Manifest | undefined>;
  /** Reads the segment's outside holders as the draft leaves them. @throws StowkenError CORRUPT_STORE */
  readonly readHolders: (draft: StagedCommit, hash: SegmentHash) => Promise<ReadonlySet<string>>;
  /** Reads the segment's frame as the draft leaves it. @throws StowkenError CORRUPT_STORE */
  readonly readFrame: (draft: StagedCommit, hash: SegmentHash) => Promise<Uint8Array | undefined>;
  /** @throws StowkenError CORRUPT_STORE if the references of segments are not completely known */
  readonly assertAllReferencesRead: () => void;
  /** Returns the oldest commit that an open snapshot saw. */
  readonly oldestLease: () => number;
}

/**
 * Adds a change to the draft. Files are read first, because neither the preconditions nor the change itself
 * may wait. If it throws, the draft is unchanged, or else it is broken and must not be committed.
 */
export async function applyChange(
  draft: StagedCommit,
  change: Change,
  around: CommitContext,
): Promise<ChangeResult> {
  const { request, newSegments = [], replaceFrames = [] } = change;
  const hashOf = (key: SegmentKey) => draft.segmentById(Number(key))?.hash;
  checkReplacements(replaceFrames, hashOf, around.codec);
  const replayed = request && (await draft.requests.replay(request, around.readFile));
  if (replayed) return replayed;
  // A damaged registry is refused before it is stored.
  if (change.putRegistry) around.codec.withRegistry(change.putRegistry.bytes);
  const manifests = await ManifestChanges.load(draft, change, around.readManifest);
  const ops = new FilesystemChangeOps(draft, manifests, around.assertAllReferencesRead);
  // Segments that become garbage in this commit may be in a snapshot taken before it is visible.
  const sequenceMax = Math.min(around.oldestLease(), draft.sequence - 1);
  const plan = planChange(ops, change, sequenceMax);
  if (!plan.changesNothing) {
    await checkFrames(notStored(draft, newSegments), around.codec);
    ops.prepare({
      holders: await readHolders(draft, change, around.readHolders),
      matches: await matchReplacements(draft, replaceFrames, around.readFrame),
    });
  }
  try {
    return plan.apply().result;
  } catch (error) {
    draft.isBroken = true;
    throw error;
  }
}

/** Returns the segments that are not stored, once each. */
function notStored(draft: StagedCommit, segments: readonly NewSegment[]): NewSegment[] {
  const byHash = new Map<string, NewSegment>();
  for (const segment of segments) {
    if (!draft.segment(segment.hash) && !byHash.has(segment.hash)) byHash.set(segment.hash, segment);
  }
  return [...byHash.values()];
}

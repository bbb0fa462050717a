import { planChange } from '../../shared/apply-change.js';
import type { Change, ChangeResult, NewSegment, SegmentKey } from '../../contract/change.js';
import { RecordedChangeOps } from '../../shared/recorded-change-ops.js';
import { checkReplacements } from '../../shared/registry-checks.js';
import { checkFrames, type CommitContext, readFrames, readHolders, readManifests } from './read-ahead.js';
import type { StagedCommit } from './staged-commit.js';

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
  draft.readAhead.manifests = await readManifests(draft, change, around);
  // Segments that become garbage in this commit may be in a snapshot taken before it is visible.
  const sequenceMax = Math.min(around.oldestLease(), draft.sequence - 1);
  const plan = planChange(new RecordedChangeOps(draft), change, sequenceMax);
  if (!plan.changesNothing) {
    await checkFrames(notStored(draft, newSegments), around.codec);
    draft.readAhead.holders = await readHolders(draft, change, around);
    draft.readAhead.frames = await readFrames(draft, change, around);
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

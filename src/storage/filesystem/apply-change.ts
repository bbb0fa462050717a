import type { LiveCodec } from '../../codec/index.js';
import type { MessageRecord, SegmentHash } from '../../model/index.js';
import type { Change, ChangeResult, NewSegment } from '../backend.js';
import { contentKey, distinctHashes } from '../content.js';
import { checkRegistries } from '../needed-registries.js';
import { putConversation } from '../put-conversation.js';
import { conversationExists, conversationNotFound, revisionMismatch, segmentMissing } from '../refusals.js';
import { checkReplacements } from '../replacements.js';
import { checkFrames, matchReplacements, replaceFrames } from './apply-frames.js';
import { addReferences, deleteSegments, readHolders, removeReferences } from './apply-references.js';
import type { Draft } from './draft.js';
import type { Manifest } from './records.js';
import type { SegmentEntry } from './vault-index.js';

type Put = NonNullable<Change['put']>;
type Delete = NonNullable<Change['delete']>;
type Collect = NonNullable<Change['collect']>;

/** What checking a change needs. */
export interface Surroundings {
  readonly codec: LiveCodec;
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
  const { newSegments = [], replaceFrames: replacements = [] } = change;
  checkReplacements(replacements, (key) => draft.segmentById(Number(key))?.hash, around.codec);
  checkRegistries(
    change,
    (id) => draft.registries.has(id),
    () => draft.registries.lastId(),
  );
  // A damaged one is refused before it is stored.
  if (change.putRegistry) around.codec.withRegistry(change.putRegistry.bytes);
  const existing = change.put && (await around.readManifest(draft, change.put.spec.id));
  const unchanged = change.put && checkPut(draft, change.put, newSegments, existing);
  const doomed = change.delete && (await checkDelete(draft, change.delete, around));
  if (change.collect || change.deleteSegments) around.assertAllReferencesRead();
  if (unchanged && Object.keys(change).every((part) => part === 'put' || part === 'newSegments')) {
    return { put: unchanged };
  }
  const fresh = notStored(draft, newSegments);
  await checkFrames(fresh, around.codec);
  const holders = await readHolders(draft, change, around.readHolders);
  const matches = await matchReplacements(draft, replacements, around.readFrame);

  // What becomes garbage in this commit may be in a snapshot that is taken before it is visible.
  const sequenceMax = Math.min(around.oldestLease(), draft.sequence - 1);
  const result: { -readonly [K in keyof ChangeResult]: ChangeResult[K] } = {};
  for (const segment of fresh) draft.addSegment(segment);
  if (change.put) result.put = unchanged ?? put(draft, change.put, existing, fresh);
  if (doomed) result.delete = remove(draft, doomed);
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

/** The result, when the very same content is there already. */
function checkPut(
  draft: Draft,
  { spec, messages, expect }: Put,
  newSegments: readonly NewSegment[],
  existing: Manifest | undefined,
): ChangeResult['put'] {
  const revision = existing?.conversation.revision ?? 0;
  if (expect.kind === 'revision' && expect.revision !== revision) {
    throw revisionMismatch(spec.id, expect.revision, revision);
  }
  if (expect.kind === 'absentOrSame' && existing) {
    const same = contentKey(existing.conversation, existing.messages) === contentKey(spec, messages);
    if (!same) throw conversationExists(spec.id, revision);
    return {
      conversation: existing.conversation,
      unchanged: true,
      segments: distinctHashes(existing.messages).size,
      newSegments: 0,
      newTokens: 0,
      newFrameBytes: 0,
    };
  }
  const brought = new Set(newSegments.map(({ hash }) => hash));
  const missing = [...distinctHashes(messages)].filter((hash) => !brought.has(hash) && !draft.segment(hash));
  if (missing.length > 0) throw segmentMissing(missing);
  return undefined;
}

async function checkDelete(
  draft: Draft,
  { id, revision }: Delete,
  { readManifest }: Surroundings,
): Promise<Manifest> {
  const existing = await readManifest(draft, id);
  if (!existing) throw conversationNotFound(id);
  const found = existing.conversation.revision;
  if (revision !== undefined && revision !== found) throw revisionMismatch(id, revision, found);
  return existing;
}

function notStored(draft: Draft, segments: readonly NewSegment[]): NewSegment[] {
  const byHash = new Map<string, NewSegment>();
  for (const segment of segments) {
    if (!draft.segment(segment.hash) && !byHash.has(segment.hash)) byHash.set(segment.hash, segment);
  }
  return [...byHash.values()];
}

function put(
  draft: Draft,
  change: Put,
  existing: Manifest | undefined,
  fresh: readonly NewSegment[],
): NonNullable<ChangeResult['put']> {
  const { messages } = change;
  const named = distinctHashes(messages);
  const stored = withStoredTokenCounts(draft, messages);
  const totalTokens = stored
    .flatMap(({ segments }) => segments)
    .reduce((sum, { tokenCount }) => sum + tokenCount, 0);
  const { lastCreateTimeMs } = draft;
  const conversation = putConversation(change, existing?.conversation, { totalTokens, lastCreateTimeMs });
  draft.lastCreateTimeMs = Math.max(conversation.createTimeMs, lastCreateTimeMs);
  const number = existing?.number ?? draft.takeConversationNumber();
  draft.putManifest({ number, conversation, messages: stored });

  const held = existing ? distinctHashes(existing.messages) : new Set<string>();
  for (const hash of named) if (!held.has(hash)) draft.hold(hash);
  for (const hash of held) if (!named.has(hash)) draft.release(hash);

  const added = fresh.filter(({ hash }) => named.has(hash));
  return {
    conversation,
    unchanged: false,
    segments: named.size,
    newSegments: added.length,
    newTokens: added.reduce((sum, { tokenCount }) => sum + tokenCount, 0),
    newFrameBytes: added.reduce((sum, { frame }) => sum + frame.length, 0),
  };
}

function withStoredTokenCounts(draft: Draft, messages: readonly MessageRecord[]): MessageRecord[] {
  return messages.map(({ role, name, toolCallId, segments }) => ({
    role,
    name,
    toolCallId,
    segments: segments.map(({ hash }) => {
      const { tokenCount } = draft.segment(hash) as SegmentEntry;
      return { hash, tokenCount };
    }),
  }));
}

function remove(draft: Draft, { conversation, messages }: Manifest): NonNullable<ChangeResult['delete']> {
  const hashes = distinctHashes(messages);
  draft.removeManifest(conversation.id);
  const garbage = [...hashes].filter((hash) => draft.release(hash));
  return { releasedReferences: hashes.size, garbageSegments: garbage.length };
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

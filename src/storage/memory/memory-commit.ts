import type { LiveCodec } from '../../codec/index.js';
import type { Change, ChangeResult, FrameReplacement } from '../backend.js';
import { contentKey, distinctHashes } from '../content.js';
import { checkRegistries } from '../needed-registries.js';
import { putConversation } from '../put-conversation.js';
import { conversationExists, conversationNotFound, revisionMismatch, segmentMissing } from '../refusals.js';
import { addReferences, deleteSegments, removeReferences } from './memory-references.js';
import { dropRegistries, putRegistry } from './memory-registries.js';
import type { MemoryConversation, MemorySegment, MemoryStore } from './memory-store.js';

type Put = NonNullable<Change['put']>;
type Delete = NonNullable<Change['delete']>;
type Collect = NonNullable<Change['collect']>;

/** Checks all preconditions of a change, then makes it. What it throws has changed nothing. */
export function commitToMemory(
  store: MemoryStore,
  change: Change,
  nowMs: number,
  oldestLease: number,
  codec: LiveCodec,
): ChangeResult {
  checkRegistries(
    change,
    (id) => store.registries.has(id),
    () => Math.max(0, ...store.registries.keys()),
  );
  if (change.putRegistry) codec.withRegistry(change.putRegistry.bytes); // refused when it is damaged
  const unchanged = change.put && checkPut(store, change.put, change);
  if (change.delete) checkDelete(store, change.delete);

  if (unchanged && Object.keys(change).every((part) => part === 'put' || part === 'newSegments')) {
    return { put: unchanged };
  }
  // What becomes garbage with this change stays: the backends agree, though here no snapshot could see it.
  const garbageSequenceMax = Math.min(oldestLease, store.sequence);
  store.sequence += 1;
  const added = new Set<string>();
  for (const { hash, tokenCount, frame } of change.newSegments ?? []) {
    const stored = store.segmentByHash.get(hash);
    if (stored?.garbage) store.markGarbage(stored, nowMs);
    if (stored) continue;
    store.addSegment(hash, tokenCount, frame, nowMs);
    added.add(hash);
  }
  const result: { -readonly [K in keyof ChangeResult]: ChangeResult[K] } = {};
  if (change.put) result.put = unchanged ?? put(store, change.put, added, nowMs);
  if (change.delete) result.delete = remove(store, change.delete, nowMs);
  if (change.addReferences) result.addReferences = addReferences(store, change.addReferences);
  if (change.removeReferences) {
    result.removeReferences = removeReferences(store, change.removeReferences, nowMs);
  }
  if (change.deleteSegments) {
    result.deleteSegments = deleteSegments(store, change.deleteSegments, garbageSequenceMax);
  }
  if (change.putRegistry) putRegistry(store, codec, change.putRegistry);
  if (change.replaceFrames) {
    result.replaceFrames = change.replaceFrames.map((each) => replaceFrame(store, each));
  }
  if (change.dropRegistries) result.dropRegistries = dropRegistries(store, codec, change.dropRegistries);
  if (change.collect) result.collect = collect(store, change.collect, garbageSequenceMax);
  return result;
}

/** The result, when the very same content is there already. */
function checkPut(store: MemoryStore, { spec, messages, expect }: Put, change: Change): ChangeResult['put'] {
  const existing = store.find(spec.id);
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
      segments: existing.segmentIds.size,
      newSegments: 0,
      newTokens: 0,
      newFrameBytes: 0,
    };
  }
  const brought = new Set(change.newSegments?.map(({ hash }) => hash));
  const missing = [...distinctHashes(messages)].filter(
    (hash) => !store.segmentByHash.has(hash) && !brought.has(hash),
  );
  if (missing.length > 0) throw segmentMissing(missing);
  return undefined;
}

function checkDelete(store: MemoryStore, { id, revision }: Delete): void {
  const existing = store.find(id);
  if (!existing) throw conversationNotFound(id);
  const found = existing.conversation.revision;
  if (revision !== undefined && revision !== found) throw revisionMismatch(id, revision, found);
}

function put(
  store: MemoryStore,
  change: Put,
  added: ReadonlySet<string>,
  nowMs: number,
): NonNullable<ChangeResult['put']> {
  const { spec, messages } = change;
  const existing = store.find(spec.id);
  const number = existing?.number ?? store.nextConversation++;
  const segmentOf = (hash: string) => store.segmentByHash.get(hash) as MemorySegment;
  const totalTokens = messages
    .flatMap(({ segments }) => segments)
    .reduce((sum, { hash }) => sum + segmentOf(hash).tokenCount, 0);
  const { lastCreateTimeMs } = store;
  const conversation = putConversation(change, existing?.conversation, { totalTokens, lastCreateTimeMs });
  store.lastCreateTimeMs = Math.max(lastCreateTimeMs, conversation.createTimeMs);
  const stored: MemoryConversation = {
    number,
    conversation,
    messages: messages.map(({ role, name, toolCallId, segments }) => ({
      role,
      name,
      toolCallId,
      segments: segments.map(({ hash }) => ({ hash, tokenCount: segmentOf(hash).tokenCount })),
    })),
    segmentIds: new Set([...distinctHashes(messages)].map((hash) => segmentOf(hash).id)),
  };
  store.conversations.set(number, stored);
  store.numberById.set(spec.id, number);
  for (const id of stored.segmentIds) store.hold(id, number);
  for (const id of existing?.segmentIds ?? []) {
    if (!stored.segmentIds.has(id)) store.release(id, number, nowMs);
  }
  const fresh = [...distinctHashes(messages)].filter((hash) => added.has(hash)).map(segmentOf);
  return {
    conversation: stored.conversation,
    unchanged: false,
    segments: stored.segmentIds.size,
    newSegments: fresh.length,
    newTokens: fresh.reduce((sum, { tokenCount }) => sum + tokenCount, 0),
    newFrameBytes: fresh.reduce((sum, { frame }) => sum + frame.length, 0),
  };
}

function remove(store: MemoryStore, { id }: Delete, nowMs: number): NonNullable<ChangeResult['delete']> {
  const { number, segmentIds } = store.find(id) as MemoryConversation;
  store.conversations.delete(number);
  store.numberById.delete(id);
  const garbage = [...segmentIds].filter((segment) => store.release(segment, number, nowMs));
  return { releasedReferences: segmentIds.size, garbageSegments: garbage.length };
}

function replaceFrame(store: MemoryStore, { key, expected, frame }: FrameReplacement): boolean {
  const segment = store.segments.get(Number(key));
  if (!segment || Buffer.compare(segment.frame, expected) !== 0) return false;
  segment.frame = frame.slice();
  return true;
}

function collect(
  store: MemoryStore,
  { keys, garbageBeforeMs }: Collect,
  garbageSequenceMax: number,
): NonNullable<ChangeResult['collect']> {
  let segments = 0;
  let frameBytes = 0;
  for (const key of keys) {
    const segment = store.segments.get(Number(key));
    const garbage = segment?.garbage;
    if (!segment || !garbage || garbage.sinceMs > garbageBeforeMs || garbage.sequence > garbageSequenceMax)
      continue;
    store.removeSegment(segment);
    segments += 1;
    frameBytes += segment.frame.length;
  }
  return { segments, frameBytes };
}

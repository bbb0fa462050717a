import type { Conversation } from '../../model/index.js';
import type { Change, ChangeResult, NewSegment } from '../backend.js';
import { addReferences, deleteSegments, removeReferences } from './apply-references.js';
import { contentKey, distinctHashes } from '../content.js';
import { checkRegistries } from '../needed-registries.js';
import { putConversation } from '../put-conversation.js';
import { conversationExists, conversationNotFound, revisionMismatch, segmentMissing } from '../refusals.js';
import { readManifest, removeManifest, writeManifest, type StoredManifest } from './conversations.js';
import { corruptConversation } from './manifest.js';
import { decodeMessages, encodeMessages, segmentsNamed } from './message-list.js';
import type { KnownSegment } from './segment-cache.js';
import type { WriteSession } from './write-session.js';

type Put = NonNullable<Change['put']>;
type Delete = NonNullable<Change['delete']>;

interface Existing extends StoredManifest {
  readonly number: number;
}

/**
 * Checks the preconditions of a change. What it throws is a refusal that concerns this change only;
 * what it returns makes the change, and where that throws the transaction must be aborted.
 */
export function planChange(
  session: WriteSession,
  change: Change,
  oldestLease: number,
): () => { readonly result: ChangeResult; readonly wrote: boolean } {
  checkRegistries(
    change,
    (id) => session.registries.has(id),
    () => session.registries.lastId(),
  );
  const existing = change.put && findExisting(session, change.put.spec.id);
  const unchanged = change.put && checkPut(session, change.put, change.newSegments ?? [], existing);
  const doomed = change.delete && checkDelete(session, change.delete);

  return () => {
    const result: { -readonly [K in keyof ChangeResult]: ChangeResult[K] } = {};
    if (unchanged && Object.keys(change).every((part) => part === 'put' || part === 'newSegments')) {
      return { result: { put: unchanged }, wrote: false };
    }
    // What became garbage in this transaction may be in a snapshot that is taken before it is visible.
    const sequenceMax = Math.min(oldestLease, session.state.commitSequence - 1);
    const brought = addSegments(session, change.newSegments ?? []);
    if (change.put) result.put = unchanged ?? put(session, change.put, existing, brought);
    if (change.addReferences) result.addReferences = addReferences(session, change.addReferences);
    for (const { id } of brought) if (session.referencesOf(id) === 0) session.markGarbage(id);
    if (change.delete && doomed) result.delete = remove(session, doomed);
    if (change.removeReferences) result.removeReferences = removeReferences(session, change.removeReferences);
    if (change.deleteSegments) {
      result.deleteSegments = deleteSegments(session, change.deleteSegments, sequenceMax);
    }
    if (change.putRegistry) session.putRegistry(change.putRegistry.bytes, change.putRegistry.timeMs);
    if (change.replaceFrames) result.replaceFrames = session.replaceFrames(change.replaceFrames);
    if (change.dropRegistries) result.dropRegistries = session.dropRegistries(change.dropRegistries);
    if (change.collect) {
      const { keys, garbageBeforeMs } = change.collect;
      result.collect = session.collect(keys.map(Number), garbageBeforeMs, sequenceMax);
    }
    return { result, wrote: true };
  };
}

function findExisting(session: WriteSession, id: string): Existing | undefined {
  const number = session.ids.find(id);
  if (number === undefined) return undefined;
  const manifest = readManifest(session.tables, number, session.nameOf);
  if (!manifest) throw corruptConversation(number, `the index leads to it from ${id}, and it is not there`);
  return { number, ...manifest };
}

/** The result, when the very same content is there already. */
function checkPut(
  session: WriteSession,
  { spec, messages, expect }: Put,
  newSegments: readonly NewSegment[],
  existing: Existing | undefined,
): ChangeResult['put'] {
  const revision = existing?.conversation.revision ?? 0;
  if (expect.kind === 'revision' && expect.revision !== revision) {
    throw revisionMismatch(spec.id, expect.revision, revision);
  }
  if (expect.kind === 'absentOrSame' && existing) {
    if (!sameContent(session, existing, { spec, messages })) throw conversationExists(spec.id, revision);
    return {
      conversation: existing.conversation,
      unchanged: true,
      segments: segmentsNamed(existing.list, session.nameOf).size,
      newSegments: 0,
      newTokens: 0,
      newFrameBytes: 0,
    };
  }
  const brought = new Set(newSegments.map(({ hash }) => hash));
  const missing = [...distinctHashes(messages)].filter((hash) => !brought.has(hash) && !session.find(hash));
  if (missing.length > 0) throw segmentMissing(missing);
  return undefined;
}

/** Compares with ids in place of hashes; a segment that is not stored has none. */
function sameContent(
  session: WriteSession,
  existing: Existing,
  { spec, messages }: Pick<Put, 'spec' | 'messages'>,
): boolean {
  const stored = [...decodeMessages(existing.list, session.nameOf)].map(({ segments, ...speaker }) => ({
    ...speaker,
    segments: segments.map(({ id, tokenCount }) => ({ hash: String(id), tokenCount })),
  }));
  const wanted = messages.map(({ segments, ...speaker }) => ({
    ...speaker,
    segments: segments.map(({ hash, tokenCount }) => ({
      hash: String(session.find(hash)?.id ?? hash),
      tokenCount,
    })),
  }));
  return contentKey(existing.conversation, stored) === contentKey(spec, wanted);
}

function checkDelete(session: WriteSession, { id, revision }: Delete): Existing {
  const existing = findExisting(session, id);
  if (!existing) throw conversationNotFound(id);
  const found = existing.conversation.revision;
  if (revision !== undefined && revision !== found) throw revisionMismatch(id, revision, found);
  return existing;
}

interface BroughtSegment extends KnownSegment {
  readonly frameBytes: number;
  readonly added: boolean;
}

/** Stores those that are not. */
function addSegments(session: WriteSession, newSegments: readonly NewSegment[]): BroughtSegment[] {
  return newSegments.map((segment) => {
    const stored = session.find(segment.hash);
    const known = stored ?? session.add(segment);
    return { ...known, frameBytes: segment.frame.length, added: stored === undefined };
  });
}

function put(
  session: WriteSession,
  change: Put,
  existing: Existing | undefined,
  brought: readonly BroughtSegment[],
): NonNullable<ChangeResult['put']> {
  const { spec, messages } = change;
  const { state } = session;
  const segmentOf = new Map<string, KnownSegment>();
  for (const hash of distinctHashes(messages)) {
    const known = session.find(hash);
    if (!known) throw segmentMissing([hash]);
    segmentOf.set(hash, known);
  }
  let totalTokens = 0;
  const listed = messages.map(({ segments, ...speaker }) => ({
    ...speaker,
    segments: segments.map(({ hash }) => {
      const { id, tokenCount } = segmentOf.get(hash) as KnownSegment;
      totalTokens += tokenCount;
      return { id, tokenCount };
    }),
  }));
  const { lastCreateTimeMs } = state;
  const conversation = putConversation(change, existing?.conversation, { totalTokens, lastCreateTimeMs });
  state.lastCreateTimeMs = Math.max(conversation.createTimeMs, lastCreateTimeMs);
  const number = existing?.number ?? state.nextConversation++;
  const list = encodeMessages(listed, session.names);
  writeManifest(session.tables, number, { conversation, list }, session.names, existing !== undefined);
  if (!existing) session.ids.insert(spec.id, number);
  countIn(session, conversation, 1);
  if (existing) countIn(session, existing.conversation, -1);

  const before = existing ? segmentsNamed(existing.list, session.nameOf) : new Set<number>();
  const ids = new Set([...segmentOf.values()].map(({ id }) => id));
  for (const id of ids) if (!before.has(id)) session.hold(id);
  for (const id of before) if (!ids.has(id)) session.release(id);

  const named = brought.filter(({ id, added }) => added && ids.has(id));
  return {
    conversation,
    unchanged: false,
    segments: ids.size,
    newSegments: named.length,
    newTokens: named.reduce((sum, { tokenCount }) => sum + tokenCount, 0),
    newFrameBytes: named.reduce((sum, { frameBytes }) => sum + frameBytes, 0),
  };
}

function remove(session: WriteSession, existing: Existing): NonNullable<ChangeResult['delete']> {
  const { number, conversation, list } = existing;
  removeManifest(session.tables, number);
  session.ids.remove(conversation.id);
  countIn(session, conversation, -1);
  const ids = segmentsNamed(list, session.nameOf);
  const garbage = [...ids].filter((id) => session.release(id));
  return { releasedReferences: ids.size, garbageSegments: garbage.length };
}

function countIn({ state }: WriteSession, conversation: Conversation, sign: 1 | -1): void {
  state.conversations += sign;
  state.messages += sign * conversation.messageCount;
  state.tokens += sign * conversation.totalTokens;
}

import type { Conversation, ConversationSpec, MessageRecord } from '../../model/index.js';
import type { Change, ManifestOutcome, NewSegment } from '../change.js';
import { contentKey, distinctHashes } from '../content.js';
import {
  conversationExists,
  conversationNotFound,
  prefixOutdated,
  rangePastEnd,
  revisionMismatch,
  segmentMissing,
} from '../refusals.js';
import { fingerprints, wholeBlocks } from '../prefix-blocks.js';
import { tokensOf } from '../record-snapshot.js';
import type { MemoryConversation, MemorySegment, MemoryStore } from './memory-store.js';

type Part<Name extends keyof Change> = NonNullable<Change[Name]>;

/** The outcome, when the very same content is there already. */
export function checkPut(
  store: MemoryStore,
  { spec, messages, expect }: Part<'put'>,
  newSegments: readonly NewSegment[],
): ManifestOutcome | undefined {
  const existing = store.find(spec.id);
  const revision = existing?.conversation.revision ?? 0;
  if (expect.kind === 'revision' && expect.revision !== revision) {
    throw revisionMismatch(spec.id, expect.revision, revision);
  }
  if (expect.kind === 'absentOrSame' && existing) {
    const same = contentKey(existing.conversation, existing.messages) === contentKey(spec, messages);
    if (!same) throw conversationExists(spec.id, revision);
    return { ...nothingNew(existing.conversation), segments: existing.segmentIds.size };
  }
  checkSegments(store, messages, newSegments);
  return undefined;
}

export function checkAppend(
  store: MemoryStore,
  { id, messages, revision, prefix }: Part<'append'>,
  newSegments: readonly NewSegment[],
): void {
  const { totalTokens } = checkRevision(store, id, revision).conversation;
  if (prefix && prefix.afterTokens !== totalTokens) throw prefixOutdated(id);
  checkSegments(store, messages, newSegments);
}

/** The outcome, when the very same content is there already. */
export function checkFork(store: MemoryStore, fork: Part<'fork'>): ManifestOutcome | undefined {
  const { id, newId, messageCount, revision } = fork;
  const parent = checkRevision(store, id, revision);
  if (messageCount !== undefined && messageCount > parent.messages.length) {
    throw rangePastEnd(id, 'message_count', messageCount, parent.messages.length);
  }
  const existing = store.find(newId);
  if (!existing) return undefined;
  const { spec, messages } = forked(parent, fork);
  if (contentKey(existing.conversation, existing.messages) !== contentKey(spec, messages)) {
    throw conversationExists(newId, existing.conversation.revision);
  }
  return nothingNew(existing.conversation);
}

export function checkDelete(store: MemoryStore, { id, revision }: Part<'delete'>): void {
  checkRevision(store, id, revision);
}

export function put(
  store: MemoryStore,
  { spec, messages, timeMs, prefix }: Part<'put'>,
  added: ReadonlySet<string>,
  nowMs: number,
): ManifestOutcome {
  const conversation = write(store, spec, [...messages], fingerprints(prefix), timeMs, nowMs);
  return outcome(store, conversation, messages, added);
}

export function append(
  store: MemoryStore,
  { id, messages, timeMs, prefix }: Part<'append'>,
  added: ReadonlySet<string>,
  nowMs: number,
): ManifestOutcome {
  const { conversation, messages: before, prefix: known } = store.find(id) as MemoryConversation;
  const isWhole = known.length === wholeBlocks(conversation.totalTokens);
  const blocks = isWhole ? [...known, ...fingerprints(prefix?.blocks)] : known;
  const appended = write(store, specOf(conversation), [...before, ...messages], blocks, timeMs, nowMs);
  return outcome(store, appended, messages, added);
}

export function fork(store: MemoryStore, change: Part<'fork'>, nowMs: number): ManifestOutcome {
  const parent = store.find(change.id) as MemoryConversation;
  const { spec, messages } = forked(parent, change);
  const blocks = wholeBlocks(messages.reduce((sum, message) => sum + tokensOf(message), 0));
  const prefix = change.indexed ? parent.prefix.slice(0, blocks) : [];
  return nothingNew(write(store, spec, messages, prefix, change.timeMs, nowMs), false);
}

export function remove(store: MemoryStore, { id }: Part<'delete'>, nowMs: number) {
  const { number, segmentIds } = store.find(id) as MemoryConversation;
  store.conversations.delete(number);
  store.numberById.delete(id);
  const garbage = [...segmentIds].filter((segment) => store.release(segment, number, nowMs));
  return { releasedReferences: segmentIds.size, garbageSegments: garbage.length };
}

/** Puts a manifest in place of the one that has its id, if any. */
function write(
  store: MemoryStore,
  spec: ConversationSpec,
  messages: readonly MessageRecord[],
  prefix: readonly string[],
  timeMs: number,
  nowMs: number,
): Conversation {
  const existing = store.find(spec.id);
  const number = existing?.number ?? store.nextConversation++;
  const createTimeMs = existing?.conversation.createTimeMs ?? Math.max(timeMs, store.lastCreateTimeMs);
  store.lastCreateTimeMs = Math.max(store.lastCreateTimeMs, createTimeMs);
  const segmentOf = (hash: string) => store.segmentByHash.get(hash) as MemorySegment;
  const listed = messages.map(({ role, name, toolCallId, segments }) => ({
    role,
    name,
    toolCallId,
    segments: segments.map(({ hash }) => ({ hash, tokenCount: segmentOf(hash).tokenCount })),
  }));
  const stored: MemoryConversation = {
    number,
    conversation: {
      ...spec,
      metadata: { ...spec.metadata },
      revision: (existing?.conversation.revision ?? 0) + 1,
      totalTokens: listed.reduce((sum, message) => sum + tokensOf(message), 0),
      messageCount: messages.length,
      createTimeMs,
      updateTimeMs: Math.max(timeMs, existing?.conversation.updateTimeMs ?? createTimeMs),
    },
    messages: listed,
    segmentIds: new Set([...distinctHashes(messages)].map((hash) => segmentOf(hash).id)),
    prefix,
  };
  store.conversations.set(number, stored);
  store.numberById.set(spec.id, number);
  for (const id of stored.segmentIds) store.hold(id, number);
  for (const id of existing?.segmentIds ?? []) {
    if (!stored.segmentIds.has(id)) store.release(id, number, nowMs);
  }
  return stored.conversation;
}

function forked({ conversation, messages }: MemoryConversation, { id, newId, messageCount }: Part<'fork'>) {
  const spec = { ...specOf(conversation), id: newId, parentId: id };
  return { spec, messages: messages.slice(0, messageCount) };
}

function specOf(conversation: Conversation): ConversationSpec {
  const { id, application, model, tokenizer, parentId, expireTimeMs, metadata } = conversation;
  return { id, application, model, tokenizer, parentId, expireTimeMs, metadata };
}

function checkRevision(store: MemoryStore, id: string, revision: number | undefined): MemoryConversation {
  const existing = store.find(id);
  if (!existing) throw conversationNotFound(id);
  const found = existing.conversation.revision;
  if (revision !== undefined && revision !== found) throw revisionMismatch(id, revision, found);
  return existing;
}

function checkSegments(
  store: MemoryStore,
  messages: Iterable<MessageRecord>,
  newSegments: readonly NewSegment[],
): void {
  const brought = new Set(newSegments.map(({ hash }) => hash));
  const missing = [...distinctHashes(messages)].filter(
    (hash) => !store.segmentByHash.has(hash) && !brought.has(hash),
  );
  if (missing.length > 0) throw segmentMissing(missing);
}

function outcome(
  store: MemoryStore,
  conversation: Conversation,
  messages: Iterable<MessageRecord>,
  added: ReadonlySet<string>,
): ManifestOutcome {
  const named = distinctHashes(messages);
  const fresh = [...named].filter((hash) => added.has(hash)).map((hash) => store.segmentByHash.get(hash));
  return {
    conversation,
    unchanged: false,
    segments: named.size,
    newSegments: fresh.length,
    newTokens: fresh.reduce((sum, segment) => sum + (segment?.tokenCount ?? 0), 0),
    newFrameBytes: fresh.reduce((sum, segment) => sum + (segment?.frame.length ?? 0), 0),
  };
}

function nothingNew(conversation: Conversation, unchanged = true): ManifestOutcome {
  return { conversation, unchanged, segments: 0, newSegments: 0, newTokens: 0, newFrameBytes: 0 };
}

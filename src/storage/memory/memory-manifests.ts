import type { Conversation, ConversationSpec, MessageRecord } from '../../model/index.js';
import type { Change, ManifestOutcome, NewSegment } from '../change.js';
import { distinctHashes } from '../content.js';
import * as rules from '../manifest-rules.js';
import { fingerprints, wholeBlocks } from '../prefix-blocks.js';
import { tokensOf } from '../record-snapshot.js';
import { prefixOutdated } from '../refusals.js';
import type { MemoryConversation, MemorySegment, MemoryStore } from './memory-store.js';

type Part<Name extends keyof Change> = NonNullable<Change[Name]>;

/** The outcome, when the very same content is there already. */
export function checkPut(
  store: MemoryStore,
  put: Part<'put'>,
  newSegments: readonly NewSegment[],
): ManifestOutcome | undefined {
  const same = rules.checkPut(store.find(put.spec.id), put);
  if (!same) requireSegments(store, put.messages, newSegments);
  return same;
}

export function checkAppend(
  store: MemoryStore,
  { id, messages, revision, prefix }: Part<'append'>,
  newSegments: readonly NewSegment[],
): void {
  const { totalTokens } = conversationOf(store, id, revision).conversation;
  if (prefix && prefix.afterTokens !== totalTokens) throw prefixOutdated(id);
  requireSegments(store, messages, newSegments);
}

/** The outcome, when the very same content is there already. */
export function checkFork(store: MemoryStore, fork: Part<'fork'>): ManifestOutcome | undefined {
  return rules.checkFork(conversationOf(store, fork.id, fork.revision), store.find(fork.newId), fork);
}

export function checkDelete(store: MemoryStore, { id, revision }: Part<'delete'>): void {
  conversationOf(store, id, revision);
}

export function put(
  store: MemoryStore,
  { spec, messages, timeMs, prefix }: Part<'put'>,
  added: readonly NewSegment[],
  nowMs: number,
): ManifestOutcome {
  const conversation = write(store, spec, [...messages], fingerprints(prefix), timeMs, nowMs);
  return rules.broughtOutcome(conversation, messages, added);
}

export function append(
  store: MemoryStore,
  { id, messages, timeMs, prefix }: Part<'append'>,
  added: readonly NewSegment[],
  nowMs: number,
): ManifestOutcome {
  const { conversation, messages: before, prefix: known } = conversationOf(store, id);
  const isWhole = known.length === wholeBlocks(conversation.totalTokens);
  const blocks = isWhole ? [...known, ...fingerprints(prefix?.blocks)] : known;
  const spec = rules.specOf(conversation);
  const appended = write(store, spec, [...before, ...messages], blocks, timeMs, nowMs);
  return rules.broughtOutcome(appended, messages, added);
}

export function fork(store: MemoryStore, change: Part<'fork'>, nowMs: number): ManifestOutcome {
  const parent = conversationOf(store, change.id);
  const { spec, messages } = rules.forked(parent, change);
  const blocks = wholeBlocks(messages.reduce((sum, message) => sum + tokensOf(message), 0));
  const prefix = change.indexed ? parent.prefix.slice(0, blocks) : [];
  return rules.nothingNew(write(store, spec, messages, prefix, change.timeMs, nowMs), false);
}

export function remove(store: MemoryStore, { id }: Part<'delete'>, nowMs: number) {
  const { number, segmentIds } = conversationOf(store, id);
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
  const segmentOf = (hash: string) => store.segmentByHash.get(hash) as MemorySegment;
  const listed = messages.map(({ role, name, toolCallId, segments }) => ({
    role,
    name,
    toolCallId,
    segments: segments.map(({ hash }) => ({ hash, tokenCount: segmentOf(hash).tokenCount })),
  }));
  const { lastCreateTimeMs } = store;
  const times = { timeMs, lastCreateTimeMs };
  const conversation = rules.nextRevision(spec, rules.sizeOf(listed), times, existing?.conversation);
  store.lastCreateTimeMs = Math.max(lastCreateTimeMs, conversation.createTimeMs);
  const segmentIds = new Set([...distinctHashes(messages)].map((hash) => segmentOf(hash).id));
  store.conversations.set(number, { number, conversation, messages: listed, segmentIds, prefix });
  store.numberById.set(spec.id, number);
  for (const id of segmentIds) store.hold(id, number);
  for (const id of existing?.segmentIds ?? []) {
    if (!segmentIds.has(id)) store.release(id, number, nowMs);
  }
  return conversation;
}

function conversationOf(store: MemoryStore, id: string, revision?: number): MemoryConversation {
  return rules.requireConversation(store.find(id), id, revision);
}

function requireSegments(
  store: MemoryStore,
  messages: Iterable<MessageRecord>,
  newSegments: readonly NewSegment[],
): void {
  rules.requireSegments(messages, newSegments, (hash) => store.segmentByHash.has(hash));
}

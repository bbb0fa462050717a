import { type Conversation, type ConversationSpec, type MessageRecord, present } from '../../model/index.js';
import type { ChangeResult, ManifestOutcome, NewSegment } from '../contract/change.js';
import { fingerprints, wholeBlocks } from '../contract/queries.js';
import type { Part } from '../shared/apply-change.js';
import * as rules from '../shared/manifest-rules.js';
import { distinctHashes, tokensOf } from '../shared/records.js';
import { prefixOutdated } from '../shared/refusals.js';
import type { MemoryConversation, MemoryStore } from './store.js';

/** Conversations of a memory store: checks and writes of one change. */
export class MemoryManifests {
  constructor(
    private readonly store: MemoryStore,
    private readonly nowMs: number,
  ) {}

  /** Returns the outcome if the very same content is stored already. */
  checkPut(put: Part<'put'>, newSegments: readonly NewSegment[]): ManifestOutcome | undefined {
    const unchanged = rules.checkRecordedPut(this.store.find(put.spec.id), put);
    if (!unchanged) this.#requireSegments(put.messages, newSegments);
    return unchanged;
  }

  checkAppend({ id, messages, revision, prefix }: Part<'append'>, newSegments: readonly NewSegment[]): void {
    const { totalTokens } = this.#require(id, revision).conversation;
    if (prefix && prefix.afterTokens !== totalTokens) throw prefixOutdated(id);
    this.#requireSegments(messages, newSegments);
  }

  /** Returns the outcome if the very same content is stored already. */
  checkFork(fork: Part<'fork'>): ManifestOutcome | undefined {
    return rules.checkRecordedFork(this.#require(fork.id, fork.revision), this.store.find(fork.newId), fork);
  }

  checkDelete({ id, revision }: Part<'delete'>): void {
    this.#require(id, revision);
  }

  put({ spec, messages, timeMs, prefix }: Part<'put'>, added: readonly NewSegment[]): ManifestOutcome {
    const conversation = this.#write(spec, [...messages], fingerprints(prefix), timeMs);
    return rules.storedOutcome(conversation, messages, added);
  }

  append({ id, messages, timeMs, prefix }: Part<'append'>, added: readonly NewSegment[]): ManifestOutcome {
    const { conversation, messages: before, prefix: known } = this.#require(id);
    const isWhole = known.length === wholeBlocks(conversation.totalTokens);
    const blocks = isWhole ? [...known, ...fingerprints(prefix?.blocks)] : known;
    const appended = this.#write(rules.specOf(conversation), [...before, ...messages], blocks, timeMs);
    return rules.storedOutcome(appended, messages, added);
  }

  fork(change: Part<'fork'>): ManifestOutcome {
    const parent = this.#require(change.id);
    const { spec, messages } = rules.forked(parent, change);
    const blocks = wholeBlocks(messages.reduce((sum, message) => sum + tokensOf(message), 0));
    const prefix = change.indexed ? parent.prefix.slice(0, blocks) : [];
    return rules.nothingNew(this.#write(spec, messages, prefix, change.timeMs), false);
  }

  delete({ id }: Part<'delete'>): NonNullable<ChangeResult['delete']> {
    const { number, segmentIds } = this.#require(id);
    this.store.conversations.delete(number);
    this.store.numberById.delete(id);
    const garbage = [...segmentIds].filter((segment) => this.store.release(segment, number, this.nowMs));
    return { releasedReferences: segmentIds.size, garbageSegments: garbage.length };
  }

  /** Writes a manifest, replacing the one with its id, if any. */
  #write(
    spec: ConversationSpec,
    messages: readonly MessageRecord[],
    prefix: readonly string[],
    timeMs: number,
  ): Conversation {
    const { store } = this;
    const existing = store.find(spec.id);
    const number = existing?.number ?? store.nextConversation++;
    const segmentOf = (hash: string) =>
      present(store.segmentByHash.get(hash), 'a message names stored segments', hash);
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
      if (!segmentIds.has(id)) store.release(id, number, this.nowMs);
    }
    return conversation;
  }

  #require(id: string, revision?: number): MemoryConversation {
    return rules.requireConversation(this.store.find(id), id, revision);
  }

  #requireSegments(messages: Iterable<MessageRecord>, newSegments: readonly NewSegment[]): void {
    rules.requireSegments(messages, newSegments, (hash) => this.store.segmentByHash.has(hash));
  }
}

import {
  type Conversation,
  type ConversationSpec,
  type MessageRecord,
  present,
  type SegmentHash,
} from '../../model/index.js';
import type { ChangeResult, ManifestOutcome, NewSegment } from '../contract/change.js';
import { fingerprints, wholeBlocks } from '../contract/queries.js';
import type { Part } from './apply-change.js';
import * as rules from './manifest-rules.js';
import { distinctHashes, tokensOf } from './records.js';
import { prefixOutdated } from './refusals.js';
import type { RecordedManifest, StagedVault } from './staged-vault.js';

/** Conversations that one change names: checked first, then changed. */
export class RecordedManifests {
  constructor(private readonly vault: StagedVault) {}

  /** Returns the outcome if the very same content is stored already. */
  checkPut(put: Part<'put'>, newSegments: readonly NewSegment[]): ManifestOutcome | undefined {
    const unchanged = rules.checkRecordedPut(this.vault.manifest(put.spec.id), put);
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
    const parent = this.#require(fork.id, fork.revision);
    return rules.checkRecordedFork(parent, this.vault.manifest(fork.newId), fork);
  }

  checkDelete({ id, revision }: Part<'delete'>): void {
    this.#require(id, revision);
  }

  put({ spec, messages, timeMs, prefix }: Part<'put'>, added: readonly NewSegment[]): ManifestOutcome {
    const conversation = this.#write(spec, this.#listed(messages), fingerprints(prefix), timeMs);
    return rules.storedOutcome(conversation, messages, added);
  }

  append({ id, messages, timeMs, prefix }: Part<'append'>, added: readonly NewSegment[]): ManifestOutcome {
    const { conversation, messages: before, prefix: known = [] } = this.#require(id);
    const isWhole = known.length === wholeBlocks(conversation.totalTokens);
    const blocks = isWhole ? [...known, ...fingerprints(prefix?.blocks)] : known;
    const all = [...before, ...this.#listed(messages)];
    const appended = this.#write(rules.specOf(conversation), all, blocks, timeMs);
    return rules.storedOutcome(appended, messages, added);
  }

  fork(fork: Part<'fork'>): ManifestOutcome {
    const parent = this.#require(fork.id);
    const { spec, messages } = rules.forked(parent, fork);
    const blocks = wholeBlocks(messages.reduce((sum, message) => sum + tokensOf(message), 0));
    const prefix = fork.indexed ? (parent.prefix ?? []).slice(0, blocks) : [];
    return rules.nothingNew(this.#write(spec, messages, prefix, fork.timeMs), false);
  }

  delete({ id }: Part<'delete'>): NonNullable<ChangeResult['delete']> {
    const hashes = distinctHashes(this.#require(id).messages);
    this.vault.removeManifest(id);
    const garbage = [...hashes].filter((hash) => this.vault.release(hash));
    return { releasedReferences: hashes.size, garbageSegments: garbage.length };
  }

  /** Writes a manifest, replacing the one with its id, if any. */
  #write(
    spec: ConversationSpec,
    messages: readonly MessageRecord[],
    prefix: readonly string[],
    timeMs: number,
  ): Conversation {
    const { vault } = this;
    const existing = vault.manifest(spec.id);
    const { lastCreateTimeMs } = vault;
    const times = { timeMs, lastCreateTimeMs };
    const conversation = rules.nextRevision(spec, rules.sizeOf(messages), times, existing?.conversation);
    vault.lastCreateTimeMs = Math.max(lastCreateTimeMs, conversation.createTimeMs);
    const number = existing?.number ?? vault.takeConversationNumber();
    vault.putManifest({ number, conversation, messages, prefix });

    const named = distinctHashes(messages);
    const held = existing ? distinctHashes(existing.messages) : new Set<SegmentHash>();
    for (const hash of named) if (!held.has(hash)) vault.hold(hash);
    for (const hash of held) if (!named.has(hash)) vault.release(hash);
    return conversation;
  }

  #require(id: string, revision?: number): RecordedManifest {
    return rules.requireConversation(this.vault.manifest(id), id, revision);
  }

  #requireSegments(messages: Iterable<MessageRecord>, newSegments: readonly NewSegment[]): void {
    rules.requireSegments(messages, newSegments, (hash) => this.vault.segment(hash) !== undefined);
  }

  /** Returns the messages with the token counts of the stored segments. */
  #listed(messages: Iterable<MessageRecord>): MessageRecord[] {
    return Array.from(messages, (message) => ({
      ...message,
      segments: message.segments.map(({ hash }) => {
        const stored = present(this.vault.segment(hash), 'a message names stored segments', hash);
        return { hash, tokenCount: stored.tokenCount };
      }),
    }));
  }
}

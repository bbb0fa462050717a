import {
  type Conversation,
  type ConversationSpec,
  type Expiry,
  type MessageRecord,
  present,
  type SegmentHash,
} from '../../model/index.js';
import type { ChangeResult, ManifestOutcome, NewSegment } from '../contract/change.js';
import { fingerprints, wholeBlocks } from '../contract/queries.js';
import type { Part } from './change-ops.js';
import * as rules from './manifest-rules.js';
import { distinctHashes, tokensOf } from './records.js';
import type { RecordedManifest, StagedVault } from './staged-vault.js';

interface Named {
  readonly id: string;
  readonly revision?: number;
  readonly expiry?: Expiry;
}

/** Conversations that one change names: checked first, then changed. */
export class RecordedManifests {
  constructor(private readonly vault: StagedVault) {}

  /** Returns the outcome if the very same content is stored already. */
  checkPut(put: Part<'put'>, newSegments: readonly NewSegment[]): ManifestOutcome | undefined {
    const unchanged = rules.checkRecordedPut(this.#find(put.spec.id, put.expiry), put);
    if (!unchanged) this.#requireSegments(put.messages, newSegments);
    return unchanged;
  }

  checkAppend(append: Part<'append'>, newSegments: readonly NewSegment[]): void {
    rules.checkAppend(this.#require(append), append);
    this.#requireSegments(append.messages, newSegments);
  }

  /** Returns the outcome if the very same content is stored already. */
  checkFork(fork: Part<'fork'>): ManifestOutcome | undefined {
    const parent = this.#require(fork);
    return rules.checkRecordedFork(parent, this.#find(fork.newId, fork.expiry), fork);
  }

  checkDelete(change: Part<'delete'>): void {
    const { id, revision } = change;
    rules.checkSelected(this.#require({ id, ...(revision !== undefined && { revision }) }), change);
  }

  put(put: Part<'put'>, added: readonly NewSegment[]): ManifestOutcome {
    const { spec, messages, prefix, expiry } = put;
    this.#deleteExpired(spec.id, expiry);
    const conversation = this.#write(spec, this.#listed(messages), fingerprints(prefix), put);
    return rules.storedOutcome(conversation, messages, added);
  }

  append({ id, messages, timeMs, prefix }: Part<'append'>, added: readonly NewSegment[]): ManifestOutcome {
    const { conversation, messages: before, prefix: known = [] } = this.#require({ id });
    const isWhole = known.length === wholeBlocks(conversation.totalTokens);
    const blocks = isWhole ? [...known, ...fingerprints(prefix?.blocks)] : known;
    const all = [...before, ...this.#listed(messages)];
    const appended = this.#write(rules.specOf(conversation), all, blocks, { timeMs });
    return rules.storedOutcome(appended, messages, added);
  }

  fork(fork: Part<'fork'>): ManifestOutcome {
    const parent = this.#require({ id: fork.id });
    this.#deleteExpired(fork.newId, fork.expiry);
    const { spec, messages } = rules.forked(parent, fork);
    const blocks = wholeBlocks(messages.reduce((sum, message) => sum + tokensOf(message), 0));
    const prefix = fork.indexed ? (parent.prefix ?? []).slice(0, blocks) : [];
    return rules.nothingNew(this.#write(spec, messages, prefix, { timeMs: fork.timeMs }), false);
  }

  delete({ id }: Pick<Part<'delete'>, 'id'>): NonNullable<ChangeResult['delete']> {
    const hashes = distinctHashes(this.#require({ id }).messages);
    this.vault.removeManifest(id);
    const garbage = [...hashes].filter((hash) => this.vault.release(hash));
    return { releasedReferences: hashes.size, garbageSegments: garbage.length };
  }

  /** Writes a manifest, replacing the one with its id, if any. */
  #write(
    spec: ConversationSpec,
    messages: readonly MessageRecord[],
    prefix: readonly string[],
    { timeMs, keeps }: Pick<Part<'put'>, 'timeMs' | 'keeps'>,
  ): Conversation {
    const { vault } = this;
    const existing = vault.manifest(spec.id);
    const { lastStoreTimeMs } = vault;
    const times = { timeMs, lastStoreTimeMs, keeps };
    const conversation = rules.nextRevision(spec, rules.sizeOf(messages), times, existing?.conversation);
    vault.lastStoreTimeMs = Math.max(lastStoreTimeMs, conversation.storeTimeMs);
    const number = existing?.number ?? vault.takeConversationNumber();
    vault.putManifest({ number, conversation, messages, prefix });

    const named = distinctHashes(messages);
    const held = existing ? distinctHashes(existing.messages) : new Set<SegmentHash>();
    for (const hash of named) if (!held.has(hash)) vault.hold(hash);
    for (const hash of held) if (!named.has(hash)) vault.release(hash);
    return conversation;
  }

  #find(id: string, expiry: Expiry | undefined): RecordedManifest | undefined {
    return rules.unexpired(this.vault.manifest(id), expiry);
  }

  #require({ id, revision, expiry }: Named): RecordedManifest {
    return rules.requireConversation(this.#find(id, expiry), id, revision);
  }

  /** Makes room for a new conversation of this id. */
  #deleteExpired(id: string, expiry: Expiry | undefined): void {
    if (this.vault.manifest(id) && !this.#find(id, expiry)) this.delete({ id });
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

import type { Conversation, ConversationSpec, MessageRecord } from '../../../model/index.js';
import type { Change, ChangeResult, ManifestOutcome, NewSegment } from '../../change.js';
import { contentKey, distinctHashes } from '../../content.js';
import { tokensOf } from '../../record-snapshot.js';
import {
  conversationExists,
  conversationNotFound,
  rangePastEnd,
  revisionMismatch,
  segmentMissing,
} from '../../refusals.js';
import type { Manifest } from '../layout/manifest-record.js';
import type { SegmentEntry } from '../vault-index/entries.js';
import type { Draft } from './draft.js';

type Part<Name extends keyof Change> = NonNullable<Change[Name]>;

/** The conversations that one change names: checked first, then changed in the draft. */
export class ManifestChanges {
  private constructor(
    private readonly draft: Draft,
    private readonly manifests: Map<string, Manifest | undefined>,
  ) {}

  /** Reads all manifests that the change names. @throws StowkenError CORRUPT_STORE */
  static async load(
    draft: Draft,
    { put, append, fork, delete: doomed }: Change,
    read: (draft: Draft, id: string) => Promise<Manifest | undefined>,
  ): Promise<ManifestChanges> {
    const manifests = new Map<string, Manifest | undefined>();
    for (const id of [put?.spec.id, append?.id, fork?.id, fork?.newId, doomed?.id]) {
      if (id !== undefined) manifests.set(id, await read(draft, id));
    }
    return new ManifestChanges(draft, manifests);
  }

  /** The outcome, when the very same content is there already. */
  checkPut(
    { spec, messages, expect }: Part<'put'>,
    newSegments: readonly NewSegment[],
  ): ManifestOutcome | undefined {
    const existing = this.manifests.get(spec.id);
    const revision = existing?.conversation.revision ?? 0;
    if (expect.kind === 'revision' && expect.revision !== revision) {
      throw revisionMismatch(spec.id, expect.revision, revision);
    }
    if (expect.kind === 'absentOrSame' && existing) {
      const same = contentKey(existing.conversation, existing.messages) === contentKey(spec, messages);
      if (!same) throw conversationExists(spec.id, revision);
      return { ...nothingNew(existing.conversation, true), segments: distinctHashes(messages).size };
    }
    this.#checkSegments(messages, newSegments);
    return undefined;
  }

  checkAppend({ id, messages, revision }: Part<'append'>, newSegments: readonly NewSegment[]): void {
    this.#require(id, revision);
    this.#checkSegments(messages, newSegments);
  }

  /** The outcome, when the very same content is there already. */
  checkFork(fork: Part<'fork'>): ManifestOutcome | undefined {
    const { id, newId, messageCount, revision } = fork;
    const parent = this.#require(id, revision);
    if (messageCount !== undefined && messageCount > parent.messages.length) {
      throw rangePastEnd(id, 'message_count', messageCount, parent.messages.length);
    }
    const existing = this.manifests.get(newId);
    if (!existing) return undefined;
    const { spec, messages } = forked(parent, fork);
    if (contentKey(existing.conversation, existing.messages) !== contentKey(spec, messages)) {
      throw conversationExists(newId, existing.conversation.revision);
    }
    return nothingNew(existing.conversation, true);
  }

  checkDelete({ id, revision }: Part<'delete'>): void {
    this.#require(id, revision);
  }

  put({ spec, messages, timeMs }: Part<'put'>, fresh: readonly NewSegment[]): ManifestOutcome {
    return outcome(this.#write(spec, this.#withStoredTokenCounts(messages), timeMs), messages, fresh);
  }

  append({ id, messages, timeMs }: Part<'append'>, fresh: readonly NewSegment[]): ManifestOutcome {
    const { conversation, messages: before } = this.#require(id);
    const all = [...before, ...this.#withStoredTokenCounts(messages)];
    return outcome(this.#write(specOf(conversation), all, timeMs), messages, fresh);
  }

  fork(fork: Part<'fork'>): ManifestOutcome {
    const { spec, messages } = forked(this.#require(fork.id), fork);
    return nothingNew(this.#write(spec, messages, fork.timeMs), false);
  }

  remove({ id }: Part<'delete'>): NonNullable<ChangeResult['delete']> {
    const hashes = distinctHashes(this.#require(id).messages);
    this.draft.removeManifest(id);
    this.manifests.set(id, undefined);
    const garbage = [...hashes].filter((hash) => this.draft.release(hash));
    return { releasedReferences: hashes.size, garbageSegments: garbage.length };
  }

  /** Puts a manifest in place of the one that has its id, if any. */
  #write(spec: ConversationSpec, messages: readonly MessageRecord[], timeMs: number): Conversation {
    const { draft } = this;
    const existing = this.manifests.get(spec.id);
    const before = existing?.conversation;
    const createTimeMs = before?.createTimeMs ?? Math.max(timeMs, draft.lastCreateTimeMs);
    draft.lastCreateTimeMs = Math.max(createTimeMs, draft.lastCreateTimeMs);
    const conversation: Conversation = {
      ...spec,
      metadata: { ...spec.metadata },
      revision: (before?.revision ?? 0) + 1,
      totalTokens: messages.reduce((sum, message) => sum + tokensOf(message), 0),
      messageCount: messages.length,
      createTimeMs,
      updateTimeMs: Math.max(timeMs, before?.updateTimeMs ?? createTimeMs),
    };
    const manifest = { number: existing?.number ?? draft.takeConversationNumber(), conversation, messages };
    draft.putManifest(manifest);
    this.manifests.set(spec.id, manifest);

    const named = distinctHashes(messages);
    const held = existing ? distinctHashes(existing.messages) : new Set<string>();
    for (const hash of named) if (!held.has(hash)) draft.hold(hash);
    for (const hash of held) if (!named.has(hash)) draft.release(hash);
    return conversation;
  }

  #require(id: string, revision?: number): Manifest {
    const existing = this.manifests.get(id);
    if (!existing) throw conversationNotFound(id);
    const found = existing.conversation.revision;
    if (revision !== undefined && revision !== found) throw revisionMismatch(id, revision, found);
    return existing;
  }

  #checkSegments(messages: Iterable<MessageRecord>, newSegments: readonly NewSegment[]): void {
    const brought = new Set(newSegments.map(({ hash }) => hash));
    const missing = [...distinctHashes(messages)].filter(
      (hash) => !brought.has(hash) && !this.draft.segment(hash),
    );
    if (missing.length > 0) throw segmentMissing(missing);
  }

  #withStoredTokenCounts(messages: Iterable<MessageRecord>): MessageRecord[] {
    return Array.from(messages, ({ role, name, toolCallId, segments }) => ({
      role,
      name,
      toolCallId,
      segments: segments.map(({ hash }) => {
        const { tokenCount } = this.draft.segment(hash) as SegmentEntry;
        return { hash, tokenCount };
      }),
    }));
  }
}

function forked({ conversation, messages }: Manifest, { id, newId, messageCount }: Part<'fork'>) {
  const spec = { ...specOf(conversation), id: newId, parentId: id };
  return { spec, messages: messages.slice(0, messageCount) };
}

function specOf(conversation: Conversation): ConversationSpec {
  const { id, application, model, tokenizer, parentId, expireTimeMs, metadata } = conversation;
  return { id, application, model, tokenizer, parentId, expireTimeMs, metadata };
}

function outcome(
  conversation: Conversation,
  messages: Iterable<MessageRecord>,
  fresh: readonly NewSegment[],
): ManifestOutcome {
  const named = distinctHashes(messages);
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

function nothingNew(conversation: Conversation, unchanged: boolean): ManifestOutcome {
  return { conversation, unchanged, segments: 0, newSegments: 0, newTokens: 0, newFrameBytes: 0 };
}

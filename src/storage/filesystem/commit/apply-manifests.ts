import {
  type Conversation,
  type ConversationSpec,
  type MessageRecord,
  present,
} from '../../../model/index.js';
import type { Change, ChangeResult, ManifestOutcome, NewSegment } from '../../contract/change.js';
import { distinctHashes } from '../../shared/records.js';
import {
  storedOutcome,
  checkRecordedFork,
  checkRecordedPut,
  forked,
  nextRevision,
  nothingNew,
  requireConversation,
  requireSegments,
  sizeOf,
  specOf,
} from '../../shared/manifest-rules.js';
import type { Manifest } from '../layout/manifest-record.js';
import type { StagedCommit } from './staged-commit.js';

type Part<Name extends keyof Change> = NonNullable<Change[Name]>;

/** Conversations named by one change: checked first, then changed in the draft. */
export class ManifestChanges {
  private constructor(
    private readonly draft: StagedCommit,
    private readonly manifests: Map<string, Manifest | undefined>,
  ) {}

  /** Reads all manifests that the change names. @throws StowkenError CORRUPT_STORE */
  static async load(
    draft: StagedCommit,
    { put, append, fork, delete: doomed }: Change,
    read: (draft: StagedCommit, id: string) => Promise<Manifest | undefined>,
  ): Promise<ManifestChanges> {
    const manifests = new Map<string, Manifest | undefined>();
    for (const id of [put?.spec.id, append?.id, fork?.id, fork?.newId, doomed?.id]) {
      if (id !== undefined) manifests.set(id, await read(draft, id));
    }
    return new ManifestChanges(draft, manifests);
  }

  /** Returns the outcome if the very same content is stored already. */
  checkPut(put: Part<'put'>, newSegments: readonly NewSegment[]): ManifestOutcome | undefined {
    const same = checkRecordedPut(this.manifests.get(put.spec.id), put);
    if (!same) this.#requireSegments(put.messages, newSegments);
    return same;
  }

  checkAppend({ id, messages, revision }: Part<'append'>, newSegments: readonly NewSegment[]): void {
    this.#require(id, revision);
    this.#requireSegments(messages, newSegments);
  }

  /** Returns the outcome if the very same content is stored already. */
  checkFork(fork: Part<'fork'>): ManifestOutcome | undefined {
    return checkRecordedFork(this.#require(fork.id, fork.revision), this.manifests.get(fork.newId), fork);
  }

  checkDelete({ id, revision }: Part<'delete'>): void {
    this.#require(id, revision);
  }

  put({ spec, messages, timeMs }: Part<'put'>, fresh: readonly NewSegment[]): ManifestOutcome {
    const conversation = this.#write(spec, this.#withStoredTokenCounts(messages), timeMs);
    return storedOutcome(conversation, messages, fresh);
  }

  append({ id, messages, timeMs }: Part<'append'>, fresh: readonly NewSegment[]): ManifestOutcome {
    const { conversation, messages: before } = this.#require(id);
    const all = [...before, ...this.#withStoredTokenCounts(messages)];
    return storedOutcome(this.#write(specOf(conversation), all, timeMs), messages, fresh);
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

  /** Writes a manifest, replacing the one with its id, if any. */
  #write(spec: ConversationSpec, messages: readonly MessageRecord[], timeMs: number): Conversation {
    const { draft } = this;
    const existing = this.manifests.get(spec.id);
    const { lastCreateTimeMs } = draft;
    const times = { timeMs, lastCreateTimeMs };
    const conversation = nextRevision(spec, sizeOf(messages), times, existing?.conversation);
    draft.lastCreateTimeMs = Math.max(conversation.createTimeMs, lastCreateTimeMs);
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
    return requireConversation(this.manifests.get(id), id, revision);
  }

  #requireSegments(messages: Iterable<MessageRecord>, newSegments: readonly NewSegment[]): void {
    requireSegments(messages, newSegments, (hash) => this.draft.segment(hash) !== undefined);
  }

  #withStoredTokenCounts(messages: Iterable<MessageRecord>): MessageRecord[] {
    return Array.from(messages, ({ role, name, toolCallId, segments }) => ({
      role,
      name,
      toolCallId,
      segments: segments.map(({ hash }) => {
        const { tokenCount } = present(this.draft.segment(hash), 'a message names stored segments', hash);
        return { hash, tokenCount };
      }),
    }));
  }
}

import { randomBytes } from 'node:crypto';
import {
  StowkenError,
  type Conversation,
  type MessageRecord,
  type SegmentHash,
} from '../../../src/model/index.js';
import type {
  Change,
  ChangeResult,
  SegmentKey,
  StorageBackend,
  NewSegment,
} from '../../../src/storage/index.js';

interface Entry {
  readonly order: number;
  readonly conversation: Conversation;
  readonly messages: readonly MessageRecord[];
}

/** A store in maps, as simple as the edge's tests allow: no expectations but revisions, no snapshots kept. */
export class PlainBackend implements StorageBackend {
  readonly kind = 'memory';
  readonly vaultId = randomBytes(16).toString('hex');
  readonly #entries = new Map<string, Entry>();
  readonly #segments = new Map<SegmentHash, NewSegment>();
  #nextOrder = 1;

  async commit(change: Change): Promise<ChangeResult> {
    if (change.put !== undefined) return { put: this.#put(change.put, change.newSegments ?? []) };
    if (change.delete !== undefined) {
      const { id, revision } = change.delete;
      const entry = this.#entries.get(id);
      if (entry === undefined) throw new StowkenError('CONVERSATION_NOT_FOUND', 'none', { id });
      this.#expectRevision(id, revision ?? entry.conversation.revision);
      this.#entries.delete(id);
      const held = new Set(entry.messages.flatMap(({ segments }) => segments.map(({ hash }) => hash)));
      const garbage = [...held].filter((hash) => this.#garbage().includes(hash));
      return { delete: { releasedReferences: held.size, garbageSegments: garbage.length } };
    }
    const hashes = (change.collect?.keys ?? []).map(String).filter((hash) => this.#garbage().includes(hash));
    let frameBytes = 0;
    for (const hash of hashes) {
      frameBytes += this.#segments.get(hash)!.frame.length;
      this.#segments.delete(hash);
    }
    return { collect: { segments: hashes.length, frameBytes } };
  }

  async findSegments(hashes: readonly SegmentHash[]) {
    return hashes.map((hash) => {
      const segment = this.#segments.get(hash);
      return segment && stored(segment);
    });
  }

  async readFrames(keys: readonly SegmentKey[]) {
    return keys.map((key) => this.#segments.get(String(key))!.frame.slice());
  }

  async readHashes(keys: readonly SegmentKey[]) {
    return keys.map(String);
  }

  async getConversation(id: string) {
    return this.#entries.get(id)?.conversation;
  }

  async openConversation(id: string) {
    const entry = this.#entries.get(id);
    if (entry === undefined) return undefined;
    const messages = entry.messages.map(({ segments, ...speaker }) => ({
      ...speaker,
      tokenCount: segments.reduce((sum, { tokenCount }) => sum + tokenCount, 0),
      segments: segments.map(({ hash, tokenCount }) => ({ key: hash as SegmentKey, tokenCount })),
    }));
    return { conversation: entry.conversation, messages: () => messages, release: () => undefined };
  }

  async listConversations({
    filter,
    order,
    limit,
    after,
  }: Parameters<StorageBackend['listConversations']>[0]) {
    const newest = order === 'newestFirst';
    const entries = [...this.#entries.values()]
      .filter(({ conversation }) => !filter.application || conversation.application === filter.application)
      .sort((a, b) => (newest ? b.order - a.order : a.order - b.order))
      .filter((entry) => after === undefined || (newest ? entry.order < after : entry.order > after));
    const page = entries.slice(0, limit);
    const next = entries.length > limit ? page.at(-1)?.order : undefined;
    return { conversations: page.map(({ conversation }) => conversation), next };
  }

  async listGarbage({ limit }: { limit: number }) {
    const segments = this.#garbage()
      .slice(0, limit)
      .map((hash) => stored(this.#segments.get(hash)!));
    return { segments, next: undefined };
  }

  async stats() {
    const conversations = [...this.#entries.values()].map(({ conversation }) => conversation);
    const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0);
    const bytes = sum([...this.#segments.values()].map(({ frame }) => frame.length));
    return {
      conversations: conversations.length,
      messages: sum(conversations.map(({ messageCount }) => messageCount)),
      segments: this.#segments.size,
      tokens: sum(conversations.map(({ totalTokens }) => totalTokens)),
      uniqueTokens: sum([...this.#segments.values()].map(({ tokenCount }) => tokenCount)),
      segmentBytes: bytes,
      registryBytes: 0,
      garbageSegments: this.#garbage().length,
      garbageBytes: 0,
      inUseBytes: bytes,
      fileBytes: bytes,
    };
  }

  async check() {
    return [];
  }

  async close() {}

  #put({ spec, messages, expect, timeMs }: NonNullable<Change['put']>, newSegments: readonly NewSegment[]) {
    const current = this.#entries.get(spec.id);
    if (expect.kind === 'revision') this.#expectRevision(spec.id, expect.revision);
    const unchanged = current !== undefined && JSON.stringify(current.messages) === JSON.stringify(messages);
    if (expect.kind === 'absentOrSame' && current !== undefined && !unchanged) {
      throw new StowkenError('CONVERSATION_EXISTS', 'exists', { id: spec.id });
    }
    const added = newSegments.filter(({ hash }) => !this.#segments.has(hash));
    for (const segment of added) this.#segments.set(segment.hash, segment);
    const segments = messages.flatMap((message) => message.segments);
    const conversation: Conversation = {
      ...spec,
      revision: (current?.conversation.revision ?? 0) + 1,
      totalTokens: segments.reduce((total, { tokenCount }) => total + tokenCount, 0),
      messageCount: messages.length,
      createTimeMs: timeMs,
      updateTimeMs: timeMs,
    };
    if (!unchanged) this.#entries.set(spec.id, { order: this.#nextOrder++, conversation, messages });
    return {
      conversation: unchanged ? current.conversation : conversation,
      unchanged,
      segments: new Set(segments.map(({ hash }) => hash)).size,
      newSegments: added.length,
      newTokens: added.reduce((total, { tokenCount }) => total + tokenCount, 0),
      newFrameBytes: added.reduce((total, { frame }) => total + frame.length, 0),
    };
  }

  #expectRevision(id: string, expected: number): void {
    const revision = this.#entries.get(id)?.conversation.revision ?? 0;
    if (revision === expected) return;
    throw new StowkenError('REVISION_MISMATCH', 'revision', { id, revision: String(revision) });
  }

  #garbage(): SegmentHash[] {
    const named = new Set(
      [...this.#entries.values()].flatMap(({ messages }) =>
        messages.flatMap(({ segments }) => segments.map(({ hash }) => hash)),
      ),
    );
    return [...this.#segments.keys()].filter((hash) => !named.has(hash));
  }
}

const stored = ({ hash, tokenCount, frame }: NewSegment) => ({
  key: hash as SegmentKey,
  tokenCount,
  frameBytes: frame.length,
});

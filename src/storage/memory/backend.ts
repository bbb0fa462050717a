import { randomBytes } from 'node:crypto';
import type { WarmFinding, WarmQuery } from '../contract/warm.js';
import { WarmTree } from '../shared/warm-tree.js';
import type { Forgotten, ForgetQuery, Overwritten } from '../contract/erasure.js';
import type { LiveCodec } from '../../codec/index.js';
import { isExpired, type SegmentHash, StowkenError, type VaultStats } from '../../model/index.js';
import type { ExclusiveLease, ManagedBackend } from '../contract/backend.js';
import type {
  Change,
  ChangeResult,
  OutsideReference,
  SegmentKey,
  StoredSegment,
} from '../contract/change.js';
import type { CheckOptions, RepairOptions } from '../contract/checks.js';
import {
  type ConversationPage,
  type ConversationSnapshot,
  fingerprints,
  type GarbagePage,
  type GarbageQuery,
  type ListQuery,
  type PrefixFinding,
  type PrefixQuery,
  type ReferencePage,
  type ReferencePosition,
  type ReferenceQuery,
  type ScanQuery,
  type SegmentScan,
} from '../contract/queries.js';
import type { SharedFinding, SharedQuery, UseTimes, UseTimesQuery } from '../contract/shared.js';
import type { UsageQuery } from '../contract/usage.js';
import { USAGE_PERIOD_MS } from '../shared/usage.js';
import { StorageActivity } from '../shared/activity.js';
import { planChange } from '../shared/apply-change.js';
import { ExclusiveLeases } from '../shared/exclusive-leases.js';
import { Leases } from '../shared/leases.js';
import { listConversations, listGarbage, scanPage, storedSegment } from '../shared/record-queries.js';
import { RecordedChangeOps } from '../shared/recorded-change-ops.js';
import { createRecordSnapshot, distinctHashes } from '../shared/records.js';
import { closed, segmentNotFound } from '../shared/refusals.js';
import { checkReplacements } from '../shared/registry-checks.js';
import { checkingItself, isStrict } from '../shared/strict.js';
import { checkMemory } from './check.js';
import { findShared, useTimes } from './shared.js';
import { type MemorySegment, MemoryStore } from './store.js';

/** Creates a backend that keeps everything in memory: for tests, and as a readable model of the contract. */
export function createMemoryBackend(parts: {
  codec: LiveCodec;
  clock: () => number;
  activity?: StorageActivity | undefined;
  /** True to look for mistakes of the storage's own; with STOWKEN_STRICT=1 if it is not given. */
  strict?: boolean;
}): ManagedBackend {
  const backend = new MemoryBackend(parts.codec, parts.clock, parts.activity);
  return (parts.strict ?? isStrict()) ? checkingItself(backend) : backend;
}

class MemoryBackend implements ManagedBackend {
  readonly kind = 'memory';
  readonly vaultId = randomBytes(16).toString('hex');
  readonly #store: MemoryStore;
  readonly #leases: Leases;
  readonly #exclusive = new ExclusiveLeases();
  #open = true;
  /** Why a change was left half-made: there is no transaction here that could be aborted. */
  #fault: string | undefined;

  constructor(
    private readonly codec: LiveCodec,
    private readonly clock: () => number,
    activity = new StorageActivity(),
  ) {
    this.#leases = new Leases(activity.readers);
    this.#store = new MemoryStore(codec);
  }

  async commit(change: Change): Promise<ChangeResult> {
    if (!this.#open) throw closed();
    if (this.#fault !== undefined)
      throw new StowkenError('WRITES_STOPPED', `a change was left half-made: ${this.#fault}`, {
        cause: this.#fault,
      });
    const hashOf = (key: SegmentKey) => this.#store.segments.get(Number(key))?.hash;
    checkReplacements(change.replaceFrames ?? [], hashOf, this.codec);
    if (change.putRegistry) this.codec.withRegistry(change.putRegistry.bytes); // Refused if it is damaged.
    // Segments that become garbage with this change are not deleted by it. All backends agree in this, though
    // no snapshot could see them here.
    const sequenceMax = Math.min(this.#leases.oldest(), this.#store.sequence);
    this.#store.nowMs = this.clock();
    const plan = planChange(new RecordedChangeOps(this.#store), change, sequenceMax);
    if (!plan.changesNothing) this.#store.sequence += 1;
    try {
      return plan.apply().result;
    } catch (error) {
      this.#fault = error instanceof Error ? error.message : String(error);
      throw error;
    }
  }

  async findSegments(hashes: readonly SegmentHash[]): Promise<(StoredSegment | undefined)[]> {
    return hashes.map((hash) => {
      const segment = this.#store.segment(hash);
      return segment && storedSegment(segment);
    });
  }

  async readFrames(keys: readonly SegmentKey[]): Promise<Uint8Array[]> {
    return keys.map((key) => this.#segment(key).frame.slice());
  }

  async readHashes(keys: readonly SegmentKey[]): Promise<SegmentHash[]> {
    return keys.map((key) => this.#segment(key).hash);
  }

  async countReferences(keys: readonly SegmentKey[]): Promise<(number | undefined)[]> {
    return keys.map((key) => this.#store.segments.get(Number(key))?.references);
  }

  async getConversation(id: string) {
    return this.#store.manifest(id)?.conversation;
  }

  async openConversation(id: string): Promise<ConversationSnapshot | undefined> {
    const found = this.#store.manifest(id);
    if (!found) return undefined;
    // Looked up now, while none of its segments can have been collected.
    const hashes = [...distinctHashes(found.messages)];
    const keys = new Map(hashes.map((hash) => [hash, this.#store.idByHash.get(hash) as SegmentKey]));
    return createRecordSnapshot(found, (hash) => keys.get(hash) as SegmentKey, this.lease());
  }

  /** Compares with every conversation: a readable model, not an index. */
  async findPrefix({ application, blocks, limit, expiry }: PrefixQuery): Promise<PrefixFinding> {
    const wanted = fingerprints(blocks);
    let most = 1;
    let ids: string[] = [];
    for (const { conversation, prefix = [] } of this.#store.conversations.all()) {
      if (application !== undefined && conversation.application !== application) continue;
      if (expiry && isExpired(conversation, expiry)) continue;
      const differs = prefix.findIndex((block, index) => block !== wanted[index]);
      const shared = differs === -1 ? prefix.length : differs;
      if (shared > most) ids = [];
      most = Math.max(most, shared);
      if (shared === most) ids.push(conversation.id);
    }
    return ids.length === 0 ? { blocks: 0, ids } : { blocks: most, ids: ids.slice(0, limit) };
  }

  async warmPrefixes({ application, createdFromMs, blocksMin, limit }: WarmQuery): Promise<WarmFinding[]> {
    const tree = new WarmTree();
    const nodes = new Map<string, number>();
    const all = [...this.#store.conversations.all()];
    all.sort((a, b) => a.conversation.createTimeMs - b.conversation.createTimeMs);
    for (const [number, { conversation, prefix = [] }] of all.entries()) {
      if (application !== undefined && conversation.application !== application) continue;
      if (conversation.createTimeMs < createdFromMs || prefix.length === 0) continue;
      let parent = 0;
      for (const [at, block] of prefix.entries()) {
        const path = JSON.stringify([parent, block, at === 0 ? conversation.application : '']);
        const node = nodes.get(path) ?? nodes.size + 1;
        if (!nodes.has(path)) tree.addNode(node, parent, at + 1);
        if (at === 0) tree.setApplication(node, conversation.application);
        nodes.set(path, node);
        parent = node;
      }
      tree.addEnd(parent, prefix.length, number);
    }
    return tree.best(limit, blocksMin).map(({ depth, newest, ...found }) => {
      const { id, createTimeMs } = all[newest]!.conversation;
      return { ...found, blocks: depth, id, newestMs: createTimeMs };
    });
  }

  tryLease(name: string): Promise<ExclusiveLease | undefined> {
    return this.#exclusive.take(name);
  }

  lease(): () => void {
    return this.#leases.take(this.#store.sequence);
  }

  sharedSegments(query: SharedQuery): Promise<SharedFinding[]> {
    return findShared(this.#store, query);
  }

  useTimes(query: UseTimesQuery): AsyncIterable<UseTimes> {
    return useTimes(this.#store, query);
  }

  async usage({ fromMs, beforeMs, onRow }: UsageQuery): Promise<void> {
    const first = fromMs - (fromMs % USAGE_PERIOD_MS);
    for (const row of this.#store.usage.values())
      if (row.timeMs >= first && row.timeMs < beforeMs) onRow(row);
  }

  async dropUsage(beforeMs: number): Promise<number> {
    const { usage } = this.#store;
    const old = [...usage].filter(([, { timeMs }]) => timeMs + USAGE_PERIOD_MS <= beforeMs);
    for (const [name] of old) usage.delete(name);
    return old.length;
  }

  async setLabels(labels: readonly string[]): Promise<void> {
    this.#store.labels = [...labels];
  }

  async forget({ isForgotten, labels }: ForgetQuery): Promise<Forgotten> {
    return this.#store.forget(isForgotten, labels);
  }

  /** There are no files. */
  async overwriteUnused(): Promise<Overwritten> {
    return { pagesInUse: 0, pagesFree: 0, overwrittenBytes: 0, isComplete: true };
  }

  async listConversations(query: ListQuery): Promise<ConversationPage> {
    return listConversations(this.#store, query);
  }

  async listGarbage(query: GarbageQuery): Promise<GarbagePage> {
    return listGarbage(this.#store, query);
  }

  async listReferences({ limit, after = '0' as ReferencePosition }: ReferenceQuery): Promise<ReferencePage> {
    const held = [...this.#store.segments.values()].filter(
      ({ id, holders }) => id > Number(after) && holders.size > 0,
    );
    const references: OutsideReference[] = [];
    for (const { id, hash, holders } of held) {
      for (const holder of holders) references.push({ hash, holder });
      if (references.length < limit || id === held.at(-1)?.id) continue;
      return { references, next: String(id) as ReferencePosition };
    }
    return { references, next: undefined };
  }

  async stats(): Promise<VaultStats> {
    const segments = [...this.#store.segments.values()];
    const conversations = Array.from(this.#store.conversations.all(), ({ conversation }) => conversation);
    const garbage = segments.filter(({ references }) => references === 0);
    const segmentBytes = sum(segments, ({ frame }) => frame.length);
    return {
      conversations: conversations.length,
      messages: sum(conversations, ({ messageCount }) => messageCount),
      segments: segments.length,
      tokens: sum(conversations, ({ totalTokens }) => totalTokens),
      uniqueTokens: sum(segments, ({ tokenCount }) => tokenCount),
      segmentBytes,
      registryBytes: sum([...this.#store.registries.stored.values()], ({ bytes }) => bytes.length),
      garbageSegments: garbage.length,
      garbageBytes: sum(garbage, ({ frame }) => frame.length),
      inUseBytes: segmentBytes,
      fileBytes: 0,
    };
  }

  async listRegistries() {
    return this.#store.registries.list();
  }

  async readRegistry(id: number) {
    return this.#store.registries.stored.get(id)?.bytes.slice();
  }

  async readTokenizer(name: string) {
    return this.#store.tokenizers.get(name);
  }

  async scanSegments(query: ScanQuery): Promise<SegmentScan> {
    const { entries, next } = scanPage(this.#store, query);
    const segments = entries.map(({ id, tokenCount, frame }) => {
      return { key: id as SegmentKey, tokenCount, frame: frame.slice() };
    });
    return { segments, next };
  }

  async check(options: CheckOptions = {}) {
    return checkMemory(this.#store, this.codec, options);
  }

  /** No record here is derived from others, so there is nothing to rebuild. */
  async repair(options: RepairOptions = {}) {
    await options.onPhase?.('checking');
    return { repaired: [], remaining: await this.check(options) };
  }

  health() {
    return this.#fault === undefined ? { writable: true } : { writable: false, cause: this.#fault };
  }

  async close(): Promise<void> {
    this.#open = false;
  }

  #segment(key: SegmentKey): MemorySegment {
    const segment = this.#store.segments.get(Number(key));
    if (!segment) throw segmentNotFound(key);
    return segment;
  }
}

function sum<T>(items: readonly T[], figure: (item: T) => number): number {
  return items.reduce((total, item) => total + figure(item), 0);
}

import { frameRegistryId, type LiveCodec, registryIdOf } from '../../codec/index.js';
import { assert, type Conversation, type LabelValue, present, type SegmentHash } from '../../model/index.js';
import type { ChangeResult, KeptTokenizer, NewSegment, RequestMark } from '../contract/change.js';
import type { StoredRegistry } from '../contract/queries.js';
import type { UsageFigures, UsageRow } from '../contract/usage.js';
import {
  addUsage,
  groupedBy,
  noUsage,
  periodOf,
  USAGE_GROUPS_MAX,
  USAGE_PERIOD_MS,
  type UsageEvent,
  type UsageGroup,
  withoutLabels,
} from '../shared/usage.js';
import { ConversationIndex } from '../shared/conversation-index.js';
import { isRemembered } from '../shared/manifest-rules.js';
import type { RecordIndex } from '../shared/record-queries.js';
import { requestIdReused } from '../shared/refusals.js';
import type {
  RecordedManifest,
  RecordedSegment,
  StagedRegistries,
  StagedVault,
} from '../shared/staged-vault.js';

/** A stored segment. A change replaces it by another object. */
export interface MemorySegment extends RecordedSegment {
  readonly frame: Uint8Array;
  readonly holders: ReadonlySet<string>;
}

/** Content of a memory backend. Only a commit changes it, and sees its own changes at once. */
export class MemoryStore implements StagedVault, RecordIndex<MemorySegment> {
  readonly segments = new Map<number, MemorySegment>();
  readonly idByHash = new Map<SegmentHash, number>();
  readonly conversations = new ConversationIndex<RecordedManifest>();
  readonly registries: MemoryRegistries;
  /** Requests by id, oldest first. */
  readonly #requests = new Map<string, RequestMark & { readonly result: ChangeResult }>();
  labels: readonly string[] = [];
  readonly usage = new Map<string, UsageRow>();
  readonly #usageGroups = new Set<string>();
  readonly tokenizers = new Map<string, KeptTokenizer>();
  nextSegment = 1;
  #nextConversation = 1;
  lastStoreTimeMs = 0;
  /** Number of commits so far. */
  sequence = 0;
  /** Time of the commit in progress. */
  nowMs = 0;

  constructor(
    codec: LiveCodec,
    private readonly usageGroupsMax = USAGE_GROUPS_MAX,
  ) {
    this.registries = new MemoryRegistries(this.segments, codec);
  }

  replay(mark: RequestMark): ChangeResult | undefined {
    const { id, digest } = mark;
    const earlier = this.#requests.get(id);
    if (!earlier || !isRemembered(earlier.timeMs, mark)) return undefined;
    if (earlier.digest !== digest) throw requestIdReused(id);
    return { ...earlier.result, replayed: true };
  }

  remember(request: RequestMark, result: ChangeResult): void {
    for (const [id, { timeMs }] of this.#requests) {
      if (isRemembered(timeMs, request)) break;
      this.#requests.delete(id);
    }
    this.#requests.delete(request.id);
    this.#requests.set(request.id, { ...request, result });
  }

  /** Removes results of requests, and values of labels by which usage is counted. */
  forget(
    isForgotten: ((conversation: Conversation) => boolean) | undefined,
    labels: readonly LabelValue[],
  ): { readonly requests: number; readonly usageGroups: number } {
    let [requests, usageGroups] = [0, 0];
    for (const [id, { result }] of this.#requests) {
      const about = result.put ?? result.append ?? result.fork;
      if (about && isForgotten?.(about.conversation) && this.#requests.delete(id)) requests += 1;
    }
    for (const text of [...this.#usageGroups]) {
      const group = JSON.parse(text) as UsageGroup;
      const without = withoutLabels(group, labels);
      if (without === group) continue;
      this.#usageGroups.delete(text);
      this.#usageGroups.add(JSON.stringify(without));
      usageGroups += 1;
    }
    for (const [name, { figures, ...row }] of [...this.usage]) {
      const group: UsageGroup = [row.application, row.model, row.tokenizer, row.labels];
      const without = withoutLabels(group, labels);
      if (without === group) continue;
      this.usage.delete(name);
      this.#addToRow({ ...row, labels: without[3] }, figures);
    }
    return { requests, usageGroups };
  }

  #addToRow(row: Omit<UsageRow, 'figures'>, figures: UsageFigures): void {
    const name = JSON.stringify(row);
    this.usage.set(name, { ...row, figures: addUsage(this.usage.get(name)?.figures ?? noUsage, figures) });
  }

  segment(hash: SegmentHash): MemorySegment | undefined {
    return this.segmentById(this.idByHash.get(hash) ?? 0);
  }

  segmentById(id: number): MemorySegment | undefined {
    return this.segments.get(id);
  }

  frame(hash: SegmentHash): Uint8Array | undefined {
    return this.segment(hash)?.frame;
  }

  addSegment({ hash, tokenCount, frame }: NewSegment): void {
    assert(!this.idByHash.has(hash), 'a segment is stored once', hash);
    const id = this.nextSegment++;
    const stored = { id, hash, tokenCount, frame: frame.slice(), frameBytes: frame.length };
    const unreferenced = { unreferencedSinceMs: this.nowMs, unreferencedSequence: this.sequence };
    this.segments.set(id, { ...stored, holders: new Set(), references: 0, ...unreferenced });
    this.idByHash.set(hash, id);
  }

  replaceFrame(hash: SegmentHash, frame: Uint8Array): void {
    this.#change(hash, { frame: frame.slice(), frameBytes: frame.length });
  }

  renewGarbage(hash: SegmentHash): void {
    this.#change(hash, { unreferencedSinceMs: this.nowMs, unreferencedSequence: this.sequence });
  }

  removeSegment(hash: SegmentHash): void {
    const { id, references } = this.#stored(hash);
    assert(references === 0, 'only segments without references are deleted', hash);
    this.segments.delete(id);
    this.idByHash.delete(hash);
  }

  hold(hash: SegmentHash): void {
    this.#addToReferences(hash, 1);
  }

  release(hash: SegmentHash): boolean {
    return this.#addToReferences(hash, -1);
  }

  holders(hash: SegmentHash): Set<string> {
    return new Set(this.#stored(hash).holders);
  }

  putHolders(hash: SegmentHash, holders: ReadonlySet<string>, before: number): void {
    this.#change(hash, { holders });
    this.#addToReferences(hash, holders.size - before);
  }

  /** Nothing here can be damaged. */
  checkReferencesKnown(): void {}

  manifest(id: string): RecordedManifest | undefined {
    return this.conversations.get(id);
  }

  takeConversationNumber(): number {
    return this.#nextConversation++;
  }

  putManifest(manifest: RecordedManifest): void {
    this.conversations.set(manifest.conversation.id, manifest);
  }

  removeManifest(id: string): void {
    assert(this.manifest(id) !== undefined, 'only a stored conversation is removed', id);
    this.conversations.set(id, undefined);
  }

  countUsage(event: UsageEvent): void {
    const { conversation, figures } = event;
    const [application, model, tokenizer, labels] = groupedBy(
      conversation,
      this.labels,
      (group, groupsMax) => {
        const text = JSON.stringify(group);
        if (!this.#usageGroups.has(text) && this.#usageGroups.size >= groupsMax) return undefined;
        this.#usageGroups.add(text);
        return group;
      },
      this.usageGroupsMax,
    );
    const timeMs = periodOf(event) * USAGE_PERIOD_MS;
    this.#addToRow({ timeMs, application, model, tokenizer, labels }, figures);
  }

  garbageAfter(id: number): MemorySegment[] {
    const garbage = [...this.segments.values()].filter((each) => each.id > id && each.references === 0);
    return garbage.sort((a, b) => a.id - b.id);
  }

  inOrder(newestFirst: boolean, beyond: number): Iterable<RecordedManifest> {
    return this.conversations.inOrder(newestFirst, beyond);
  }

  get hasDated(): boolean {
    return this.conversations.hasDated;
  }

  numberFrom(storeTimeMs: number): number {
    return this.conversations.numberFrom(storeTimeMs) ?? this.#nextConversation;
  }

  /** Returns whether the segment is garbage now. */
  #addToReferences(hash: SegmentHash, difference: number): boolean {
    const references = this.#stored(hash).references + difference;
    assert(references >= 0, 'a segment has no fewer references than none', hash);
    this.#change(hash, { references });
    if (references === 0) this.renewGarbage(hash);
    return references === 0;
  }

  #change(hash: SegmentHash, fields: Partial<MemorySegment>): void {
    const before = this.#stored(hash);
    this.segments.set(before.id, { ...before, ...fields });
  }

  #stored(hash: SegmentHash): MemorySegment {
    return present(this.segment(hash), 'what is referred to is stored', hash);
  }
}

/** Registries of a memory backend; the codec has them at once. */
class MemoryRegistries implements StagedRegistries {
  readonly stored = new Map<number, { readonly bytes: Uint8Array; readonly createTimeMs: number }>();

  constructor(
    private readonly segments: ReadonlyMap<number, MemorySegment>,
    private readonly codec: LiveCodec,
  ) {}

  has(id: number): boolean {
    return this.stored.has(id);
  }

  lastId(): number {
    return Math.max(0, ...this.stored.keys());
  }

  put(bytes: Uint8Array, createTimeMs: number): void {
    this.codec.add(bytes);
    this.stored.set(registryIdOf(bytes), { bytes: bytes.slice(), createTimeMs });
  }

  list(): StoredRegistry[] {
    return [...this.stored].map(([id, { bytes, createTimeMs }]) => {
      const users = [...this.segments.values()].filter(({ frame }) => frameRegistryId(frame) === id);
      return {
        id,
        bytes: bytes.length,
        createTimeMs,
        segments: users.length,
        tokens: users.reduce((sum, { tokenCount }) => sum + tokenCount, 0),
        frameBytes: users.reduce((sum, { frame }) => sum + frame.length, 0),
      };
    });
  }

  drop(ids: readonly number[]): number[] {
    const used = new Set([...this.segments.values()].map(({ frame }) => frameRegistryId(frame)));
    const dropped = ids.filter((id) => !used.has(id) && this.stored.delete(id));
    this.codec.remove(dropped);
    return dropped;
  }
}

import { type LiveCodec, registryIdOf } from '../../codec/index.js';
import type { SegmentHash } from '../../model/index.js';
import type {
  ChangeResult,
  DeletionOutcome,
  FrameReplacement,
  NewSegment,
  OutsideReference,
  ReferenceOutcome,
  RequestMark,
} from '../contract/change.js';
import type { ChangeOps, ManifestPlan, Part } from '../shared/apply-change.js';
import { isRemembered } from '../shared/manifest-rules.js';
import { requestIdReused } from '../shared/refusals.js';
import { MemoryManifests } from './manifests.js';
import { dropRegistries } from './registries.js';
import type { MemoryStore } from './store.js';

/** New segments of a change, and those of them that it has stored. */
export interface Incoming {
  readonly segments: readonly NewSegment[];
  readonly added: NewSegment[];
}

/** Applies one change to a memory store. */
export class MemoryChangeOps implements ChangeOps<Incoming> {
  readonly #manifests: MemoryManifests;

  constructor(
    private readonly store: MemoryStore,
    private readonly codec: LiveCodec,
    private readonly nowMs: number,
  ) {
    this.#manifests = new MemoryManifests(store, nowMs);
  }

  replay(mark: RequestMark): ChangeResult | undefined {
    const { id, digest } = mark;
    const earlier = this.store.requests.get(id);
    if (!earlier || !isRemembered(earlier.timeMs, mark)) return undefined;
    if (earlier.digest !== digest) throw requestIdReused(id);
    return { ...earlier.result, replayed: true };
  }

  remember(request: RequestMark, result: ChangeResult): void {
    const { requests } = this.store;
    for (const [id, { timeMs }] of requests) {
      if (isRemembered(timeMs, request)) break;
      requests.delete(id);
    }
    requests.delete(request.id);
    requests.set(request.id, { ...request, result });
  }

  hasRegistry(id: number): boolean {
    return this.store.registries.has(id);
  }

  lastRegistryId(): number {
    return Math.max(0, ...this.store.registries.keys());
  }

  putRegistry({ bytes, timeMs }: Part<'putRegistry'>): void {
    this.codec.add(bytes);
    this.store.registries.set(registryIdOf(bytes), { bytes: bytes.slice(), createTimeMs: timeMs });
  }

  dropRegistries(ids: readonly number[]): number[] {
    return dropRegistries(this.store, this.codec, ids);
  }

  resolveIncoming(segments: readonly NewSegment[]): Incoming {
    return { segments, added: [] };
  }

  storeIncoming({ segments, added }: Incoming): void {
    for (const segment of segments) {
      if (this.store.segmentByHash.has(segment.hash)) continue;
      this.store.addSegment(segment, this.nowMs);
      added.push(segment);
    }
  }

  markUnreferenced({ segments }: Incoming): void {
    for (const { hash } of segments) {
      const stored = this.store.segmentByHash.get(hash);
      if (stored?.holders.size === 0) this.store.markGarbage(stored, this.nowMs);
    }
  }

  planPut(put: Part<'put'>, { segments, added }: Incoming): ManifestPlan {
    const unchanged = this.#manifests.checkPut(put, segments);
    return { ...(unchanged && { unchanged }), write: () => this.#manifests.put(put, added) };
  }

  planAppend(append: Part<'append'>, { segments, added }: Incoming): ManifestPlan {
    this.#manifests.checkAppend(append, segments);
    return { write: () => this.#manifests.append(append, added) };
  }

  planFork(fork: Part<'fork'>): ManifestPlan {
    const unchanged = this.#manifests.checkFork(fork);
    return { ...(unchanged && { unchanged }), write: () => this.#manifests.fork(fork) };
  }

  checkDelete(conversation: Part<'delete'>): void {
    this.#manifests.checkDelete(conversation);
  }

  deleteConversation(conversation: Part<'delete'>) {
    return this.#manifests.delete(conversation);
  }

  addReferences(references: readonly OutsideReference[]): ReferenceOutcome[] {
    return references.map(({ hash, holder }) => {
      const segment = this.store.segmentByHash.get(hash);
      if (segment) this.store.hold(segment.id, holder);
      return segment && { refCount: segment.holders.size };
    });
  }

  removeReferences(references: readonly OutsideReference[]): ReferenceOutcome[] {
    return references.map(({ hash, holder }) => {
      const segment = this.store.segmentByHash.get(hash);
      if (segment) this.store.release(segment.id, holder, this.nowMs);
      return segment && { refCount: segment.holders.size };
    });
  }

  /** Nothing here can be damaged. */
  checkReferencesKnown(): void {}

  deleteSegments(hashes: readonly SegmentHash[], sequenceMax: number): DeletionOutcome[] {
    return hashes.map((hash) => {
      const segment = this.store.segmentByHash.get(hash);
      const deleted = segment?.garbage !== undefined && segment.garbage.sequence <= sequenceMax;
      if (segment && deleted) this.store.removeSegment(segment);
      return segment && { deleted, refCount: segment.holders.size };
    });
  }

  collect({ keys, garbageBeforeMs }: Part<'collect'>, sequenceMax: number) {
    let segments = 0;
    let frameBytes = 0;
    for (const key of keys) {
      const segment = this.store.segments.get(Number(key));
      const garbage = segment?.garbage;
      if (!segment || !garbage) continue;
      if (garbage.sinceMs > garbageBeforeMs || garbage.sequence > sequenceMax) continue;
      this.store.removeSegment(segment);
      segments += 1;
      frameBytes += segment.frame.length;
    }
    return { segments, frameBytes };
  }

  replaceFrames(replacements: readonly FrameReplacement[]): boolean[] {
    return replacements.map(({ key, expected, frame }) => {
      const segment = this.store.segments.get(Number(key));
      if (!segment || Buffer.compare(segment.frame, expected) !== 0) return false;
      segment.frame = frame.slice();
      return true;
    });
  }
}

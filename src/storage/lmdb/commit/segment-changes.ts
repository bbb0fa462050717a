import { type Codec, frameRegistryId } from '../../../codec/index.js';
import { assert, present, type SegmentHash } from '../../../model/index.js';
import type { FrameReplacement, NewSegment } from '../../contract/change.js';
import type { NegativeLookupCache, KnownSegment, SegmentCache } from '../segments/segment-caches.js';
import type { Tables } from '../tables/environment.js';
import { frameWitness } from '../segments/frame-witness.js';
import { chunkOf, Garbage, readGarbage, RefCounts } from '../segments/ref-counts.js';
import { HashIndex } from '../segments/hash-index.js';
import type { IndexDirectory } from '../segments/chunk-keys.js';
import type { RecentHashes } from '../segments/recent-hashes.js';
import type { Registries } from '../segments/registries.js';
import { trustsDamagedPacks, SegmentReader } from '../packs/segment-reader.js';
import { SegmentWriter } from '../packs/segment-writer.js';
import { undefinedIfCorrupt } from '../tables/lmdb-errors.js';
import type { State } from '../tables/meta.js';
import { type SegmentId, idOf } from '../tables/ids.js';

/** Caches of committed segments. */
export interface SegmentIndexCaches {
  readonly tables: Tables;
  readonly codec: Codec;
  readonly cache: SegmentCache;
  readonly absences: NegativeLookupCache;
  readonly directory: IndexDirectory;
  readonly recent: RecentHashes;
}

/**
 * Segments, their references and garbage, as one write transaction sees and changes them. Ends with flush().
 */
export class SegmentChanges {
  /** Added, or found by decoding its frame: these need no other look-up. */
  readonly #resolved = new Map<SegmentHash, KnownSegment>();
  /** In the order of their ids, which are consecutive. */
  readonly #addedInOrder: KnownSegment[] = [];
  /** Those of them that have been garbage. */
  readonly #addedGarbage = new Set<number>();
  /** Looked up and not stored before: most new segments of a change, and each is looked up more than once. */
  readonly #absent = new Set<SegmentHash>();
  readonly #counts: RefCounts<SegmentId>;
  readonly #garbage: Garbage;
  readonly #index: HashIndex;
  readonly #writer: SegmentWriter;
  #sparing: SegmentReader | undefined;
  #proving: SegmentReader | undefined;
  readonly #deleted: SegmentId[] = [];
  #indexChanges: ReturnType<HashIndex['flush']> | undefined;

  /** `state` and `registries` belong to the transaction, and contain the sums. */
  constructor(
    private readonly memory: SegmentIndexCaches,
    private readonly state: State,
    private readonly registries: Registries,
    nowMs: number,
  ) {
    const { tables, directory, recent } = memory;
    const { nextSegment } = state;
    this.#counts = new RefCounts(tables.refCounts, tables.bigRefCounts, () => nextSegment);
    this.#garbage = new Garbage(tables.garbage, state, nowMs);
    this.#index = new HashIndex(tables.hashIndex, directory, recent.at(state.commitSequence - 1));
    this.#writer = new SegmentWriter(tables);
  }

  /** Also reads intact frames in damaged packs. */
  get #reader(): SegmentReader {
    const isIndexed = (hash: SegmentHash, id: SegmentId) => this.#index.candidates(hash).includes(id);
    const witness = () => frameWitness(this.memory.codec, this.#counts, isIndexed);
    return (this.#sparing ??= new SegmentReader(this.tables, witness()));
  }

  /** Reads no frame of a damaged pack: frames that are rewritten must be proven. */
  get #strict(): SegmentReader {
    return (this.#proving ??= new SegmentReader(this.tables));
  }

  private get tables(): Tables {
    return this.memory.tables;
  }

  find(hash: SegmentHash): KnownSegment | undefined {
    const met = this.#resolved.get(hash);
    if (met && this.#isStored(met)) return met;
    if (this.memory.absences.has(this.state.commitSequence - 1, hash) || this.#absent.has(hash))
      return undefined;
    const cached = this.memory.cache.byHash(hash);
    if (cached && this.#isStored(cached)) return cached;
    for (const id of this.#index.candidates(hash)) {
      const known = this.#known(id);
      if (known.hash !== hash) continue;
      this.#resolved.set(hash, known);
      return known;
    }
    this.#absent.add(hash);
    return undefined;
  }

  /** Stores a segment that is not stored; it has no reference and is not garbage yet. Returns its id. */
  add({ hash, tokenCount, frame }: NewSegment): SegmentId {
    const { state } = this;
    const before = this.#resolved.get(hash);
    assert(!before || !this.#isStored(before), 'a segment is stored once', hash);
    const known: KnownSegment = { id: state.nextSegment++ as SegmentId, hash, tokenCount };
    this.#writer.append(known.id, frame, tokenCount);
    this.#index.insert(hash, known.id);
    this.#counts.set(known.id, 0);
    state.segments += 1;
    state.uniqueTokens += tokenCount;
    state.segmentBytes += frame.length;
    this.#countFrame(frame, tokenCount, 1);
    this.#resolved.set(hash, known);
    this.#addedInOrder.push(known);
    return known.id;
  }

  /**
   * Adds a reference to a stored segment; returns how many it has then.
   * @throws StowkenError CORRUPT_STORE
   */
  hold(id: SegmentId): number {
    const count = this.#counts.get(id);
    // A list that names a segment that was lost cannot be copied.
    if (count === undefined)
      throw this.tables.refCounts.corrupt(chunkOf(id), `has no count of segment ${id}, which is referred to`);
    this.#counts.set(id, count + 1);
    if (count === 0 && (!this.#addedAs(id) || this.#addedGarbage.has(id))) this.#garbage.leave(id);
    return count + 1;
  }

  /**
   * Removes a reference. Returns whether the segment is garbage now.
   * @throws StowkenError CORRUPT_STORE if no reference is left to be removed: the segment may be garbage
   * while something names it, and the transaction must not go on to delete it
   */
  release(id: SegmentId): boolean {
    const count = this.#counts.get(id);
    // Lost with a damaged pack: what names it is still there.
    if (count === undefined) return false;
    if (count === 0)
      throw this.tables.refCounts.miscounted(chunkOf(id), `counts too few references to segment ${id}`);
    this.#counts.set(id, count - 1);
    if (count > 1) return false;
    this.markGarbage(id);
    return true;
  }

  /** Undefined: the segment is not stored. */
  referencesOf(id: SegmentId): number | undefined {
    return this.#counts.get(id);
  }

  /** Makes a segment without references garbage, from now on. */
  markGarbage(id: SegmentId): void {
    if (this.#addedAs(id)) this.#addedGarbage.add(id);
    // Frames appended in this session may not be readable yet.
    if (this.#writer.flush()) this.#reload();
    this.#garbage.enter(id, this.#frameBytes(id));
  }

  /** Replaces the expected frames; returns for each whether it was the stored one. */
  replaceFrames(replacements: readonly FrameReplacement[]): boolean[] {
    const frames = new Map<SegmentId, Uint8Array>();
    const flush = () => {
      this.#writer.replace(frames);
      this.#reload();
      frames.clear();
    };
    this.#writer.flush();
    this.#reload();
    const replaced = replacements.map(({ key, expected, frame }) => {
      const id = idOf(key);
      if (frames.has(id)) flush(); // The expected frame is an earlier replacement in this list.
      // A damaged pack is not changed.
      const size = undefinedIfCorrupt(() => this.#strict.size(id));
      const stored = size && undefinedIfCorrupt(() => this.#strict.frame(id));
      if (!size || !stored || Buffer.compare(stored, expected) !== 0) return false;
      frames.set(id, frame);
      this.#countReplacement(id, size.tokenCount, expected, frame);
      return true;
    });
    flush();
    return replaced;
  }

  #countReplacement(id: SegmentId, tokenCount: number, before: Uint8Array, after: Uint8Array): void {
    this.state.segmentBytes += after.length - before.length;
    this.#countFrame(before, tokenCount, -1);
    this.#countFrame(after, tokenCount, 1);
    this.#garbage.resize(id, after.length);
  }

  /**
   * Deletes those segments that are garbage and were so at commit `sequenceMax` and time `sinceMaxMs`. Those
   * in a damaged pack are left, since it is not rewritten. Returns what was deleted.
   */
  collect(
    ids: readonly SegmentId[],
    { sinceMaxMs, sequenceMax }: { readonly sinceMaxMs: number; readonly sequenceMax: number },
  ) {
    const { state } = this;
    const deleted: SegmentId[] = [];
    let frameBytesDeleted = 0;
    for (const id of [...new Set(ids)].sort((a, b) => a - b)) {
      if (this.#counts.get(id) !== 0) continue;
      const { sinceMs, sequence, frameBytes } = readGarbage(this.tables.garbage, id);
      const whole = sinceMs <= sinceMaxMs && sequence <= sequenceMax ? this.#ifWhole(id) : undefined;
      if (!whole) continue;
      const { known, frame } = whole;
      this.#countFrame(frame, known.tokenCount, -1);
      this.#index.remove(known.hash, id);
      this.#counts.set(id, undefined);
      this.#garbage.leave(id);
      state.segments -= 1;
      state.uniqueTokens -= known.tokenCount;
      state.segmentBytes -= frameBytes;
      frameBytesDeleted += frameBytes;
      deleted.push(id);
    }
    this.#deleted.push(...deleted);
    this.#writer.remove(deleted);
    this.#reload();
    return { segments: deleted.length, frameBytes: frameBytesDeleted };
  }

  /** Writes chunks of the hash index as full pages, see HashIndex.refill(). */
  refillIndex(after: number, bytesMax: number): number | undefined {
    return this.#index.refill(after, bytesMax);
  }

  /** Writes all buffered changes. */
  flush(): void {
    this.#writer.flush();
    this.#indexChanges = this.#index.flush();
    this.#counts.flush(this.state.nextSegment);
  }

  /** Updates the caches after the commit. */
  committed(): void {
    for (const known of this.#addedInOrder) this.memory.cache.add(known);
    for (const id of this.#deleted) this.memory.cache.remove(id);
    if (!this.#indexChanges) return;
    const { added, removed } = this.#indexChanges;
    this.memory.directory.update(this.state.commitSequence, added, removed);
  }

  /** Lets readers see the packs that were written. */
  #reload(): void {
    this.#sparing = undefined;
    this.#proving = undefined;
  }

  #countFrame(frame: Uint8Array, tokenCount: number, sign: 1 | -1): void {
    const id = frameRegistryId(frame);
    if (id !== undefined) this.registries.count(id, tokenCount, frame.length, sign);
  }

  /**
   * Returns the frame's size, damaged or not: the check compares the garbage's sums with the same figure. 0
   * if no pack that can be read has it.
   */
  #frameBytes(id: SegmentId): number {
    const said = new SegmentReader(this.tables, trustsDamagedPacks);
    return (
      (undefinedIfCorrupt(() => this.#reader.size(id)) ?? undefinedIfCorrupt(() => said.size(id)))
        ?.frameBytes ?? 0
    );
  }

  #isStored({ id }: KnownSegment): boolean {
    return this.#counts.get(id) !== undefined;
  }

  #addedAs(id: SegmentId): KnownSegment | undefined {
    const firstAdded = this.state.nextSegment - this.#addedInOrder.length;
    return this.#addedInOrder[id - firstAdded];
  }

  #known(id: SegmentId): KnownSegment {
    const cached = this.#addedAs(id) ?? this.memory.cache.byId(id);
    if (cached) return cached;
    const frame = this.#reader.frame(id);
    const { tokenCount } = present(this.#reader.size(id), 'a frame that is read has a size', id);
    return { id, hash: this.memory.codec.hashOf(frame), tokenCount };
  }

  #ifWhole(id: SegmentId): { readonly known: KnownSegment; readonly frame: Uint8Array } | undefined {
    return undefinedIfCorrupt(() => ({ frame: this.#strict.frame(id), known: this.#known(id) }));
  }
}

import { frameRegistryId, registryIdOf, type LiveCodec } from '../../codec/index.js';
import { isStowkenError, type SegmentHash } from '../../model/index.js';
import type { Change, FrameReplacement, NewSegment } from '../backend.js';
import type { Absences } from './absences.js';
import { decodeGarbage, encodeGarbage } from './garbage.js';
import type { Tables } from './environment.js';
import { HashIndex } from './hash-index.js';
import { IdIndex } from './id-index.js';
import type { IndexDirectory } from './index-directory.js';
import { NameWriter, type Names } from './names.js';
import { Pages } from './pages.js';
import { PrefixIndex } from './prefix-index.js';
import { Registries } from './registries.js';
import { RefCounts } from './ref-counts.js';
import { References } from './references.js';
import { Requests } from './requests.js';
import type { KnownSegment, SegmentCache } from './segment-cache.js';
import { SegmentReader } from './segment-reader.js';
import { SegmentWriter } from './segment-writer.js';
import { readState, writeState, type State } from './state.js';

/** What write sessions share with the backend that opens them. */
export interface Shared {
  readonly tables: Tables;
  readonly codec: LiveCodec;
  readonly cache: SegmentCache;
  readonly absences: Absences;
  readonly directory: IndexDirectory;
  readonly names: Names;
  /** Segments that changes name, looked up before their transaction: a pair of hash and id is true for ever. */
  readonly resolved: WeakMap<Change, ReadonlyMap<SegmentHash, KnownSegment>>;
}

/**
 * One write transaction's view: every change of the group sees those before it. Ends with flush();
 * without it the transaction must be aborted.
 */
export class WriteSession {
  readonly state: State;
  readonly names: NameWriter;
  readonly ids: IdIndex;
  readonly references: References;
  readonly pages: Pages;
  readonly requests: Requests;
  readonly prefixes: PrefixIndex;
  readonly #added = new Map<SegmentHash, KnownSegment>();
  /** Looked for, and not stored before this session: most that a change brings, and each is asked for more than once. */
  readonly #absent = new Set<SegmentHash>();
  /** In the order of their ids, which follow one another. */
  readonly #addedInOrder: KnownSegment[] = [];
  /** Of these, the ones that have been among the garbage. */
  readonly #addedGarbage = new Set<number>();
  readonly #counts: RefCounts;
  readonly #index: HashIndex;
  readonly #writer: SegmentWriter;
  readonly registries: Registries;
  /** What becomes of registries: the last bytes put, or undefined for one that is dropped. */
  readonly #registryChanges = new Map<number, Uint8Array | undefined>();
  readonly nameOf = (code: number): string => this.names.nameOf(code);
  #resolved: ReadonlyMap<SegmentHash, KnownSegment> | undefined;
  #reader: SegmentReader;
  #indexChanges: ReturnType<HashIndex['flush']> | undefined;

  constructor(
    private readonly shared: Shared,
    readonly nowMs: number,
  ) {
    const { tables } = shared;
    this.state = readState(tables.meta);
    this.state.commitSequence += 1;
    this.names = new NameWriter(tables.names, shared.names, this.state.nextName);
    this.ids = new IdIndex(tables.ids);
    this.references = new References(tables.references);
    this.pages = new Pages(tables, this.state);
    this.requests = new Requests(tables, this.state, this.names, this.nameOf);
    this.prefixes = new PrefixIndex(tables);
    this.#counts = new RefCounts(tables.refCounts, tables.bigRefCounts);
    this.#index = new HashIndex(tables.hashIndex, shared.directory);
    this.#writer = new SegmentWriter(tables);
    this.registries = new Registries(tables);
    this.#reader = new SegmentReader(tables);
  }

  get tables(): Tables {
    return this.shared.tables;
  }

  /** The change that is planned and made from here on. */
  begin(change: Change): void {
    this.#resolved = this.shared.resolved.get(change);
  }

  find(hash: SegmentHash): KnownSegment | undefined {
    const wasAbsent = this.shared.absences.has(this.state.commitSequence - 1, hash);
    const cached = this.#added.get(hash) ?? (wasAbsent ? undefined : this.#cached(hash));
    if (cached && this.#counts.get(cached.id) !== undefined) return cached;
    if (wasAbsent || this.#absent.has(hash)) return undefined;
    for (const id of this.#index.candidates(hash)) {
      const known = this.#known(id);
      if (known.hash === hash) return known;
    }
    this.#absent.add(hash);
    return undefined;
  }

  /** Stores a segment that is not; it has no reference yet and is not garbage yet. */
  add({ hash, tokenCount, frame }: NewSegment): KnownSegment {
    const { state } = this;
    const known: KnownSegment = { id: state.nextSegment++, hash, tokenCount };
    this.#writer.append(known.id, frame, tokenCount);
    this.#index.insert(hash, known.id);
    this.#counts.set(known.id, 0);
    state.segments += 1;
    state.uniqueTokens += tokenCount;
    state.segmentBytes += frame.length;
    this.#countFrame(frame, tokenCount, 1);
    this.#added.set(hash, known);
    this.#addedInOrder.push(known);
    return known;
  }

  /** Adds a reference. */
  hold(id: number): void {
    const count = this.#counts.get(id) ?? 0;
    this.#counts.set(id, count + 1);
    if (count > 0 || (this.#addedAs(id) && !this.#addedGarbage.has(id))) return;
    const garbage = this.tables.garbage.view(id);
    if (!garbage) return;
    this.state.garbageSegments -= 1;
    this.state.garbageBytes -= decodeGarbage(garbage).frameBytes;
    this.tables.garbage.remove(id);
  }

  /** Takes a reference away; says whether the segment is garbage now. */
  release(id: number): boolean {
    const count = this.#counts.get(id) ?? 0;
    this.#counts.set(id, count - 1);
    if (count > 1) return false;
    this.markGarbage(id);
    return true;
  }

  /** Undefined: the segment is not stored. */
  referencesOf(id: number): number | undefined {
    return this.#counts.get(id);
  }

  /** Enters a segment without references among the garbage, from now on. */
  markGarbage(id: number): void {
    if (this.#addedAs(id)) this.#addedGarbage.add(id);
    // What was appended in this session may not be readable yet.
    if (this.#writer.flush()) this.#reader = new SegmentReader(this.tables);
    const frameBytes = this.#reader.size(id)?.frameBytes ?? 0;
    const isNew = this.tables.garbage.view(id) === undefined;
    const { commitSequence: sequence } = this.state;
    this.tables.garbage.put(id, encodeGarbage({ sinceMs: this.nowMs, sequence, frameBytes }));
    if (!isNew) return;
    this.state.garbageSegments += 1;
    this.state.garbageBytes += frameBytes;
  }

  /** Puts frames in place of the expected ones; says for each whether that was there. */
  replaceFrames(replacements: readonly FrameReplacement[]): boolean[] {
    const frames = new Map<number, Uint8Array>();
    const flush = () => {
      this.#writer.replace(frames);
      this.#reader = new SegmentReader(this.tables);
      frames.clear();
    };
    this.#writer.flush();
    this.#reader = new SegmentReader(this.tables);
    const replaced = replacements.map(({ key, expected, frame }) => {
      const id = Number(key);
      if (frames.has(id)) flush(); // what it expects is the frame before it in this very list
      const size = this.#reader.size(id);
      if (!size || Buffer.compare(this.#reader.frame(id), expected) !== 0) return false;
      frames.set(id, frame);
      this.#countReplacement(id, size.tokenCount, expected, frame);
      return true;
    });
    flush();
    return replaced;
  }

  #countReplacement(id: number, tokenCount: number, before: Uint8Array, after: Uint8Array): void {
    const grown = after.length - before.length;
    this.state.segmentBytes += grown;
    this.#countFrame(before, tokenCount, -1);
    this.#countFrame(after, tokenCount, 1);
    const garbage = this.tables.garbage.get(id);
    if (!garbage) return;
    this.tables.garbage.put(id, encodeGarbage({ ...decodeGarbage(garbage), frameBytes: after.length }));
    this.state.garbageBytes += grown;
  }

  /**
   * Deletes those segments that are garbage and were so at `sequenceMax` and at `sinceMaxMs`; one whose
   * frame is damaged is left, since its hash cannot be known. Returns what was deleted.
   */
  collect(ids: readonly number[], sinceMaxMs: number, sequenceMax: number) {
    const { state, tables } = this;
    const deleted: number[] = [];
    let frameBytesDeleted = 0;
    for (const id of [...new Set(ids)].sort((a, b) => a - b)) {
      const record = tables.garbage.get(id);
      if (!record) continue;
      const { sinceMs, sequence, frameBytes } = decodeGarbage(record);
      const known = sinceMs <= sinceMaxMs && sequence <= sequenceMax ? this.#knownIfWhole(id) : undefined;
      if (!known) continue;
      this.#countFrame(this.#reader.frame(id), known.tokenCount, -1);
      this.#index.remove(known.hash, id);
      this.#counts.set(id, undefined);
      tables.garbage.remove(id);
      state.segments -= 1;
      state.uniqueTokens -= known.tokenCount;
      state.segmentBytes -= frameBytes;
      state.garbageSegments -= 1;
      state.garbageBytes -= frameBytes;
      frameBytesDeleted += frameBytes;
      deleted.push(id);
    }
    this.#writer.remove(deleted);
    this.#reader = new SegmentReader(tables);
    return { segments: deleted.length, frameBytes: frameBytesDeleted };
  }

  putRegistry(bytes: Uint8Array, timeMs: number): void {
    const id = registryIdOf(bytes);
    this.registries.put(id, bytes, timeMs);
    this.state.registryBytes += bytes.length;
    this.#registryChanges.set(id, bytes);
  }

  /** Removes those that no frame names; returns them. */
  dropRegistries(ids: readonly number[]): number[] {
    const dropped = ids.filter((id) => {
      const bytes = this.registries.drop(id);
      this.state.registryBytes -= bytes ?? 0;
      return bytes !== undefined;
    });
    for (const id of dropped) this.#registryChanges.set(id, undefined);
    return dropped;
  }

  #countFrame(frame: Uint8Array, tokenCount: number, sign: 1 | -1): void {
    const id = frameRegistryId(frame);
    if (id !== undefined) this.registries.count(id, tokenCount, frame.length, sign);
  }

  /** Writes all that was held back. What was freed at `sequenceMax` or before, no snapshot reads any more. */
  flush(sequenceMax: number): void {
    this.#writer.flush();
    this.#indexChanges = this.#index.flush();
    this.#counts.flush();
    this.registries.flush();
    this.references.flush();
    this.pages.flush(sequenceMax);
    this.state.nextName = this.names.nextCode;
    writeState(this.tables.meta, this.state);
  }

  /** Tells what is kept in memory that the commit was made. */
  committed(): void {
    for (const known of this.#addedInOrder) this.shared.cache.add(known);
    for (const [id, bytes] of this.#registryChanges) {
      if (bytes) this.shared.codec.add(bytes);
      else this.shared.codec.remove([id]);
    }
    if (this.names.changed) this.shared.names.refresh();
    if (!this.#indexChanges) return;
    const { added, removed } = this.#indexChanges;
    this.shared.directory.update(this.state.commitSequence, added, removed);
  }

  #cached(hash: SegmentHash): KnownSegment | undefined {
    return this.#resolved?.get(hash) ?? this.shared.cache.byHash(hash);
  }

  #addedAs(id: number): KnownSegment | undefined {
    const firstAdded = this.state.nextSegment - this.#addedInOrder.length;
    return this.#addedInOrder[id - firstAdded];
  }

  #known(id: number): KnownSegment {
    const cached = this.#addedAs(id) ?? this.shared.cache.byId(id);
    if (cached) return cached;
    const frame = this.#reader.frame(id);
    const tokenCount = this.#reader.size(id)?.tokenCount ?? 0;
    return { id, hash: this.shared.codec.hashOf(frame), tokenCount };
  }

  #knownIfWhole(id: number): KnownSegment | undefined {
    try {
      return this.#known(id);
    } catch (error) {
      if (isStowkenError(error)) return undefined;
      throw error;
    }
  }
}

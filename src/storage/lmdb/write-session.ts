import type { Codec } from '../../codec/index.js';
import { isStowkenError, type SegmentHash } from '../../model/index.js';
import type { NewSegment } from '../backend.js';
import { decodeGarbage, encodeGarbage } from './garbage.js';
import type { Tables } from './environment.js';
import { HashIndex } from './hash-index.js';
import { IdIndex } from './id-index.js';
import type { IndexDirectory } from './index-directory.js';
import { NameWriter, type Names } from './names.js';
import { RefCounts } from './ref-counts.js';
import type { KnownSegment, SegmentCache } from './segment-cache.js';
import { SegmentReader } from './segment-reader.js';
import { SegmentWriter } from './segment-writer.js';
import { readState, writeState, type State } from './state.js';

/** What write sessions share with the backend that opens them. */
export interface Shared {
  readonly tables: Tables;
  readonly codec: Codec;
  readonly cache: SegmentCache;
  readonly directory: IndexDirectory;
  readonly names: Names;
}

/**
 * One write transaction's view: every change of the group sees those before it. Ends with flush();
 * without it the transaction must be aborted.
 */
export class WriteSession {
  readonly state: State;
  readonly names: NameWriter;
  readonly ids: IdIndex;
  readonly #added = new Map<SegmentHash, KnownSegment>();
  readonly #addedIds = new Map<number, KnownSegment>();
  readonly #counts: RefCounts;
  readonly #index: HashIndex;
  readonly #writer: SegmentWriter;
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
    this.#counts = new RefCounts(tables);
    this.#index = new HashIndex(tables.hashIndex, shared.directory);
    this.#writer = new SegmentWriter(tables);
    this.#reader = new SegmentReader(tables);
  }

  get tables(): Tables {
    return this.shared.tables;
  }

  readonly nameOf = (code: number): string => this.shared.names.nameOf(code);

  find(hash: SegmentHash): KnownSegment | undefined {
    const cached = this.#added.get(hash) ?? this.shared.cache.byHash(hash);
    if (cached && this.#counts.get(cached.id) !== undefined) return cached;
    for (const id of this.#index.candidates(hash)) {
      const known = this.#known(id);
      if (known.hash === hash) return known;
    }
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
    this.#added.set(hash, known);
    this.#addedIds.set(known.id, known);
    return known;
  }

  /** Adds a reference. */
  hold(id: number): void {
    const count = this.#counts.get(id) ?? 0;
    this.#counts.set(id, count + 1);
    if (count > 0) return;
    const garbage = this.tables.garbage.get(id);
    if (!garbage) return;
    this.tables.garbage.remove(id);
    this.state.garbageSegments -= 1;
    this.state.garbageBytes -= decodeGarbage(garbage).frameBytes;
  }

  /** Takes a reference away; says whether the segment is garbage now. */
  release(id: number): boolean {
    const count = this.#counts.get(id) ?? 0;
    this.#counts.set(id, count - 1);
    if (count > 1) return false;
    this.markGarbage(id);
    return true;
  }

  isReferenced(id: number): boolean {
    return (this.#counts.get(id) ?? 0) > 0;
  }

  /** Enters a segment without references among the garbage. */
  markGarbage(id: number): void {
    // What was appended in this session may not be readable yet.
    if (this.#writer.flush()) this.#reader = new SegmentReader(this.tables);
    const frameBytes = this.#reader.size(id)?.frameBytes ?? 0;
    const { commitSequence: sequence } = this.state;
    this.tables.garbage.put(id, encodeGarbage({ sinceMs: this.nowMs, sequence, frameBytes }));
    this.state.garbageSegments += 1;
    this.state.garbageBytes += frameBytes;
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

  /** Writes all that was held back. */
  flush(): void {
    this.#writer.flush();
    this.#indexChanges = this.#index.flush();
    this.#counts.flush();
    this.state.nextName = this.names.nextCode;
    writeState(this.tables.meta, this.state);
  }

  /** Tells what is kept in memory that the commit was made. */
  committed(): void {
    for (const known of this.#added.values()) this.shared.cache.add(known);
    if (this.names.changed) this.shared.names.refresh();
    if (this.#indexChanges)
      this.shared.directory.update(this.#indexChanges.added, this.#indexChanges.removed);
  }

  #known(id: number): KnownSegment {
    const cached = this.#addedIds.get(id) ?? this.shared.cache.byId(id);
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

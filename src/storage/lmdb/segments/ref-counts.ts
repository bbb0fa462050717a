import { assert, StowkenError } from '../../../model/index.js';
import { ByteReader, ByteWriter } from '../../shared/bytes.js';
import type { Tables } from '../tables/environment.js';
import { COUNTS_PER_CHUNK } from '../tables/layout.js';
import { countAt, decodeCounts, encodeCounts, noCounts } from './count-chunk.js';
import { readState, type State } from '../tables/meta.js';
import type { Entry, Table } from '../tables/table.js';
import type { BlockId, SegmentId } from '../tables/ids.js';

/** Stored bytes: 0 not stored, 1 no reference, n: n - 1 references, 255: see the table of big counts. */
const UNREFERENCED = 1;
const BIG = 255;

interface Chunk {
  readonly number: number;
  readonly bytes: Uint8Array;
  /** True if the table has a record under this number. */
  readonly stored: boolean;
  /** The count of more than half of them when the chunk was read, if there was one. */
  readonly likely: number;
  changed: boolean;
}

/**
 * Reference counts of segments, or of blocks; chunks are never removed. Used for one stretch of reading or
 * one write transaction.
 */
export class RefCounts<Id extends SegmentId | BlockId> {
  readonly #chunks = new Map<number, Chunk>();
  /** The last chunk used: ids that are used together are near each other. */
  #last: Chunk | undefined;
  #flushed = false;

  /**
   * `next` is the next number before this transaction: there are chunks up to that of the last number taken,
   * so that a missing chunk is damage.
   */
  constructor(
    private readonly counts: Table<number>,
    private readonly bigCounts: Table<number>,
    private readonly next: () => number,
  ) {}

  /** Returns undefined if it is not stored. */
  get(id: Id): number | undefined {
    const byte = this.#chunk(id).bytes[id % COUNTS_PER_CHUNK]!;
    if (byte === BIG) return this.#bigCount(id);
    return byte === 0 ? undefined : byte - 1;
  }

  /** Sets a count; undefined: it is not stored. */
  set(id: Id, count: number | undefined): void {
    assert(!this.#flushed, 'no count is set after the counts were written', id);
    assert(id > 0 && Number.isSafeInteger(id), 'counts are of numbers from 1 on', id);
    assert(count === undefined || (count >= 0 && Number.isSafeInteger(count)), 'a count is not negative', id);
    const chunk = this.#chunk(id);
    const at = id % COUNTS_PER_CHUNK;
    const big = count !== undefined && count + 1 >= BIG;
    if (big) this.bigCounts.put(id, new ByteWriter(8).varint(count).finish());
    else if (chunk.bytes[at] === BIG) this.bigCounts.remove(id);
    chunk.bytes[at] = big ? BIG : count === undefined ? 0 : count + 1;
    chunk.changed = true;
  }

  /**
   * Writes buffered changes, and chunks up to the last number below `next`; nothing may be read or set
   * afterwards.
   */
  flush(next: number): void {
    this.#flushed = true;
    const changed = [...this.#chunks.values()].filter((chunk) => chunk.changed);
    for (const { number, bytes, stored, likely } of changed.sort((a, b) => a.number - b.number)) {
      const record = encodeCounts(bytes, likely);
      if (stored) this.counts.put(number, record);
      else if (record.length > 0) {
        this.#reach(number - 1);
        this.counts.append(number, record);
      }
    }
    if (chunksBelow(next) > chunksBelow(this.next())) this.#reach(chunksBelow(next));
  }

  /** Ids only rise, and so do the chunks that are added. */
  #reach(last: number): void {
    for (let empty = (this.counts.lastKey() ?? 0) + 1; empty <= last; empty++)
      this.counts.append(empty, noCounts);
  }

  #chunk(id: Id): Chunk {
    const number = chunkOf(id);
    if (this.#last?.number === number) return this.#last;
    return (this.#last = this.#chunks.get(number) ?? this.#read(number));
  }

  #bigCount(id: Id): number {
    const count = readBigCount(this.bigCounts, id);
    if (count + 1 < BIG) throw this.bigCounts.corrupt(id, 'is too small for a count of its own');
    return count;
  }

  #read(number: number): Chunk {
    const stored = this.counts.view(number);
    if (!stored) {
      if (number <= chunksBelow(this.next()))
        throw this.counts.corrupt(number, 'is missing: there are numbers that it counts');
    }
    const bytes = countsOf(this.counts, number, stored ?? noCounts);
    const chunk = { number, bytes, stored: stored !== undefined, likely: stored?.[0] ?? 0, changed: false };
    this.#chunks.set(number, chunk);
    return chunk;
  }
}

/**
 * Returns the references of segments in ascending order, 0 for one that is not stored.
 * @throws StowkenError CORRUPT_STORE
 */
export function readReferences(
  { refCounts, bigRefCounts }: Pick<Tables, 'refCounts' | 'bigRefCounts'>,
  ids: readonly SegmentId[],
): number[] {
  return readCounts(refCounts, bigRefCounts, ids);
}

/**
 * Returns the counts of segments, or of blocks, in ascending order, 0 for one that is not stored. Each chunk
 * of them is read once, and not decoded as a whole.
 * @throws StowkenError CORRUPT_STORE
 */
export function readCounts(
  counts: Table<number>,
  bigCounts: Table<number>,
  ids: readonly (SegmentId | BlockId)[],
): number[] {
  const found: number[] = [];
  for (let from = 0; from < ids.length;) {
    const key = chunkOf(ids[from]!);
    let to = from + 1;
    while (to < ids.length && chunkOf(ids[to]!) === key) to += 1;
    const wanted = ids.slice(from, to);
    const read = counts.read(key, (bytes, length) =>
      wanted.map((id) => countAt(bytes, length, id % COUNTS_PER_CHUNK)),
    );
    for (const [at, id] of wanted.entries()) {
      const byte = read?.[at];
      if (byte === undefined) throw counts.corrupt(key, `does not have the count of ${id}`);
      found.push(byte === BIG ? readBigCount(bigCounts, id) : Math.max(0, byte - 1));
    }
    from = to;
  }
  return found;
}

function readBigCount(table: Table<number>, id: SegmentId | BlockId): number {
  const record = table.get(id);
  if (!record) throw table.corrupt(id, 'is missing: the chunk of its count leads to it');
  return decodeBigCount(record);
}

/**
 * Yields the chunks of segments' counts from that of a segment on, a byte for each.
 * @throws StowkenError CORRUPT_STORE if one is missing
 */
export function* countChunks(
  { refCounts, meta }: Pick<Tables, 'refCounts' | 'meta'>,
  firstId: SegmentId,
): Generator<Entry<number>, void, void> {
  const { nextSegment } = readState(meta);
  let expected = chunkOf(firstId);
  for (const chunk of refCounts.range({ start: expected })) {
    if (chunk.key !== expected) break;
    yield { key: chunk.key, value: countsOf(refCounts, chunk.key, chunk.value) };
    expected += 1;
  }
  if (expected <= chunksBelow(nextSegment))
    throw refCounts.corrupt(expected, 'is missing: there are numbers that it counts');
}

/** Yields the stored segments without a reference, from one on. @throws StowkenError CORRUPT_STORE */
export function* unreferencedFrom(
  tables: Pick<Tables, 'refCounts' | 'meta'>,
  firstId: SegmentId,
): Generator<SegmentId, void, void> {
  for (const { key, value } of countChunks(tables, firstId)) {
    const first = (key - 1) * COUNTS_PER_CHUNK;
    for (let at = value.indexOf(UNREFERENCED); at >= 0; at = value.indexOf(UNREFERENCED, at + 1))
      if (first + at >= firstId) yield (first + at) as SegmentId;
  }
}

/**
 * Returns the counts in a chunk, by number; undefined: in the table of big counts.
 * @throws StowkenError CORRUPT_STORE
 */
export function countsIn(
  key: number,
  record: Uint8Array,
): { readonly number: number; readonly count: number | undefined }[] {
  const first = (key - 1) * COUNTS_PER_CHUNK;
  return [...countBytes(record)].flatMap((byte, at) =>
    byte === 0 ? [] : [{ number: first + at, count: byte === BIG ? undefined : byte - 1 }],
  );
}

/** Returns a byte for each count of a chunk. @throws StowkenError CORRUPT_STORE */
export function countBytes(record: Uint8Array): Uint8Array {
  const counts = decodeCounts(record);
  if (!counts) throw new StowkenError('CORRUPT_STORE', 'a chunk of counts does not decode');
  return counts;
}

function countsOf(table: Table<number>, key: number, record: Uint8Array): Uint8Array {
  const counts = decodeCounts(record);
  if (!counts) throw table.corrupt(key, `does not decode as ${COUNTS_PER_CHUNK} counts`);
  return counts;
}

/** @throws StowkenError CORRUPT_STORE */
export function decodeBigCount(record: Uint8Array): number {
  return new ByteReader(record).varint();
}

/** Returns the key of the chunk that has the count of this number; keys begin at 1. */
export function chunkOf(id: number): number {
  return Math.floor(id / COUNTS_PER_CHUNK) + 1;
}

/** Returns the key of the last chunk that has counts of numbers below `next`; 0 if there are none. */
function chunksBelow(next: number): number {
  return next > 1 ? chunkOf(next - 1) : 0;
}

/** A segment without references: the time and the commit of its last one, and its frame's length. */
export interface GarbageRecord {
  readonly sinceMs: number;
  readonly sequence: number;
  readonly frameBytes: number;
}

export function encodeGarbage({ sinceMs, sequence, frameBytes }: GarbageRecord): Uint8Array {
  return new ByteWriter(24).varint(sinceMs).varint(sequence).varint(frameBytes).finish();
}

export function decodeGarbage(record: Uint8Array): GarbageRecord {
  const reader = new ByteReader(record);
  return { sinceMs: reader.varint(), sequence: reader.varint(), frameBytes: reader.varint() };
}

/**
 * Returns the record of a segment without references.
 * @throws StowkenError CORRUPT_STORE, also if there is none
 */
export function readGarbage(table: Table<number>, id: SegmentId): GarbageRecord {
  const record = table.view(id);
  if (!record) throw table.corrupt(id, 'is missing: the segment has no reference');
  return decodeGarbage(record);
}

/** Garbage as one write transaction sees and changes it; `state` has its sums. */
export class Garbage {
  constructor(
    private readonly table: Table<number>,
    private readonly state: State,
    private readonly nowMs: number,
  ) {}

  get(id: SegmentId): GarbageRecord | undefined {
    const record = this.table.view(id);
    return record && decodeGarbage(record);
  }

  /** Adds a segment from now on, even if it was garbage before. */
  enter(id: SegmentId, frameBytes: number): void {
    if (!this.get(id)) this.#count(1, frameBytes);
    const { commitSequence: sequence } = this.state;
    this.table.put(id, encodeGarbage({ sinceMs: this.nowMs, sequence, frameBytes }));
  }

  /** Sets the frame's length of a segment, if it is garbage. */
  resize(id: SegmentId, frameBytes: number): void {
    const record = this.get(id);
    if (!record) return;
    this.#count(0, frameBytes - record.frameBytes);
    this.table.put(id, encodeGarbage({ ...record, frameBytes }));
  }

  /** Removes a segment, which must be garbage. @throws StowkenError CORRUPT_STORE */
  leave(id: SegmentId): void {
    const record = readGarbage(this.table, id);
    this.#count(-1, -record.frameBytes);
    this.table.remove(id);
  }

  #count(segments: number, bytes: number): void {
    this.state.garbageSegments += segments;
    this.state.garbageBytes += bytes;
  }
}

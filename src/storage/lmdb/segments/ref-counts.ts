import { ByteReader, ByteWriter } from '../../shared/bytes.js';
import { COUNTS_PER_CHUNK } from '../tables/layout.js';
import type { State } from '../tables/meta.js';
import type { Table } from '../tables/table.js';

/** Stored bytes: 0 not stored, 1 no reference, n: n - 1 references, 255: see the table of big counts. */
const BIG = 255;

/** A chunk of what is not stored any more. */
const NONE = new Uint8Array(0);

interface Chunk {
  readonly number: number;
  readonly bytes: Uint8Array;
  /** Whether the table has one under this number. */
  readonly stored: boolean;
  changed: boolean;
}

/** How many references each segment has, or each page. Of one stretch of reading or one write transaction. */
export class RefCounts {
  readonly #chunks = new Map<number, Chunk>();
  /** The one that was asked for last: ids that are used together are near each other. */
  #last: Chunk | undefined;

  constructor(
    private readonly counts: Table<number>,
    private readonly bigCounts: Table<number>,
  ) {}

  /** Undefined: it is not stored. */
  get(id: number): number | undefined {
    const byte = this.#chunk(id).bytes[id % COUNTS_PER_CHUNK] ?? 0;
    if (byte === BIG) return decodeBigCount(this.bigCounts.get(id));
    return byte === 0 ? undefined : byte - 1;
  }

  /** Undefined: it is not stored any more. */
  set(id: number, count: number | undefined): void {
    const chunk = this.#chunk(id);
    const at = id % COUNTS_PER_CHUNK;
    const big = count !== undefined && count + 1 >= BIG;
    if (big) this.bigCounts.put(id, new ByteWriter(8).varint(count).finish());
    else if (chunk.bytes[at] === BIG) this.bigCounts.remove(id);
    chunk.bytes[at] = big ? BIG : count === undefined ? 0 : count + 1;
    chunk.changed = true;
  }

  /** Writes what has changed; nothing is read or set any more. */
  flush(): void {
    const changed = [...this.#chunks.values()].filter((chunk) => chunk.changed);
    for (const { number, bytes, stored } of changed.sort((a, b) => a.number - b.number)) {
      const record = bytes.every((byte) => byte === 0) ? NONE : bytes;
      if (stored) this.counts.put(number, record);
      else if (record.length > 0) this.#append(number, record);
    }
  }

  /** Ids only go up, and so do the chunks that are added: there is one under every number up to the last. */
  #append(number: number, record: Uint8Array): void {
    for (let empty = (this.counts.lastKey() ?? 0) + 1; empty < number; empty++)
      this.counts.append(empty, NONE);
    this.counts.append(number, record);
  }

  #chunk(id: number): Chunk {
    const number = chunkOf(id);
    if (this.#last?.number === number) return this.#last;
    return (this.#last = this.#chunks.get(number) ?? this.#read(number));
  }

  #read(number: number): Chunk {
    const stored = this.counts.get(number);
    if (!stored && number < (this.counts.lastKey() ?? 0)) {
      throw this.counts.corrupt(number, 'is missing: there are later ones');
    }
    const bytes = stored && stored.length > 0 ? stored : new Uint8Array(COUNTS_PER_CHUNK);
    const chunk = { number, bytes, stored: stored !== undefined, changed: false };
    this.#chunks.set(number, chunk);
    return chunk;
  }
}

/** Keys of the chunks: they begin at 1. */
function chunkOf(id: number): number {
  return Math.floor(id / COUNTS_PER_CHUNK) + 1;
}

function decodeBigCount(record: Uint8Array | undefined): number {
  return new ByteReader(record ?? new Uint8Array(0)).varint();
}

/** A segment without references: since when, since which commit, and its frame's length. */
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

/** The garbage as one write transaction sees and changes it; `state` keeps its sums. */
export class Garbage {
  constructor(
    private readonly table: Table<number>,
    private readonly state: State,
    private readonly nowMs: number,
  ) {}

  get(id: number): GarbageRecord | undefined {
    const record = this.table.view(id);
    return record && decodeGarbage(record);
  }

  /** From now on, also where it was there already. */
  enter(id: number, frameBytes: number): void {
    if (!this.get(id)) this.#count(1, frameBytes);
    const { commitSequence: sequence } = this.state;
    this.table.put(id, encodeGarbage({ sinceMs: this.nowMs, sequence, frameBytes }));
  }

  /** Where it is there, its frame has another length from now on. */
  resize(id: number, frameBytes: number): void {
    const record = this.get(id);
    if (!record) return;
    this.#count(0, frameBytes - record.frameBytes);
    this.table.put(id, encodeGarbage({ ...record, frameBytes }));
  }

  leave(id: number): void {
    const record = this.get(id);
    if (!record) return;
    this.#count(-1, -record.frameBytes);
    this.table.remove(id);
  }

  #count(segments: number, bytes: number): void {
    this.state.garbageSegments += segments;
    this.state.garbageBytes += bytes;
  }
}

import { ByteReader, ByteWriter } from '../bytes.js';
import { COUNTS_PER_CHUNK } from './layout.js';
import type { Table } from './table.js';

/** Stored bytes: 0 not stored, 1 no reference, n: n - 1 references, 255: see the table of big counts. */
const BIG = 255;

/** How many references each segment has, or each page. Of one stretch of reading or one write transaction. */
export class RefCounts {
  readonly #chunks = new Map<number, Uint8Array>();
  readonly #changed = new Set<number>();
  readonly #added = new Set<number>();

  constructor(
    private readonly counts: Table<number>,
    private readonly bigCounts: Table<number>,
  ) {}

  /** Undefined: it is not stored. */
  get(id: number): number | undefined {
    const byte = this.#chunk(id)[id % COUNTS_PER_CHUNK] ?? 0;
    if (byte === BIG) return decodeBigCount(this.bigCounts.get(id));
    return byte === 0 ? undefined : byte - 1;
  }

  /** Undefined: it is not stored any more. */
  set(id: number, count: number | undefined): void {
    const chunk = this.#chunk(id);
    const at = id % COUNTS_PER_CHUNK;
    const big = count !== undefined && count + 1 >= BIG;
    if (big) this.bigCounts.put(id, new ByteWriter(8).varint(count).finish());
    else if (chunk[at] === BIG) this.bigCounts.remove(id);
    chunk[at] = big ? BIG : count === undefined ? 0 : count + 1;
    this.#changed.add(chunkOf(id));
  }

  flush(): void {
    for (const number of [...this.#changed].sort((a, b) => a - b)) {
      const chunk = this.#chunk((number - 1) * COUNTS_PER_CHUNK);
      // Ids only go up, and so do the chunks that are added.
      if (chunk.every((byte) => byte === 0)) this.counts.remove(number);
      else if (this.#added.delete(number)) this.counts.append(number, chunk);
      else this.counts.put(number, chunk);
    }
    this.#changed.clear();
  }

  #chunk(id: number): Uint8Array {
    const number = chunkOf(id);
    let chunk = this.#chunks.get(number);
    if (!chunk) {
      chunk = this.counts.get(number);
      if (!chunk) {
        chunk = new Uint8Array(COUNTS_PER_CHUNK);
        this.#added.add(number);
      }
      this.#chunks.set(number, chunk);
    }
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

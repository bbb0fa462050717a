import type { SegmentHash } from '../../model/index.js';
import { StowkenError } from '../../model/index.js';
import { BUCKET_ENTRIES_GROW, BUCKET_ENTRIES_SHRINK } from './layout.js';
import type { Table } from './table.js';

/** A fingerprint, which is a hash's first 32 bits, and the segment's id. */
export interface IndexEntry {
  readonly fingerprint: number;
  readonly id: number;
}

const ENTRY_BYTES = 8;

/**
 * From hashes to segment ids by linear hashing: `buckets` grows and shrinks by one as segments come and
 * go, and each step moves the entries of one bucket only. It stores 32 bits of a hash; whoever finds a
 * candidate compares the whole. (W. Litwin, "Linear hashing", VLDB 1980.)
 */
export class HashIndex {
  readonly #changed = new Map<number, IndexEntry[]>();

  /** Buckets that may be stored: those after them are added at the table's end. */
  #stored: number;

  constructor(
    private readonly table: Table<number>,
    private buckets: number,
  ) {
    this.#stored = buckets;
  }

  /** Ids of segments whose hash may be this one. */
  candidates(hash: SegmentHash): number[] {
    const fingerprint = fingerprintOf(hash);
    return this.#entries(bucketOf(fingerprint, this.buckets))
      .filter((entry) => entry.fingerprint === fingerprint)
      .map(({ id }) => id);
  }

  insert(hash: SegmentHash, id: number): void {
    const fingerprint = fingerprintOf(hash);
    const bucket = bucketOf(fingerprint, this.buckets);
    this.#changed.set(bucket, [...this.#entries(bucket), { fingerprint, id }]);
  }

  remove(hash: SegmentHash, id: number): void {
    const bucket = bucketOf(fingerprintOf(hash), this.buckets);
    this.#changed.set(
      bucket,
      this.#entries(bucket).filter((entry) => entry.id !== id),
    );
  }

  /** Fits the number of buckets to the number of segments, and returns it. */
  resize(segments: number): number {
    while (segments > this.buckets * BUCKET_ENTRIES_GROW) this.#split();
    while (this.buckets > 1 && segments < this.buckets * BUCKET_ENTRIES_SHRINK) this.#merge();
    return this.buckets;
  }

  /** Writes what has changed. */
  flush(): void {
    for (const [bucket, entries] of [...this.#changed].sort(([a], [b]) => a - b)) {
      if (entries.length === 0) this.table.remove(bucket + 1);
      else if (bucket >= this.#stored) this.table.append(bucket + 1, encodeBucket(entries));
      else this.table.put(bucket + 1, encodeBucket(entries));
    }
    this.#changed.clear();
    this.#stored = this.buckets;
  }

  #split(): void {
    const target = this.buckets;
    const source = target - highestPower(target);
    this.buckets += 1;
    const entries = this.#entries(source);
    const moves = ({ fingerprint }: IndexEntry) => bucketOf(fingerprint, this.buckets) === target;
    this.#changed.set(target, entries.filter(moves));
    this.#changed.set(
      source,
      entries.filter((entry) => !moves(entry)),
    );
  }

  #merge(): void {
    const source = this.buckets - 1;
    const target = source - highestPower(source);
    this.#changed.set(target, [...this.#entries(target), ...this.#entries(source)]);
    this.#changed.set(source, []);
    this.buckets -= 1;
  }

  #entries(bucket: number): readonly IndexEntry[] {
    return this.#changed.get(bucket) ?? decodeBucket(this.table.get(bucket + 1));
  }
}

/** Which bucket of so many has this fingerprint. */
export function bucketOf(fingerprint: number, buckets: number): number {
  const power = highestPower(buckets);
  const wide = fingerprint % (2 * power);
  return wide < buckets ? wide : wide - power;
}

export function fingerprintOf(hash: SegmentHash): number {
  return Number.parseInt(hash.slice(0, 8), 16);
}

export function encodeBucket(entries: readonly IndexEntry[]): Uint8Array {
  const record = Buffer.alloc(entries.length * ENTRY_BYTES);
  entries.forEach(({ fingerprint, id }, index) => {
    record.writeUInt32LE(fingerprint, index * ENTRY_BYTES);
    record.writeUInt32LE(id, index * ENTRY_BYTES + 4);
  });
  return record;
}

export function decodeBucket(record: Uint8Array | undefined): IndexEntry[] {
  if (!record) return [];
  if (record.length % ENTRY_BYTES !== 0) {
    throw new StowkenError('CORRUPT_STORE', `a bucket of ${record.length} bytes is not whole entries`);
  }
  const view = new DataView(record.buffer, record.byteOffset, record.length);
  return Array.from({ length: record.length / ENTRY_BYTES }, (_, index) => ({
    fingerprint: view.getUint32(index * ENTRY_BYTES, true),
    id: view.getUint32(index * ENTRY_BYTES + 4, true),
  }));
}

/** The highest power of two that is not above a number of one or more. */
function highestPower(value: number): number {
  return 2 ** Math.floor(Math.log2(value));
}

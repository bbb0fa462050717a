import { RECENT_RECORD_SEGMENTS } from '../tables/layout.js';
import type { StowkenError } from '../../../model/index.js';
import type { Table } from '../tables/table.js';
import type { SegmentId } from '../tables/ids.js';

/** A segment's id, with its fingerprint: the first 32 bits of its hash. */
export interface RecentEntry {
  readonly fingerprint: number;
  readonly id: SegmentId;
}

const FINGERPRINT_BYTES = 4;
const NO_IDS: readonly SegmentId[] = [];
const NO_RECORD = { key: 0, length: 0 };

/**
 * Recent segments, which no chunk of the hash index has yet: records of fingerprints, in the order of
 * consecutive ids. To insert each into its chunk would change a page of the file for each; here, all of a
 * commit change one page. When they are inserted into the chunks, all records are removed. In memory as of
 * one commit.
 *
 * Records are consecutive up to the last stored segment: a missing one is CORRUPT_STORE.
 */
export class RecentHashes {
  readonly #ids = new Map<number, SegmentId[]>();
  #sequence = -1;
  #size = 0;
  /** The record that grows: the first of its segments, and their number. */
  #last = NO_RECORD;

  /** `next` is the next segment's id. */
  constructor(
    private readonly table: Table<number>,
    private readonly next: () => number,
  ) {}

  /**
   * Returns the hashes as of the commit with this sequence number, which the caller reads: this object, or an
   * older one of its own if this one is past that commit.
   */
  at(sequence: number): RecentHashes {
    if (sequence < this.#sequence) return new RecentHashes(this.table, this.next).at(sequence);
    if (sequence > this.#sequence) this.#follow();
    this.#sequence = sequence;
    return this;
  }

  /** Number of segments. */
  get size(): number {
    return this.#size;
  }

  /** Returns ids of the segments whose hash has this fingerprint. */
  idsOf(fingerprint: number): readonly SegmentId[] {
    return this.#ids.get(fingerprint) ?? NO_IDS;
  }

  *entries(): Generator<RecentEntry, void, void> {
    for (const [fingerprint, ids] of this.#ids) for (const id of ids) yield { fingerprint, id };
  }

  /**
   * Writes the fingerprints of new segments, the first of which has this id; they are in memory once they are
   * committed.
   */
  append(firstId: SegmentId, fingerprints: readonly number[]): void {
    const { key, length } = this.#last;
    const grows = firstId === key + length && length < RECENT_RECORD_SEGMENTS;
    const record = grows ? this.table.get(key) : undefined;
    let at = 0;
    if (grows) {
      if (record?.length !== length * FINGERPRINT_BYTES)
        throw this.table.corrupt(key, 'is not the last record of recent segments');
      at = RECENT_RECORD_SEGMENTS - length;
      this.table.put(key, Buffer.concat([record, encodeRecent(fingerprints.slice(0, at))]));
    }
    for (; at < fingerprints.length; at += RECENT_RECORD_SEGMENTS) {
      const some = fingerprints.slice(at, at + RECENT_RECORD_SEGMENTS);
      this.table.append(firstId + at, encodeRecent(some));
    }
  }

  /** Drops everything in memory, to load it again. */
  clear(): void {
    this.#forget();
    this.#sequence = -1;
  }

  /** Removes all records. */
  removeAll(): void {
    this.table.clear();
  }

  #follow(): void {
    const grown = this.table.view(this.#last.key);
    if (grown) this.#read(this.#last.key, grown);
    else this.#forget();
    if (!grown || this.#last.length === RECENT_RECORD_SEGMENTS) {
      // Read from the table's beginning without a search, which a damaged branch might lead past it.
      const start = grown ? { start: this.#last.key + 1 } : {};
      for (const { key, value } of this.table.range(start)) this.#read(key, value);
    }
    if (this.#size > 0 && this.end !== this.next()) throw this.#missing();
  }

  #forget(): void {
    this.#ids.clear();
    this.#size = 0;
    this.#last = NO_RECORD;
  }

  /** Id after the last segment. */
  get end(): number {
    return this.#last.key + this.#last.length;
  }

  #missing(): StowkenError {
    return this.table.corrupt(this.end, 'is missing: there are later segments');
  }

  #read(key: number, record: Uint8Array): void {
    const known = key === this.#last.key ? this.#last.length : 0;
    if (known > 0 && record.length === known * FINGERPRINT_BYTES) return;
    if (known === 0 && this.#size > 0 && key !== this.end) throw this.#missing();
    if (record.length % FINGERPRINT_BYTES !== 0) throw this.table.corrupt(key, 'ends inside a fingerprint');
    for (const { fingerprint, id } of recentEntries(key, record, known)) {
      const same = this.#ids.get(fingerprint);
      if (same) same.push(id);
      else this.#ids.set(fingerprint, [id]);
      this.#size += 1;
    }
    this.#last = { key, length: record.length / FINGERPRINT_BYTES };
  }
}

/** Yields the entries of a record, whose key is the first segment's id, without so many at its beginning. */
export function* recentEntries(
  key: number,
  record: Uint8Array,
  skipped = 0,
): Generator<RecentEntry, void, void> {
  const { buffer, byteOffset, length } = record;
  const fingerprints = new DataView(buffer, byteOffset, length);
  for (let at = skipped; (at + 1) * FINGERPRINT_BYTES <= length; at++) {
    yield { fingerprint: fingerprints.getUint32(at * FINGERPRINT_BYTES), id: (key + at) as SegmentId };
  }
}

function encodeRecent(fingerprints: readonly number[]): Buffer {
  const record = Buffer.allocUnsafe(fingerprints.length * FINGERPRINT_BYTES);
  for (const [at, fingerprint] of fingerprints.entries()) {
    record.writeUInt32BE(fingerprint, at * FINGERPRINT_BYTES);
  }
  return record;
}

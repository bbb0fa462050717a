import type { SegmentHash } from '../../../model/index.js';
import type { ChunkKeys } from './chunk-keys.js';
import {
  decodeIndexChunk,
  emptyChunk,
  encodeIndexChunk,
  FIRST_KEY,
  halveChunk,
  idsIn,
  withEntries,
  type IndexEntries,
} from './index-chunk.js';
import { INDEX_CHUNK_BYTES, RECENT_SEGMENTS_MAX } from '../tables/layout.js';
import type { RecentHashes } from './recent-hashes.js';
import type { Table } from '../tables/table.js';

/** Inserted entries that are put in order at once: a number has room for a fingerprint and a place among so many. */
const SORTED_MAX = 2 ** 20;

const HASH_DIGITS = 8;

/**
 * From hashes to segment ids: chunks of entries in the order of their fingerprints, each under a lower
 * bound of them, and beside them the segments that came last. It stores 32 bits of a hash; whoever finds a
 * candidate compares the whole. Of one stretch of reading or one write transaction.
 */
export class HashIndex {
  /** Entries that are not in a chunk yet: each chunk takes all of its own at once. */
  readonly #inserted = { fingerprints: [] as number[], ids: [] as number[] };
  /** By the keys under which they are stored; chunks are split when they are written. */
  readonly #changed = new Map<number, Uint8Array>();
  /** Whether the segments that came last are among the inserted now, or in chunks. */
  #recentTaken = false;

  constructor(
    private readonly table: Table<number>,
    private readonly chunkKeys: ChunkKeys,
    private readonly recent: RecentHashes,
  ) {}

  /** Ids of segments whose hash may be this one, but for those that were inserted here. */
  candidates(hash: SegmentHash): readonly number[] {
    const fingerprint = fingerprintOf(hash);
    const entered = this.#idsEntered(fingerprint);
    const recent = this.recent.idsOf(fingerprint);
    if (recent.length === 0 || this.#recentTaken) return entered;
    return entered.length === 0 ? recent : [...entered, ...recent];
  }

  insert(hash: SegmentHash, id: number): void {
    const { fingerprints, ids } = this.#inserted;
    if (ids.length === SORTED_MAX) this.#mergeInserted();
    fingerprints.push(fingerprintOf(hash));
    ids.push(id);
  }

  remove(hash: SegmentHash, id: number): void {
    this.#takeRecent();
    this.#mergeInserted();
    const key = this.#keyOf(fingerprintOf(hash));
    const rest = decodeIndexChunk(baseOf(key), this.#chunk(key)).filter((entry) => entry.id !== id);
    this.#changed.set(key, encodeIndexChunk(baseOf(key), rest));
  }

  /** Writes what has changed; returns the chunks that came and went, for the directory. */
  flush(): { readonly added: readonly number[]; readonly removed: readonly number[] } {
    const { fingerprints, ids } = this.#inserted;
    const stayRecent = !this.#recentTaken && this.recent.size + ids.length <= RECENT_SEGMENTS_MAX;
    if (stayRecent) {
      if (ids.length > 0) this.recent.append(ids[0]!, fingerprints);
      fingerprints.length = ids.length = 0;
    } else {
      this.#takeRecent();
      this.recent.removeAll();
      this.#mergeInserted();
    }
    const added: number[] = [];
    const removed: number[] = [];
    for (const [key, chunk] of this.#changed) {
      if (chunk.length === 0) {
        this.table.remove(key);
        removed.push(key);
        continue;
      }
      for (const part of splitIndexChunk(key, chunk)) {
        this.table.put(part.key, part.chunk);
        if (part.key !== key || key === FIRST_KEY) added.push(part.key);
      }
    }
    this.#changed.clear();
    return { added, removed };
  }

  #idsEntered(fingerprint: number): readonly number[] {
    const key = this.#keyOf(fingerprint);
    const chunk = this.#changed.get(key);
    if (chunk) return idsIn(chunk, baseOf(key), fingerprint);
    return this.table.read(key, (bytes, length) => idsIn(bytes, baseOf(key), fingerprint, length)) ?? [];
  }

  #takeRecent(): void {
    if (this.#recentTaken) return;
    this.#recentTaken = true;
    for (const { fingerprint, id } of this.recent.entries()) {
      this.#inserted.fingerprints.push(fingerprint);
      this.#inserted.ids.push(id);
    }
  }

  #mergeInserted(): void {
    const entries = inOrder(this.#inserted);
    const { fingerprints, ids } = this.#inserted;
    fingerprints.length = ids.length = 0;
    const { length } = entries.ids;
    for (let from = 0, to = 0; from < length; from = to) {
      const fingerprint = entries.fingerprints[from]!;
      const key = this.#keyOf(fingerprint);
      const end = this.chunkKeys.above(fingerprint) ?? Infinity;
      while (to < length && entries.fingerprints[to]! < end) to++;
      this.#changed.set(key, withEntries(this.#chunk(key), baseOf(key), entries, from, to));
    }
  }

  #chunk(key: number): Uint8Array {
    return this.#changed.get(key) ?? this.table.get(key) ?? emptyChunk;
  }

  #keyOf(fingerprint: number): number {
    return this.chunkKeys.floor(fingerprint) ?? FIRST_KEY;
  }
}

export function fingerprintOf(hash: SegmentHash): number {
  let fingerprint = 0;
  // By hand: every segment is asked for its own several times, and a string to parse is one more to throw away.
  for (let at = 0; at < HASH_DIGITS; at++) {
    const code = hash.charCodeAt(at);
    fingerprint = fingerprint * 16 + (code & 0xf) + (code > 0x40 ? 9 : 0);
  }
  return fingerprint;
}

/** What a chunk's fingerprints are counted from. */
export function baseOf(key: number): number {
  return key === FIRST_KEY ? 0 : key;
}

/** Halves a chunk until each part is short enough or has one fingerprint only. */
export function* splitIndexChunk(
  key: number,
  chunk: Uint8Array,
): Generator<{ key: number; chunk: Uint8Array }> {
  const halves = chunk.length > INDEX_CHUNK_BYTES ? halveChunk(chunk, baseOf(key)) : undefined;
  if (!halves) yield { key, chunk };
  else {
    yield* splitIndexChunk(key, halves.left);
    yield* splitIndexChunk(halves.rightBase, halves.right);
  }
}

/** By fingerprint, and of equal ones as they came. */
function inOrder({ fingerprints, ids }: IndexEntries): IndexEntries {
  const { length } = ids;
  const order = new Float64Array(length);
  for (let at = 0; at < length; at++) order[at] = fingerprints[at]! * SORTED_MAX + at;
  order.sort();
  const sorted = { fingerprints: new Float64Array(length), ids: new Float64Array(length) };
  for (let at = 0; at < length; at++) {
    const place = order[at]! % SORTED_MAX;
    sorted.fingerprints[at] = (order[at]! - place) / SORTED_MAX;
    sorted.ids[at] = ids[place]!;
  }
  return sorted;
}

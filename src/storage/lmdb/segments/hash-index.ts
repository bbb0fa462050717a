import { assert, present, type SegmentHash } from '../../../model/index.js';
import type { SegmentId } from '../tables/ids.js';
import type { Table } from '../tables/table.js';
import { RECENT_SEGMENTS_MAX } from '../tables/layout.js';
import type { ChunkKeys } from './chunk-keys.js';
import { type Entries, idsWithPrint, printOf } from './dense-chunk.js';
import {
  decodeIndexChunk,
  encodeIndexChunk,
  FIRST_KEY,
  idsIn,
  isFullPage,
  joinedEntries,
  LAST_FINGERPRINT,
  lastOf,
  noEntries,
  pagesOfChunk,
  splitIndexChunk,
  withEntries,
  withoutEntry,
  type IndexChunk,
  type KeyedChunk,
} from './index-chunk.js';
import type { RecentHashes } from './recent-hashes.js';

/**
 * Limit of the inserted entries that are sorted at once: a number has room for a fingerprint and a place
 * among so many.
 */
const SORTED_MAX = 2 ** 20;

const HASH_DIGITS = 8;

/** Full pages that refill() passes over in one transaction for as many bytes as one that it writes. */
const PASSED_PAGES = 16;

const NO_IDS: readonly SegmentId[] = [];

/**
 * Maps hashes to segment ids: chunks of entries in the order of their fingerprints, each under a lower bound
 * of them, and besides them the recent segments. It stores 28 bits of a hash; the caller compares a
 * candidate's whole hash. Used for one stretch of reading or one write transaction.
 *
 * The chunks leave no gap: the first one has the fingerprints from 0 on and is never removed, and each has
 * the last fingerprint that belongs to it. So a fingerprint that is not found is proven absent; a
 * contradiction is CORRUPT_STORE.
 */
export class HashIndex {
  /** Entries that are not in a chunk yet: each chunk takes all of its own at once. */
  readonly #inserted = { fingerprints: [] as number[], ids: [] as SegmentId[] };
  /** By the keys under which they are stored; chunks are split when they are written. */
  readonly #changed = new Map<number, IndexChunk>();
  /** Keys of chunks that refill() put and removed. */
  readonly #refilled = { added: [] as number[], removed: [] as number[] };
  /** True if the recent segments have been moved to the inserted entries, or to chunks. */
  #recentTaken = false;
  /** True if the table has no chunk; undefined: not looked up yet. */
  #isEmpty: boolean | undefined;

  constructor(
    private readonly table: Table<number>,
    private readonly chunkKeys: ChunkKeys,
    private readonly recent: RecentHashes,
  ) {}

  /**
   * Returns ids of segments whose hash may be this one, without those inserted here.
   * @throws StowkenError CORRUPT_STORE
   */
  candidates(hash: SegmentHash): readonly SegmentId[] {
    const fingerprint = fingerprintOf(hash);
    const entered = this.#idsEntered(fingerprint);
    const recent = this.recent.idsOf(fingerprint);
    if (recent.length === 0 || this.#recentTaken) return entered;
    return entered.length === 0 ? recent : [...entered, ...recent];
  }

  insert(hash: SegmentHash, id: SegmentId): void {
    const { fingerprints, ids } = this.#inserted;
    if (ids.length === SORTED_MAX) this.#mergeInserted();
    fingerprints.push(fingerprintOf(hash));
    ids.push(id);
  }

  /** Removes an entry. @throws StowkenError CORRUPT_STORE if there is none */
  remove(hash: SegmentHash, id: SegmentId): void {
    this.#takeRecent();
    this.#mergeInserted();
    const fingerprint = fingerprintOf(hash);
    const key = this.#keyOf(fingerprint);
    const { last, entries } = this.#chunk(key, fingerprint);
    const rest = withoutEntry(entries, printOf(fingerprint), id);
    const removed = entries.ids.length - rest.ids.length;
    if (removed !== 1) throw this.table.miscounted(key, `has segment ${id} ${removed} times, not once`);
    this.#changed.set(key, { last, entries: rest });
  }

  /**
   * Writes the chunks after a key, as far as so many bytes of them, as full pages. Those that are full stay,
   * and are read faster than others are written. For a transaction that changes nothing else here. Returns
   * the key after which to continue; undefined at the end of the table.
   */
  refill(after: number, bytesMax: number): number | undefined {
    const run: KeyedChunk[] = [];
    let bytes = 0;
    let isEnd = true;
    let passed = after;
    for (const { key, value } of this.table.range({ start: after + 1 })) {
      isEnd = bytes < bytesMax;
      if (!isEnd) break;
      if (run.length === 0 && isFullPage(value)) {
        bytes += value.length / PASSED_PAGES;
        passed = key;
        continue;
      }
      run.push({ key, ...decodeIndexChunk(key, value) });
      bytes += value.length;
    }
    const pages = this.#asPages(run);
    if (isEnd) return undefined;
    // The last page has room for the chunks after it, unless all of this is one page.
    return pages.length > 1 ? pages.at(-1)!.key - 1 : (run[0]?.key ?? passed);
  }

  /** Writes buffered changes; returns the chunks added and removed, for the directory. */
  flush(): { readonly added: readonly number[]; readonly removed: readonly number[] } {
    const { fingerprints, ids } = this.#inserted;
    const stayRecent = !this.#recentTaken && this.recent.size + ids.length <= RECENT_SEGMENTS_MAX;
    if (stayRecent) {
      if (ids.length > 0) this.#appendRecent(ids, fingerprints);
      fingerprints.length = ids.length = 0;
    } else {
      this.#takeRecent();
      this.recent.removeAll();
      this.#mergeInserted();
    }
    const added = [...this.#refilled.added];
    const removed = [...this.#refilled.removed, ...this.#joinEmpty()];
    for (const [key, chunk] of this.#changed) {
      for (const part of splitIndexChunk(key, chunk)) {
        this.table.put(part.key, encodeIndexChunk(part.key, part));
        if (part.key !== key || key === FIRST_KEY) added.push(part.key);
      }
    }
    this.#changed.clear();
    return { added, removed };
  }

  /** Puts full pages in the place of consecutive chunks; returns them. */
  #asPages(run: readonly KeyedChunk[]): readonly KeyedChunk[] {
    const [first] = run;
    if (!first) return [];
    for (const [at, { key }] of run.entries())
      if (at > 0 && key !== run[at - 1]!.last + 1)
        throw this.table.corrupt(key, 'does not begin where the chunk before it ends');
    const { last } = run.at(-1)!;
    const pages = [...pagesOfChunk(first.key, { last, entries: joinedEntries(run) })];
    for (const { key } of run) this.table.remove(key);
    for (const page of pages) this.table.put(page.key, encodeIndexChunk(page.key, page));
    this.#refilled.removed.push(...run.map(({ key }) => key));
    this.#refilled.added.push(...pages.map(({ key }) => key));
    return pages;
  }

  /**
   * Adds the range of a chunk without entries to the one before it. Starts at the end, because that may be
   * empty too.
   */
  #joinEmpty(): number[] {
    const removed: number[] = [];
    for (const key of [...this.#changed.keys()].sort((a, b) => b - a)) {
      const { last, entries } = present(this.#changed.get(key), 'a changed chunk is joined once', key);
      if (entries.ids.length > 0 || key === FIRST_KEY) continue;
      const before = this.#keyOf(key - 1);
      const { entries: others } = this.#chunk(before, key - 1);
      this.#changed.set(before, { last, entries: others });
      this.#changed.delete(key);
      this.table.remove(key);
      removed.push(key);
    }
    return removed;
  }

  #idsEntered(fingerprint: number): readonly SegmentId[] {
    const key = this.#keyOf(fingerprint);
    const changed = this.#changed.get(key);
    if (changed) return idsWithPrint(changed.entries, printOf(fingerprint));
    const ids = this.table.read(key, (bytes, length) => {
      this.#assertHas(key, lastOf(bytes), fingerprint);
      return idsIn(bytes, length, key, fingerprint);
    });
    return ids ?? this.#none(key);
  }

  /** Records of recent segments are of consecutive ids, without a gap to those before. */
  #appendRecent(ids: readonly SegmentId[], fingerprints: readonly number[]): void {
    const first = ids[0]!;
    assert(ids.at(-1) === first + ids.length - 1, 'new segments have consecutive ids', first);
    assert(this.recent.size === 0 || first === this.recent.end, 'new ids follow the recent ones', first);
    this.recent.append(first, fingerprints);
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
    const sorted = inOrder(this.#inserted);
    const { fingerprints, ids } = this.#inserted;
    fingerprints.length = ids.length = 0;
    const { length } = sorted.ids;
    const added: Entries = { prints: sorted.fingerprints.map(printOf), ids: sorted.ids };
    for (let from = 0, to = 0; from < length; from = to) {
      const fingerprint = sorted.fingerprints[from]!;
      const key = this.#keyOf(fingerprint);
      const { last, entries } = this.#chunk(key, fingerprint);
      while (to < length && sorted.fingerprints[to]! <= last) to++;
      assert(to > from, 'a chunk that is searched for has the fingerprint', fingerprint);
      this.#changed.set(key, { last, entries: withEntries(entries, added, from, to) });
    }
  }

  /** Returns the chunk with this key, to which a fingerprint belongs. */
  #chunk(key: number, fingerprint: number): IndexChunk {
    const changed = this.#changed.get(key);
    if (changed) return changed;
    const record = this.table.get(key);
    if (!record) {
      this.#none(key);
      return { last: LAST_FINGERPRINT, entries: noEntries };
    }
    this.#assertHas(key, lastOf(record), fingerprint);
    return decodeIndexChunk(key, record);
  }

  #keyOf(fingerprint: number): number {
    return this.chunkKeys.floor(fingerprint) ?? FIRST_KEY;
  }

  /** Only the first chunk may be missing, before there are any. */
  #none(key: number): readonly SegmentId[] {
    this.#isEmpty ??= this.table.isEmpty();
    if (key !== FIRST_KEY || !this.#isEmpty)
      throw this.table.corrupt(key, 'is missing: the hash index leads to it');
    return NO_IDS;
  }

  #assertHas(key: number, last: number, fingerprint: number): void {
    if (fingerprint > last) throw this.table.corrupt(key, `ends at ${last}, and no chunk begins behind it`);
  }
}

export function fingerprintOf(hash: SegmentHash): number {
  let fingerprint = 0;
  // Parsed by hand: every segment is looked up several times, and a substring for each would be garbage.
  for (let at = 0; at < HASH_DIGITS; at++) {
    const code = hash.charCodeAt(at);
    fingerprint = fingerprint * 16 + (code & 0xf) + (code > 0x40 ? 9 : 0);
  }
  return fingerprint;
}

/** Inserted entries, before they are in a chunk: with whole fingerprints, which lead to their chunk. */
interface Inserted {
  readonly fingerprints: readonly number[];
  readonly ids: readonly SegmentId[];
}

/** Sorts by fingerprint; equal ones stay in their order. */
function inOrder({ fingerprints, ids }: Inserted): { fingerprints: Uint32Array; ids: Uint32Array } {
  const { length } = ids;
  const order = new Float64Array(length);
  for (let at = 0; at < length; at++) order[at] = fingerprints[at]! * SORTED_MAX + at;
  order.sort();
  const sorted = { fingerprints: new Uint32Array(length), ids: new Uint32Array(length) };
  for (let at = 0; at < length; at++) {
    const place = order[at]! % SORTED_MAX;
    sorted.fingerprints[at] = (order[at]! - place) / SORTED_MAX;
    sorted.ids[at] = ids[place]!;
  }
  return sorted;
}

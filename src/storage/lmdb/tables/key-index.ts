import {
  type BoundedChunk,
  decodeBoundedChunk,
  encodeBoundedChunk,
  endBytes,
  entriesUpTo,
} from './bounded-chunk.js';
import { commonPrefix, compareKeys } from './key-bytes.js';
import {
  decodeKeyChunk,
  encodeKeyChunk,
  entriesFrom,
  findInChunk,
  insertKey,
  locateKey,
  type KeyEntry,
  plainChunk,
} from './key-chunk.js';
import { INDEX_CHUNK_BYTES } from './layout.js';
import type { Table } from './table.js';

/** Prefix of all chunks' keys, and the whole key of the first chunk: LMDB has no empty keys. */
const KEY_PREFIX = 1;
const firstKey = Buffer.of(KEY_PREFIX);
const noEntries = new Uint8Array(0);

/**
 * Maps keys to numbers, in the order of the keys' bytes, in chunks: separate records would be twice as long
 * as their content. A chunk's key is a lower bound of its entries, as short as separates it from the chunk
 * before.
 *
 * The chunks leave no gap: the first one has every key from the least on and is never removed, and each has
 * the begin of the next one. So a key that is not found is proven absent by the chunk that would have it, and
 * a range by consecutive chunks. A contradiction is CORRUPT_STORE.
 */
export class KeyIndex {
  constructor(protected readonly table: Table<Buffer>) {}

  /** @throws StowkenError CORRUPT_STORE */
  find(wanted: Uint8Array): number | undefined {
    const entries = this.entriesAt(chunkKeyOf(wanted));
    return entries && findInChunk(entries, wanted);
  }

  /** Yields the entries from a key on. @throws StowkenError CORRUPT_STORE */
  *from(start: Buffer): Generator<KeyEntry, void, void> {
    const floor = this.#floor(chunkKeyOf(start));
    // The index is empty.
    if (floor === undefined) return;
    let next: Buffer | undefined = floor;
    for (const { key, value } of this.table.range({ start: floor })) {
      if (!next?.equals(key)) throw this.table.corrupt(key, 'does not begin where the chunk before it ends');
      const { end, entries } = decodeBoundedChunk(key, value);
      if (next !== floor) yield* decodeKeyChunk(entries);
      else {
        checkHolds(this.table, end, chunkKeyOf(start));
        yield* entriesFrom(entries, start);
      }
      next = end;
    }
    if (next !== undefined) throw this.table.corrupt(next, 'is missing: the chunk before it ends there');
  }

  /** Returns the last entry before a key. @throws StowkenError CORRUPT_STORE */
  before(end: Buffer): KeyEntry | undefined {
    const bound = chunkKeyOf(end);
    const floor = this.#floor(bound);
    if (floor === undefined) return undefined;
    let after: Buffer | undefined;
    for (const { key, value } of this.table.range({ start: floor, reverse: true })) {
      const chunk = decodeBoundedChunk(key, value);
      if (after === undefined) checkHolds(this.table, chunk.end, bound);
      else if (!chunk.end?.equals(after)) throw this.table.corrupt(after, 'follows no chunk that ends there');
      const last = decodeKeyChunk(chunk.entries).findLast((entry) => entry.key.compare(end) < 0);
      if (last) return last;
      after = key;
    }
    if (!after?.equals(firstKey)) throw this.table.corrupt(firstKey, 'is missing: there are later ones');
    return undefined;
  }

  /**
   * Returns the entries of the chunk to which a key belongs; undefined: the index is empty. Valid until the
   * next read.
   */
  protected entriesAt(key: Buffer): Uint8Array | undefined {
    const hint = this.table.hints.floor(key);
    const record = hint && this.table.view(hint);
    return (record && entriesUpTo(key, hint, record)) ?? this.#searched(key)?.entries;
  }

  /**
   * Returns the stored chunk to which a key belongs. Valid until the next read.
   * @throws StowkenError CORRUPT_STORE
   */
  protected storedAt(key: Buffer): StoredChunk | undefined {
    return this.#hintedAt(key) ?? this.#searched(key);
  }

  #searched(key: Buffer): StoredChunk | undefined {
    const floor = this.#floor(key);
    if (floor === undefined) return undefined;
    const record = this.table.view(floor);
    if (!record) throw this.table.corrupt(floor, 'is found and cannot be read');
    const { end, entries } = decodeBoundedChunk(floor, record);
    checkHolds(this.table, end, key);
    this.table.hints.add(floor);
    return { key: floor, end, entries };
  }

  /** Returns the chunk of a hint, if its record says that it is the one to which the key belongs. */
  #hintedAt(key: Buffer): StoredChunk | undefined {
    const hint = this.table.hints.floor(key);
    const record = hint && this.table.view(hint);
    if (!record) return undefined;
    const { end, entries } = decodeBoundedChunk(hint, record);
    return end === undefined || compareKeys(key, end) < 0 ? { key: hint, end, entries } : undefined;
  }

  /** Returns the last chunk's key that is not above this one; undefined: the index is empty. */
  #floor(key: Buffer): Buffer | undefined {
    const floor = this.table.floorKey(key);
    if (floor === undefined && !this.table.isEmpty())
      throw this.table.corrupt(firstKey, 'is missing: there are later ones');
    return floor;
  }
}

/** A chunk and its key. */
interface StoredChunk extends BoundedChunk {
  readonly key: Buffer;
}

/** A chunk with changes that are not written yet. */
interface Hand {
  readonly key: Buffer;
  /** Begin of the next chunk; undefined: it is the last. */
  end: Buffer | undefined;
  entries: Uint8Array;
  /** True if the table has a record under this key. */
  readonly stored: boolean;
  changed: boolean;
}

/** Limit of the buffered chunks. */
const HANDS_MAX = 1024;

/** An index as one write transaction changes it: each chunk is read and written once. Ends with flush(). */
export class KeyIndexWriter extends KeyIndex {
  /** In the order of their keys. */
  #hands: Hand[] = [];

  /** Inserts a key that is not in the index. @throws StowkenError CORRUPT_STORE if it is */
  insert(key: Buffer, number: number): void {
    const hand = this.#reach(chunkKeyOf(key));
    const place = locateKey(hand.entries, key);
    if (place.found !== undefined)
      throw this.table.miscounted(hand.key, `has ${key.toString('hex')}, which is to be inserted`);
    hand.entries = insertKey(hand.entries, place, { key, number });
    hand.changed = true;
    if (isLong(hand)) this.#split(hand, place.atEnd);
  }

  /** Removes a key that is in the index. @throws StowkenError CORRUPT_STORE if it is not */
  remove(wanted: Uint8Array): void {
    const hand = this.#reach(chunkKeyOf(wanted));
    const before = decodeKeyChunk(hand.entries);
    const rest = before.filter(({ key }) => !key.equals(wanted));
    if (rest.length !== before.length - 1)
      throw this.table.miscounted(
        hand.key,
        `lacks ${Buffer.from(wanted).toString('hex')}, which is to be removed`,
      );
    hand.entries = encodeKeyChunk(rest);
    hand.changed = true;
  }

  override *from(start: Buffer): Generator<KeyEntry, void, void> {
    let hand = this.#reach(chunkKeyOf(start));
    yield* entriesFrom(hand.entries, start);
    while (hand.end !== undefined) {
      hand = this.#reach(hand.end);
      yield* decodeKeyChunk(hand.entries);
    }
  }

  override before(end: Buffer): KeyEntry | undefined {
    this.flush();
    return super.before(end);
  }

  /** Writes buffered changes. */
  flush(): void {
    this.#joinEmpty();
    // A chunk that a compaction filled is cut when it is changed.
    for (const hand of [...this.#hands]) if (hand.changed && isLong(hand)) this.#split(hand, false);
    const appended = this.#firstAppended();
    for (const [at, { key, end, entries, stored, changed }] of this.#hands.entries()) {
      if (!changed) continue;
      const record = encodeBoundedChunk(key, { end, entries });
      if (at >= appended) this.table.append(key, record);
      else this.table.put(key, record);
      if (!stored) this.table.hints.add(key);
    }
    this.#hands = [];
  }

  /** Returns the index of the first of those new chunks that no stored one follows. */
  #firstAppended(): number {
    let [first, end]: [number, Buffer | undefined] = [this.#hands.length, undefined];
    for (let at = first - 1; at >= 0; at--) {
      const hand = this.#hands[at]!;
      const isBeforeEnd = end === undefined ? hand.end === undefined : hand.end?.equals(end);
      if (hand.stored || !isBeforeEnd) break;
      [first, end] = [at, hand.key];
    }
    return first;
  }

  protected override entriesAt(key: Buffer): Uint8Array {
    return this.#reach(key).entries;
  }

  /**
   * Adds the keys of a chunk without entries to the one before it. Starts at the end, because that may be
   * empty too.
   */
  #joinEmpty(): void {
    for (let at = this.#hands.length - 1; at >= 0; at--) {
      const { key, end, entries, stored } = this.#hands[at]!;
      if (entries.length > 0 || key.equals(firstKey)) continue;
      this.#hands.splice(at, 1);
      if (stored) this.table.remove(key);
      let left = this.#hands[at - 1];
      if (!left?.end?.equals(key)) {
        left = this.#load(this.table.keyBefore(key) ?? firstKey);
        if (!left.end?.equals(key)) throw this.table.corrupt(key, 'follows no chunk that ends there');
        this.#hands.splice(at, 0, left);
        at += 1;
      }
      left.end = end;
      left.changed = true;
    }
  }

  /** Returns the chunk that has this key, or would have it. */
  #reach(key: Buffer): Hand {
    const at = this.#handsUpTo(key);
    const hand = this.#hands[at - 1];
    if (hand && (hand.end === undefined || compareKeys(key, hand.end) < 0)) return hand;
    if (this.#hands.length >= HANDS_MAX) {
      this.flush();
      return this.#reach(key);
    }
    const loaded = this.#load(key);
    this.#hands.splice(at, 0, loaded);
    return loaded;
  }

  #load(key: Buffer): Hand {
    const chunk = this.storedAt(key);
    if (!chunk) return { key: firstKey, end: undefined, entries: noEntries, stored: false, changed: false };
    const { key: chunkKey, end, entries } = chunk;
    return { key: chunkKey, end, entries: plainChunk(entries), stored: true, changed: false };
  }

  /** Returns how many buffered chunks have keys that are not above this one. */
  #handsUpTo(key: Buffer): number {
    let low = 0;
    let high = this.#hands.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compareKeys(this.#hands[middle]!.key, key) <= 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Cuts a chunk until each part is short enough. Keys added in order leave full chunks behind them. */
  #split(hand: Hand, atEnd: boolean): void {
    const entries = decodeKeyChunk(hand.entries);
    const cut = atEnd ? entries.length - 1 : entries.length >> 1;
    const [left, right] = [entries.slice(0, cut), entries.slice(cut)];
    const [last, first] = [left.at(-1), right[0]];
    // A chunk of one key may be longer.
    if (!last || !first) return;
    // The shortest beginning of `first` that sorts after `last`.
    const key = chunkKeyOf(first.key.subarray(0, commonPrefix(first.key, last.key) + 1));
    const next = { key, end: hand.end, entries: encodeKeyChunk(right), stored: false, changed: true };
    this.#hands.splice(this.#handsUpTo(key), 0, next);
    hand.entries = encodeKeyChunk(left);
    hand.end = key;
    for (const part of [hand, next]) if (isLong(part)) this.#split(part, false);
  }
}

function isLong({ key, end, entries }: Hand): boolean {
  return entries.length + endBytes(key, end) > INDEX_CHUNK_BYTES;
}

/** @throws StowkenError CORRUPT_STORE if a chunk that ends there cannot have this key */
function checkHolds(table: Table<Buffer>, end: Buffer | undefined, key: Buffer): void {
  if (end !== undefined && compareKeys(end, key) <= 0)
    throw table.corrupt(end, 'is missing: the chunk before it ends there');
}

/** Returns the least key that the chunk of this key may have. */
export function chunkKeyOf(key: Uint8Array): Buffer {
  const chunkKey = Buffer.allocUnsafe(1 + key.length);
  chunkKey[0] = KEY_PREFIX;
  chunkKey.set(key, 1);
  return chunkKey;
}

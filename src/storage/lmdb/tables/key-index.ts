import { INDEX_CHUNK_BYTES } from './layout.js';
import {
  commonPrefix,
  decodeKeyChunk,
  encodeKeyChunk,
  entriesFrom,
  insertKey,
  locateKey,
  type KeyEntry,
} from './key-chunk.js';
import type { Table } from './table.js';

/** All chunks' keys begin with it, also that of the first chunk, which has nothing else: LMDB has no empty keys. */
const KEY_PREFIX = 1;
const firstKey = Buffer.of(KEY_PREFIX);
const emptyChunk = new Uint8Array(0);

/**
 * From keys to numbers, in the order of the keys' bytes, in chunks: records of their own would be twice as long as
 * what they say. A chunk's key is a lower bound of its entries, as short as separates it from the chunk before.
 */
export class KeyIndex {
  constructor(protected readonly table: Table<Buffer>) {}

  find(wanted: Uint8Array): number | undefined {
    const chunk = this.chunkOf(chunkKeyOf(wanted));
    return chunk && locateKey(chunk, wanted).found;
  }

  /** The entries from a key on. */
  *from(start: Buffer): Generator<KeyEntry, void, void> {
    const key = chunkKeyOf(start);
    const first = this.table.floorKey(key);
    for (const chunk of this.table.range({ start: first ?? key }))
      yield* first?.equals(chunk.key) ? entriesFrom(chunk.value, start) : decodeKeyChunk(chunk.value);
  }

  /** The last entry before a key. */
  before(end: Buffer): KeyEntry | undefined {
    for (const { value } of this.table.range({ start: chunkKeyOf(end), reverse: true })) {
      const last = decodeKeyChunk(value).findLast(({ key }) => key.compare(end) < 0);
      if (last) return last;
    }
    return undefined;
  }

  /** The chunk to which a key belongs. Valid until the next read. */
  protected chunkOf(key: Buffer): Uint8Array | undefined {
    const chunkKey = this.table.floorKey(key);
    return chunkKey && this.table.view(chunkKey);
  }
}

/** A chunk at hand, as it will be. */
interface Hand {
  readonly key: Buffer;
  /** The greatest key that is known to belong to it. */
  reached: Buffer;
  /** Where the next chunk begins; null: it is the last, undefined: nobody has asked yet. */
  end: Buffer | null | undefined;
  chunk: Uint8Array;
  /** Whether the table has one under this key. */
  readonly stored: boolean;
  changed: boolean;
}

/** Chunks at hand, at most. */
const HANDS_MAX = 1024;

/** An index as one write transaction changes it: each chunk is read and written once. Ends with flush(). */
export class KeyIndexWriter extends KeyIndex {
  /** In the order of their keys. */
  #hands: Hand[] = [];

  /** The key is not there yet. */
  insert(key: Buffer, number: number): void {
    const hand = this.#reach(chunkKeyOf(key));
    const place = locateKey(hand.chunk, key);
    hand.chunk = insertKey(hand.chunk, place, { key, number });
    hand.changed = true;
    if (hand.chunk.length > INDEX_CHUNK_BYTES) this.#split(hand, place.atEnd);
  }

  remove(wanted: Uint8Array): void {
    const hand = this.#reach(chunkKeyOf(wanted));
    hand.chunk = encodeKeyChunk(decodeKeyChunk(hand.chunk).filter(({ key }) => !key.equals(wanted)));
    hand.changed = true;
  }

  override *from(start: Buffer): Generator<KeyEntry, void, void> {
    let hand = this.#reach(chunkKeyOf(start));
    yield* entriesFrom(hand.chunk, start);
    for (let end = this.#endOf(hand); end !== null; end = this.#endOf(hand)) {
      hand = this.#reach(end);
      yield* decodeKeyChunk(hand.chunk);
    }
  }

  override before(end: Buffer): KeyEntry | undefined {
    this.flush();
    return super.before(end);
  }

  /** Writes what is at hand. */
  flush(): void {
    for (const { key, chunk, stored, changed } of this.#hands) {
      if (!changed) continue;
      if (chunk.length === 0) this.table.remove(key);
      else if (stored) this.table.put(key, chunk);
      else this.table.putNew(key, chunk);
    }
    this.#hands = [];
  }

  protected override chunkOf(key: Buffer): Uint8Array {
    return this.#reach(key).chunk;
  }

  /** The chunk that has this key, or would have it. */
  #reach(key: Buffer): Hand {
    const at = this.#handsUpTo(key);
    const hand = this.#hands[at - 1];
    if (hand && this.#holds(hand, key)) return hand;
    if (this.#hands.length === HANDS_MAX) {
      this.flush();
      return this.#reach(key);
    }
    const floor = this.table.floorKey(key);
    const reached: Hand = {
      key: floor ?? firstKey,
      reached: key,
      end: undefined,
      chunk: (floor && this.table.get(floor)) ?? emptyChunk,
      stored: floor !== undefined,
      changed: false,
    };
    this.#hands.splice(at, 0, reached);
    return reached;
  }

  /** Whether a key that is not below the chunk's own belongs to it. */
  #holds(hand: Hand, key: Buffer): boolean {
    if (key.compare(hand.reached) <= 0) return true;
    const end = this.#endOf(hand);
    return end === null || key.compare(end) < 0;
  }

  /** Looked up only when it matters: most chunks are reached for one key, and a cursor is dear. */
  #endOf(hand: Hand): Buffer | null {
    if (hand.end === undefined) hand.end = this.table.keyAfter(hand.key) ?? null;
    return hand.end;
  }

  /** How many hands have keys that are not above this one. */
  #handsUpTo(key: Buffer): number {
    let low = 0;
    let high = this.#hands.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#hands[middle]!.key.compare(key) <= 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Keys that come in order leave full chunks behind them. */
  #split(hand: Hand, atEnd: boolean): void {
    const entries = decodeKeyChunk(hand.chunk);
    const cut = atEnd ? entries.length - 1 : entries.length >> 1;
    const [left, right] = [entries.slice(0, cut), entries.slice(cut)];
    const [last, first] = [left.at(-1), right[0]];
    if (!last || !first) return;
    // The shortest beginning of `first` that sorts after `last`.
    const key = chunkKeyOf(first.key.subarray(0, commonPrefix(first.key, last.key) + 1));
    this.#hands.splice(this.#handsUpTo(key), 0, {
      key,
      reached: key,
      end: hand.end,
      chunk: encodeKeyChunk(right),
      stored: false,
      changed: true,
    });
    hand.chunk = encodeKeyChunk(left);
    hand.reached = hand.key;
    hand.end = key;
  }
}

/** The least key that the chunk of this key may have. */
export function chunkKeyOf(key: Uint8Array): Buffer {
  const chunkKey = Buffer.allocUnsafe(1 + key.length);
  chunkKey[0] = KEY_PREFIX;
  chunkKey.set(key, 1);
  return chunkKey;
}

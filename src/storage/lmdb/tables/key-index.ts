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

/** A chunk at hand: keys that come together are often neighbours. */
interface Hand {
  readonly key: Buffer;
  chunk: Uint8Array;
  changed: boolean;
  /** Where the next chunk begins; looked up when it is needed. */
  end?: Buffer | 'none';
}

/** An index as one write transaction changes it. Ends with flush(). */
export class KeyIndexWriter extends KeyIndex {
  #hand: Hand | undefined;

  /** The key is not there yet. */
  insert(key: Buffer, number: number): void {
    const entry = { key, number };
    const hand = this.#reach(chunkKeyOf(key));
    if (!hand) {
      this.#hand = { key: firstKey, chunk: encodeKeyChunk([entry]), changed: true };
      return;
    }
    const place = locateKey(hand.chunk, key);
    hand.chunk = insertKey(hand.chunk, place, entry);
    hand.changed = true;
    if (hand.chunk.length > INDEX_CHUNK_BYTES) this.#split(hand, place.atEnd);
  }

  remove(wanted: Uint8Array): void {
    const hand = this.#reach(chunkKeyOf(wanted));
    if (!hand) return;
    const rest = decodeKeyChunk(hand.chunk).filter(({ key }) => !key.equals(wanted));
    this.#hand = undefined;
    if (rest.length > 0) this.table.put(hand.key, encodeKeyChunk(rest));
    else this.table.remove(hand.key);
  }

  override from(start: Buffer): Generator<KeyEntry, void, void> {
    this.flush();
    return super.from(start);
  }

  override before(end: Buffer): KeyEntry | undefined {
    this.flush();
    return super.before(end);
  }

  /** Writes what is at hand. */
  flush(): void {
    if (this.#hand?.changed) this.table.put(this.#hand.key, this.#hand.chunk);
    this.#hand = undefined;
  }

  protected override chunkOf(key: Buffer): Uint8Array | undefined {
    return this.#reach(key)?.chunk;
  }

  /** The chunk of this key at hand, and none where the index is empty. */
  #reach(key: Buffer): Hand | undefined {
    const hand = this.#hand;
    if (hand && Buffer.compare(hand.key, key) <= 0) {
      hand.end ??= this.table.keyAfter(hand.key) ?? 'none';
      if (hand.end === 'none' || Buffer.compare(key, hand.end) < 0) return hand;
    }
    this.flush();
    const chunkKey = this.table.floorKey(key);
    const chunk = chunkKey && this.table.get(chunkKey);
    return (this.#hand = chunk && { key: chunkKey, chunk, changed: false });
  }

  /** Keys that come in order leave full chunks behind them. */
  #split({ key, chunk }: Hand, atEnd: boolean): void {
    const entries = decodeKeyChunk(chunk);
    const cut = atEnd ? entries.length - 1 : entries.length >> 1;
    const [left, right] = [entries.slice(0, cut), entries.slice(cut)];
    const [last, first] = [left.at(-1), right[0]];
    this.#hand = undefined;
    if (!last || !first) {
      this.table.put(key, chunk);
      return;
    }
    // The shortest beginning of `first` that sorts after `last`.
    const separator = first.key.subarray(0, commonPrefix(first.key, last.key, 0) + 1);
    this.table.put(key, encodeKeyChunk(left));
    this.table.putNew(chunkKeyOf(separator), encodeKeyChunk(right));
  }
}

/** The least key that the chunk of this key may have. */
export function chunkKeyOf(key: Uint8Array): Buffer {
  const chunkKey = Buffer.allocUnsafe(1 + key.length);
  chunkKey[0] = KEY_PREFIX;
  chunkKey.set(key, 1);
  return chunkKey;
}

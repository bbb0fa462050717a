import { INDEX_CHUNK_BYTES } from '../tables/layout.js';
import { commonPrefix, decodeIdChunk, encodeIdChunk, insertId, locateId, type IdEntry } from './id-chunk.js';
import { readable } from '../tables/readable.js';
import type { Table } from '../tables/table.js';

/** All keys begin with it, also that of the first chunk, which has nothing else: LMDB has no empty keys. */
const KEY_PREFIX = 1;
const firstKey = Buffer.of(KEY_PREFIX);

/**
 * From conversation ids to numbers, in the order of the ids' bytes. A chunk's key is a lower bound of
 * its ids, as short as separates it from the chunk before.
 */
export class IdIndex {
  constructor(protected readonly table: Table<Buffer>) {}

  find(id: string): number | undefined {
    const key = keyOf(id);
    const chunk = this.chunkOf(key);
    return chunk && locateId(chunk, key.subarray(1)).found;
  }

  /** The ids of these conversations, as far as they are in the index. Reads all of it: for those that are damaged. */
  idsOf(numbers: ReadonlySet<number>): Map<number, string> {
    const ids = new Map<number, string>();
    for (const { value } of this.table.range()) {
      for (const { id, number } of readable(() => decodeIdChunk(value)) ?? []) {
        if (numbers.has(number)) ids.set(number, id.toString('utf8'));
      }
    }
    return ids;
  }

  /** The chunk to which a key belongs. Valid until the next read. */
  protected chunkOf(key: Buffer): Uint8Array | undefined {
    const chunkKey = this.table.floorKey(key);
    return chunkKey && this.table.view(chunkKey);
  }
}

/** A chunk at hand: ids that come together are often neighbours. */
interface Hand {
  readonly key: Buffer;
  chunk: Uint8Array;
  changed: boolean;
  /** Where the next chunk begins; looked up when it is needed. */
  end?: Buffer | 'none';
}

/** The index as one write transaction changes it. Ends with flush(). */
export class IdIndexWriter extends IdIndex {
  #hand: Hand | undefined;

  /** The id is not there yet. */
  insert(id: string, number: number): void {
    const key = keyOf(id);
    const entry: IdEntry = { id: key.subarray(1), number };
    const hand = this.#reach(key);
    if (!hand) {
      this.#hand = { key: firstKey, chunk: encodeIdChunk([entry]), changed: true };
      return;
    }
    const place = locateId(hand.chunk, entry.id);
    hand.chunk = insertId(hand.chunk, place, entry);
    hand.changed = true;
    if (hand.chunk.length > INDEX_CHUNK_BYTES) this.#split(hand, place.atEnd);
  }

  remove(id: string): void {
    const key = keyOf(id);
    const hand = this.#reach(key);
    if (!hand) return;
    const wanted = key.subarray(1);
    const rest = decodeIdChunk(hand.chunk).filter((entry) => !entry.id.equals(wanted));
    this.#hand = undefined;
    if (rest.length > 0) this.table.put(hand.key, encodeIdChunk(rest));
    else this.table.remove(hand.key);
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

  /** Ids that come in order leave full chunks behind them. */
  #split({ key, chunk }: Hand, atEnd: boolean): void {
    const entries = decodeIdChunk(chunk);
    const cut = atEnd ? entries.length - 1 : entries.length >> 1;
    const [left, right] = [entries.slice(0, cut), entries.slice(cut)];
    const [last, first] = [left.at(-1), right[0]];
    this.#hand = undefined;
    if (!last || !first) {
      this.table.put(key, chunk);
      return;
    }
    // The shortest beginning of `first` that sorts after `last`.
    const separator = first.id.subarray(0, commonPrefix(first.id, last.id, 0) + 1);
    this.table.put(key, encodeIdChunk(left));
    this.table.putNew(Buffer.concat([firstKey, separator]), encodeIdChunk(right));
  }
}

function keyOf(id: string): Buffer {
  const key = Buffer.allocUnsafe(1 + Buffer.byteLength(id, 'utf8'));
  key[0] = KEY_PREFIX;
  key.write(id, 1, 'utf8');
  return key;
}

import { INDEX_CHUNK_BYTES } from './layout.js';
import { commonPrefix, decodeIdChunk, encodeIdChunk, insertId, locateId, type IdEntry } from './id-chunk.js';
import type { Table } from './table.js';

/** All keys begin with it, also that of the first chunk, which has nothing else: LMDB has no empty keys. */
const KEY_PREFIX = 1;
const firstKey = Buffer.of(KEY_PREFIX);

/**
 * From conversation ids to numbers, in the order of the ids' bytes. A chunk's key is a lower bound of
 * its ids, as short as separates it from the chunk before.
 */
export class IdIndex {
  constructor(private readonly table: Table<Buffer>) {}

  find(id: string): number | undefined {
    const key = keyOf(id);
    const chunkKey = this.table.floorKey(key);
    const chunk = chunkKey && this.table.view(chunkKey);
    return chunk && locateId(chunk, key.subarray(1)).found;
  }

  /** The id is not there yet. */
  insert(id: string, number: number): void {
    const key = keyOf(id);
    const entry: IdEntry = { id: key.subarray(1), number };
    const chunkKey = this.table.floorKey(key);
    const chunk = chunkKey && this.table.get(chunkKey);
    if (!chunk) {
      this.table.put(firstKey, encodeIdChunk([entry]));
      return;
    }
    const place = locateId(chunk, entry.id);
    const whole = insertId(chunk, place, entry);
    if (whole.length <= INDEX_CHUNK_BYTES) this.table.put(chunkKey, whole);
    else this.#split(chunkKey, decodeIdChunk(whole), place.atEnd);
  }

  remove(id: string): void {
    const key = keyOf(id);
    const chunkKey = this.table.floorKey(key);
    const chunk = chunkKey && this.table.get(chunkKey);
    if (!chunk) return;
    const wanted = key.subarray(1);
    const rest = decodeIdChunk(chunk).filter((entry) => !entry.id.equals(wanted));
    if (rest.length > 0) this.table.put(chunkKey, encodeIdChunk(rest));
    else this.table.remove(chunkKey);
  }

  /** Entries whose ids begin with this, in their order. */
  *withPrefix(prefix: string): Generator<IdEntry, void, void> {
    const key = keyOf(prefix);
    const wanted = key.subarray(1);
    const start = this.table.floorKey(key);
    for (const { value } of this.table.range(start ? { start } : {})) {
      for (const entry of decodeIdChunk(value)) {
        if (commonPrefix(wanted, entry.id, 0) === wanted.length) yield entry;
        else if (Buffer.compare(entry.id, wanted) > 0) return;
      }
    }
  }

  /** Ids that come in order leave full chunks behind them. */
  #split(chunkKey: Buffer, entries: readonly IdEntry[], atEnd: boolean): void {
    const cut = atEnd ? entries.length - 1 : entries.length >> 1;
    const [left, right] = [entries.slice(0, cut), entries.slice(cut)];
    const [last, first] = [left.at(-1), right[0]];
    if (!last || !first) {
      this.table.put(chunkKey, encodeIdChunk(entries));
      return;
    }
    // The shortest beginning of `first` that sorts after `last`.
    const separator = first.id.subarray(0, commonPrefix(first.id, last.id, 0) + 1);
    this.table.put(chunkKey, encodeIdChunk(left));
    this.table.putNew(Buffer.concat([firstKey, separator]), encodeIdChunk(right));
  }
}

function keyOf(id: string): Buffer {
  const key = Buffer.allocUnsafe(1 + Buffer.byteLength(id, 'utf8'));
  key[0] = KEY_PREFIX;
  key.write(id, 1, 'utf8');
  return key;
}

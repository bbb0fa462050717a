import { REFERENCE_CHUNK_BYTES } from '../tables/layout.js';
import {
  decodeReferences,
  encodedBytes,
  encodeReferences,
  referenceBytes,
  sharedLength,
  type ReferenceBytes,
} from './reference-chunk.js';
import type { Table } from '../tables/table.js';

/** All keys begin with it, also that of the first chunk, which has nothing else: LMDB has no empty keys. */
const KEY_PREFIX = '\x01';

/**
 * Which outside holder refers to which segment: a sorted set, in chunks. A chunk's key is a lower bound of
 * its entries. Of one write transaction; changes are kept until flush().
 */
export class References {
  readonly #stored = new Map<string, Set<ReferenceBytes>>();
  /** Whether an entry is there, where that is not what is stored. */
  readonly #changes = new Map<ReferenceBytes, boolean>();

  constructor(private readonly table: Table<Buffer>) {}

  /** False when it was there already. */
  add(id: number, holder: string): boolean {
    return this.#change(referenceBytes(id, holder), true);
  }

  /** False when it was not there. */
  remove(id: number, holder: string): boolean {
    return this.#change(referenceBytes(id, holder), false);
  }

  flush(): void {
    const changes = [...this.#changes].sort(([a], [b]) => (a < b ? -1 : 1));
    for (let at = 0; at < changes.length;) {
      const first = changes[at]?.[0] ?? '';
      const key = this.#chunkKey(first);
      const end = this.#keyAfter(key);
      const mine: typeof changes = [];
      for (; at < changes.length; at++) {
        const change = changes[at]!;
        if (end !== undefined && keyOf(change[0]).compare(end) >= 0) break;
        mine.push(change);
      }
      this.#rewrite(key, mine);
    }
    this.#changes.clear();
    this.#stored.clear();
  }

  #change(entry: ReferenceBytes, present: boolean): boolean {
    const stored = this.#entriesAt(this.#chunkKey(entry)).has(entry);
    if ((this.#changes.get(entry) ?? stored) === present) return false;
    if (stored === present) this.#changes.delete(entry);
    else this.#changes.set(entry, present);
    return true;
  }

  #rewrite(key: Buffer, changes: readonly (readonly [ReferenceBytes, boolean])[]): void {
    const entries = new Set(this.#entriesAt(key));
    const lastBefore = [...entries].at(-1) ?? '';
    for (const [entry, present] of changes) {
      if (present) entries.add(entry);
      else entries.delete(entry);
    }
    const sorted = [...entries].sort();
    // What comes in order leaves full chunks behind it; anything else, room in all of them.
    const inOrder = changes.every(([entry]) => entry > lastBefore);
    const whole = encodedBytes(sorted);
    const pieces = Math.max(1, Math.ceil(whole / REFERENCE_CHUNK_BYTES));
    const chunks = encodeReferences(sorted, inOrder ? REFERENCE_CHUNK_BYTES : Math.ceil(whole / pieces));
    if (chunks.length === 0) this.table.remove(key);
    let before: ReferenceBytes | undefined;
    for (const { first, last, record } of chunks) {
      if (before === undefined) this.table.put(key, record);
      else this.table.putNew(keyOf(separator(before, first)), record);
      before = last;
    }
  }

  #entriesAt(key: Buffer): Set<ReferenceBytes> {
    const name = key.toString('latin1');
    let entries = this.#stored.get(name);
    if (!entries) {
      const record = this.table.get(key);
      entries = new Set(record && decodeReferences(record));
      this.#stored.set(name, entries);
    }
    return entries;
  }

  #chunkKey(entry: ReferenceBytes): Buffer {
    return this.table.floor(keyOf(entry))?.key ?? keyOf('');
  }

  /** The key of the chunk after this one. */
  #keyAfter(key: Buffer): Buffer | undefined {
    for (const entry of this.table.range({ start: key, limit: 2 })) {
      if (entry.key.compare(key) > 0) return entry.key;
    }
    return undefined;
  }
}

function keyOf(entry: ReferenceBytes): Buffer {
  return Buffer.from(KEY_PREFIX + entry, 'latin1');
}

/** The shortest beginning of `right` that sorts after `left`. */
function separator(left: ReferenceBytes, right: ReferenceBytes): ReferenceBytes {
  return right.slice(0, sharedLength(left, right) + 1);
}

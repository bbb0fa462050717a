import { StowkenError } from '../../../model/index.js';
import { KeyIndexWriter } from '../tables/key-index.js';
import type { Table } from '../tables/table.js';
import type { SegmentId } from '../tables/ids.js';

/** Byte between a holder and a segment's id; it does not occur in UTF-8. */
const SEPARATOR = 0xff;
const TAIL_BYTES = 5;

/**
 * Outside references: a key index of holder and segment, with 0 for each. Used for one write transaction,
 * which ends with flush().
 */
export class References {
  readonly #index: KeyIndexWriter;

  constructor(table: Table<Buffer>) {
    this.#index = new KeyIndexWriter(table);
  }

  /** Returns false if it existed already. */
  add(id: SegmentId, holder: string): boolean {
    const key = referenceKey(id, holder);
    if (this.#index.find(key) !== undefined) return false;
    this.#index.insert(key, 0);
    return true;
  }

  /** Returns false if it did not exist. */
  remove(id: SegmentId, holder: string): boolean {
    const key = referenceKey(id, holder);
    if (this.#index.find(key) === undefined) return false;
    this.#index.remove(key);
    return true;
  }

  flush(): void {
    this.#index.flush();
  }
}

/** Encodes a reference. A holder's references are adjacent, in the order of the segments' ids. */
export function referenceKey(id: SegmentId, holder: string): Buffer {
  const name = Buffer.from(holder, 'utf8');
  const key = Buffer.allocUnsafe(name.length + TAIL_BYTES);
  key.set(name);
  key[name.length] = SEPARATOR;
  key.writeUInt32BE(id, name.length + 1);
  return key;
}

/** @throws StowkenError CORRUPT_STORE */
export function referenceOfKey(key: Buffer): { readonly id: SegmentId; readonly holder: string } {
  const holderBytes = key.length - TAIL_BYTES;
  if (holderBytes < 1 || key[holderBytes] !== SEPARATOR) {
    throw new StowkenError('CORRUPT_STORE', 'a stored reference does not decode');
  }
  return { id: key.readUInt32BE(holderBytes + 1) as SegmentId, holder: key.toString('utf8', 0, holderBytes) };
}

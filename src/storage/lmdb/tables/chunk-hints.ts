import { compareKeys } from './key-bytes.js';

/** Limit of the keys; beyond it, all are dropped. */
const HINTS_MAX = 4096;

/**
 * Keys of chunks that were found lately in one table, to find a chunk without a search through LMDB's
 * cursors, which costs several times as much as a read by key. A hint may be out of date: the chunk's record
 * says where its keys begin and end, and so whether it is the right one.
 */
export class ChunkHints {
  /** Sorted. */
  readonly #keys: Buffer[] = [];

  /** Returns the greatest known key that is not above this one. */
  floor(key: Buffer): Buffer | undefined {
    return this.#keys[this.#countUpTo(key) - 1];
  }

  add(key: Buffer): void {
    if (this.#keys.length >= HINTS_MAX) this.#keys.length = 0;
    const at = this.#countUpTo(key);
    if (this.#keys[at - 1]?.equals(key) !== true) this.#keys.splice(at, 0, key);
  }

  #countUpTo(key: Buffer): number {
    let low = 0;
    let high = this.#keys.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compareKeys(this.#keys[middle]!, key) <= 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

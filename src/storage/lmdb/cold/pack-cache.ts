import type { PackHead } from './pack-head.js';
import type { PackRecords } from './pack-records.js';

/** A decoded value, with the stored bytes that it was decoded from. */
export interface Remembered<T> {
  /** With their checksum. */
  readonly stored: Uint8Array;
  readonly value: T;
}

const PACKS_MAX = 128;
const RECORD_BYTES_MAX = 8 * 1024 * 1024;
const HEADS_MAX = 256;

/**
 * Packs and heads that were decoded lately. They may be those of another state, of this process or another
 * one, so that whoever takes one compares its stored bytes with those of the state that he reads.
 */
export class PackCache {
  /** In the order of their last use. */
  readonly #packs = new Map<number, Remembered<PackRecords>>();
  readonly #heads = new Map<number, Remembered<PackHead>>();
  #bytes = 0;

  /** Returns the greatest key of a head that is not above a number. */
  keyUpTo(number: number): number | undefined {
    let found: number | undefined;
    for (const key of this.#heads.keys()) if (key <= number && key > (found ?? -1)) found = key;
    return found;
  }

  head(key: number): Remembered<PackHead> | undefined {
    return this.#heads.get(key);
  }

  addHead(key: number, head: Remembered<PackHead>): void {
    if (this.#heads.size >= HEADS_MAX) this.#heads.clear();
    this.#heads.set(key, head);
  }

  pack(key: number): Remembered<PackRecords> | undefined {
    const found = this.#packs.get(key);
    if (!found) return undefined;
    this.#packs.delete(key);
    this.#packs.set(key, found);
    return found;
  }

  addPack(key: number, pack: Remembered<PackRecords>): void {
    this.#forget(key);
    this.#packs.set(key, pack);
    this.#bytes += pack.value.byteLength;
    for (const oldest of this.#packs.keys()) {
      const isFull = this.#packs.size > PACKS_MAX || this.#bytes > RECORD_BYTES_MAX;
      if (!isFull || oldest === key) break;
      this.#forget(oldest);
    }
  }

  #forget(key: number): void {
    this.#bytes -= this.#packs.get(key)?.value.byteLength ?? 0;
    this.#packs.delete(key);
  }
}

import { createHash } from 'node:crypto';

const keyWords = 4;

/** Contents that were seen. */
export interface SeenState {
  readonly table: Uint32Array;
  readonly count: number;
}

/**
 * Remembers contents by 128 bits of their SHA-256, 16 bytes each in a table that is never fuller than three
 * quarters: 21 to 43 bytes a content.
 */
export class SeenContents {
  private table: Uint32Array;
  private count: number;

  /** `former`: a result of state(), to go on from there. */
  constructor(former?: SeenState) {
    this.table = former?.table ?? new Uint32Array(1024 * keyWords);
    this.count = former?.count ?? 0;
  }

  /** Returns what it remembers; valid until the next content is added. */
  state(): SeenState {
    return { table: this.table, count: this.count };
  }

  /** Returns true if this content was not seen before, and remembers it. */
  add(...parts: readonly (Uint8Array | string)[]): boolean {
    const hash = createHash('sha256');
    for (const part of parts) hash.update(part);
    const digest = hash.digest();
    const key = Uint32Array.from({ length: keyWords }, (_, word) => digest.readUInt32LE(4 * word));
    if (key.every((word) => word === 0)) key[0] = 1; // Zeros mark a free slot.
    if (!insert(this.table, key)) return false;
    if (++this.count > 0.75 * (this.table.length / keyWords)) this.grow();
    return true;
  }

  private grow(): void {
    const larger = new Uint32Array(2 * this.table.length);
    for (let at = 0; at < this.table.length; at += keyWords) {
      const key = this.table.subarray(at, at + keyWords);
      if (key.some((word) => word !== 0)) insert(larger, key);
    }
    this.table = larger;
  }
}

/** Returns false if the key is in the table already. */
function insert(table: Uint32Array, key: Uint32Array): boolean {
  const slots = table.length / keyWords;
  for (let slot = key[0]! % slots; ; slot = (slot + 1) % slots) {
    const found = table.subarray(slot * keyWords, (slot + 1) * keyWords);
    if (found.every((word) => word === 0)) {
      found.set(key);
      return true;
    }
    if (found.every((word, index) => word === key[index])) return false;
  }
}

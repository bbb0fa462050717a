/** Sketches that one band finds: the oldest. A band that more have distinguishes little. */
const ownersMax = 64;

/**
 * Numbers of sketches by the hashes of their bands. Open addressing, at most half full: 16 bytes or more for
 * each band of a sketch.
 */
export class BandTable {
  #hashes = new Uint32Array(1024);
  /** Number of a sketch, plus 1; 0 is free. */
  #owners = new Uint32Array(1024);
  #used = 0;

  add(number: number, hashes: Uint32Array): void {
    if (2 * (this.#used + hashes.length) > this.#hashes.length) this.#grow();
    for (const hash of hashes) this.#put(hash, number + 1);
    this.#used += hashes.length;
  }

  /**
   * Returns those with the most hashes in common with these, at most `countMax`; of equals, the oldest. One
   * with the same first hash, that of the whole, comes before all others.
   */
  find(hashes: Uint32Array, countMax: number): number[] {
    const common = new Map<number, number>();
    for (const [index, hash] of hashes.entries()) {
      for (let slot = this.#slotOf(hash); this.#owners[slot] !== 0; slot = this.#next(slot)) {
        if (this.#hashes[slot] !== hash) continue;
        const number = this.#owners[slot]! - 1;
        common.set(number, (common.get(number) ?? 0) + (index === 0 ? hashes.length : 1));
      }
    }
    return [...common]
      .sort(([one, a], [other, b]) => b - a || one - other)
      .slice(0, countMax)
      .map(([number]) => number);
  }

  #put(hash: number, owner: number): void {
    let slot = this.#slotOf(hash);
    let owners = 0;
    for (; this.#owners[slot] !== 0; slot = this.#next(slot))
      if (this.#hashes[slot] === hash && ++owners === ownersMax) return;
    this.#hashes[slot] = hash;
    this.#owners[slot] = owner;
  }

  #slotOf(hash: number): number {
    return hash & (this.#hashes.length - 1);
  }

  #next(slot: number): number {
    return (slot + 1) & (this.#hashes.length - 1);
  }

  #grow(): void {
    const hashes = this.#hashes;
    const owners = this.#owners;
    this.#hashes = new Uint32Array(2 * hashes.length);
    this.#owners = new Uint32Array(2 * hashes.length);
    for (const [slot, owner] of owners.entries()) if (owner !== 0) this.#put(hashes[slot]!, owner);
  }
}

/** A set of pages, one bit each. */
export class PageSet {
  readonly #bits: Uint8Array;
  #size = 0;

  /** For pages below `end`. */
  constructor(readonly end: number) {
    this.#bits = new Uint8Array(Math.ceil(end / 8));
  }

  get size(): number {
    return this.#size;
  }

  has(page: number): boolean {
    return ((this.#bits[page >>> 3] ?? 0) & (1 << (page & 7))) !== 0;
  }

  /** False if it was there already, or is not below the end. */
  add(page: number): boolean {
    if (page >= this.end || this.has(page)) return false;
    this.#bits[page >>> 3]! |= 1 << (page & 7);
    this.#size += 1;
    return true;
  }
}

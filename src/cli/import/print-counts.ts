/** Slots of a table that has just begun; a power of two. */
const slotsMin = 1024;

/** Limit of the slots: 12 bytes each, 96 MiB in all. */
const slotsMax = 2 ** 23;

/** Part of the slots that may be taken before there are twice as many. */
const loadMax = 0.75;

/**
 * Counts of things by prints of 64 bits. Invariants: slots that are taken have a count; a print is in the
 * first slot from its home, its low bits, on that is free or its own, and none of them is ever freed.
 *
 * Two things of one print, which some millions have with a chance of one in a million, are counted as one.
 * `entriesMax` prints are remembered; others count 1 each time.
 */
export class PrintCounts {
  #high = new Uint32Array(slotsMin);
  #low = new Uint32Array(slotsMin);
  #counts = new Uint32Array(slotsMin);
  #entries = 0;

  constructor(private readonly entriesMax = slotsMax * loadMax) {}

  /** Counts a thing; returns how many of its print there were, with this one. */
  add(high: number, low: number): number {
    let slot = this.#slotOf(high, low);
    if (this.#counts[slot] === 0) {
      if (this.#entries >= this.entriesMax) return 1;
      if (this.#entries >= this.#counts.length * loadMax) {
        this.#grow();
        slot = this.#slotOf(high, low);
      }
      this.#entries++;
      this.#high[slot] = high;
      this.#low[slot] = low;
    }
    return ++this.#counts[slot]!;
  }

  /** Returns the slot of a print, or the free one where it belongs. */
  #slotOf(high: number, low: number): number {
    const mask = this.#counts.length - 1;
    let slot = low & mask;
    while (this.#counts[slot] !== 0 && (this.#low[slot] !== low || this.#high[slot] !== high))
      slot = (slot + 1) & mask;
    return slot;
  }

  #grow(): void {
    const [high, low, counts] = [this.#high, this.#low, this.#counts];
    const slots = counts.length * 2;
    this.#high = new Uint32Array(slots);
    this.#low = new Uint32Array(slots);
    this.#counts = new Uint32Array(slots);
    for (let from = 0; from < counts.length; from++) {
      if (counts[from] === 0) continue;
      const slot = this.#slotOf(high[from]!, low[from]!);
      this.#high[slot] = high[from]!;
      this.#low[slot] = low[from]!;
      this.#counts[slot] = counts[from]!;
    }
  }
}

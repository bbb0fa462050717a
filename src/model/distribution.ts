/** Counts of values by size, and their sum: a histogram with fixed bounds. */
export class Distribution {
  /** Number of values up to each bound and above the one before; the last are above all bounds. */
  readonly counts: number[];
  sum = 0;

  constructor(readonly bounds: readonly number[]) {
    this.counts = Array.from({ length: bounds.length + 1 }, () => 0);
  }

  /** Adds a value; allocates nothing. */
  add(value: number): void {
    const { bounds, counts } = this;
    let at = 0;
    while (at < bounds.length && value > bounds[at]!) at += 1;
    counts[at]! += 1;
    this.sum += value;
  }
}

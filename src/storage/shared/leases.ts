import { OpenReaders } from './activity.js';

/**
 * Protects everything that open snapshots may still read. A snapshot leases the commit that it saw. Segments
 * that became garbage after that commit may belong to the snapshot and are not collected. The cost is
 * independent of the number of segments.
 */
export class Leases {
  readonly #open = new Map<symbol, number>();

  constructor(private readonly readers = new OpenReaders()) {}

  /**
   * Takes a lease. Returns its release, which may be called more than once. A standing one is for readers
   * that are counted elsewhere.
   */
  take(commitSequence: number, { standing = false } = {}): () => void {
    const lease = Symbol();
    this.#open.set(lease, commitSequence);
    const leave = standing ? undefined : this.readers.add();
    return () => {
      this.#open.delete(lease);
      leave?.();
    };
  }

  /** Returns the oldest commit that an open snapshot saw; Infinity if there is none. */
  oldest(): number {
    let oldest = Infinity;
    for (const sequence of this.#open.values()) oldest = Math.min(oldest, sequence);
    return oldest;
  }
}

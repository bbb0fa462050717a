/**
 * Keeps what open snapshots may still read. A snapshot leases the commit that it saw: segments that
 * became garbage after it may be the snapshot's and are not collected, at no cost per segment.
 */
export class Leases {
  readonly #open = new Map<symbol, number>();

  /** Returns the release, which may be called more than once. */
  take(commitSequence: number): () => void {
    const lease = Symbol();
    this.#open.set(lease, commitSequence);
    return () => void this.#open.delete(lease);
  }

  /** The oldest commit that an open snapshot saw; Infinity when there is none. */
  oldest(): number {
    let oldest = Infinity;
    for (const sequence of this.#open.values()) oldest = Math.min(oldest, sequence);
    return oldest;
  }
}

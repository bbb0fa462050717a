import type { SegmentHash } from '../../../model/index.js';

/** Hashes that are kept: enough for the stores that come between two commits. */
const HASHES_MAX = 65_536;

/**
 * Hashes that no segment had as of one commit. Who stores looks for segments first, and the commit that comes
 * next looks for the same ones again.
 */
export class Absences {
  #sequence = -1;
  readonly #hashes = new Set<SegmentHash>();

  add(sequence: number, hash: SegmentHash): void {
    if (sequence !== this.#sequence || this.#hashes.size >= HASHES_MAX) this.#hashes.clear();
    this.#sequence = sequence;
    this.#hashes.add(hash);
  }

  /** Whether it is known that the commit with this sequence number left no such segment. */
  has(sequence: number, hash: SegmentHash): boolean {
    return sequence === this.#sequence && this.#hashes.has(hash);
  }
}

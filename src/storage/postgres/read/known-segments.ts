import type { SegmentHash } from '../../../model/index.js';
import type { FoundPlace } from '../commit/lookup.js';

/** Segments that a process remembers; an entry takes some 200 bytes. */
const entriesMax = 200_000;

/** Places of segments that this process has seen lately. They may be outdated: every commit checks them. */
export class KnownSegments {
  readonly #places = new Map<SegmentHash, FoundPlace>();

  constructor(private readonly max = entriesMax) {}

  get(hash: SegmentHash): FoundPlace | undefined {
    return this.#places.get(hash);
  }

  note(entries: Iterable<readonly [SegmentHash, FoundPlace]>): void {
    for (const [hash, place] of entries) {
      this.#places.delete(hash);
      this.#places.set(hash, place);
    }
    for (const hash of this.#places.keys()) {
      if (this.#places.size <= this.max) return;
      this.#places.delete(hash);
    }
  }

  clear(): void {
    this.#places.clear();
  }

  forget(hash: SegmentHash): void {
    this.#places.delete(hash);
  }
}

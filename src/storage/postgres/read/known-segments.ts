import type { SegmentHash } from '../../../model/index.js';
import type { FoundPlace } from '../commit/lookup.js';
import { canGoBy, type ConnectionPlace } from '../database/transaction.js';

/** Segments that a process remembers; an entry takes some 220 bytes. */
const entriesMax = 200_000;

interface Known {
  readonly place: FoundPlace;
  /** Sight of the change that saw the segment last; undefined if it held no gate. */
  readonly sight: Sight | undefined;
}

/** Gate and connection with which a change saw segments. */
interface Sight {
  /** Clock of the gate that it held. */
  readonly clock: number;
  readonly place: ConnectionPlace;
}

/**
 * Places of segments that this process has seen lately. They may be outdated: every commit checks them.
 *
 * A gate has the clock of the last barrier that passed it (condemn.ts). While a change holds a gate with the
 * clock under which a segment was seen, no barrier has passed since, and none passes before it is made: so
 * the segment is there, and stays, and needs no look. That is so for connections that were open when it was
 * seen: see canGoBy.
 */
export class KnownSegments {
  readonly #known = new Map<SegmentHash, Known>();
  /** Latest clocks of gates, by their partitions. */
  readonly #clocks = new Map<number, number>();

  constructor(private readonly max = entriesMax) {}

  get(hash: SegmentHash): FoundPlace | undefined {
    return this.#known.get(hash)?.place;
  }

  /** Returns the clock that a partition's gates have, as far as this process knows. */
  clockOf(p: number): number | undefined {
    return this.#clocks.get(p);
  }

  /** True if the segment was seen under a gate of this clock while the connection was open already. */
  wasSeen(hash: SegmentHash, clock: number, place: ConnectionPlace): boolean {
    const sight = this.#known.get(hash)?.sight;
    return sight?.clock === clock && canGoBy(sight.place, place);
  }

  /** Notes what was found in partitions whose gates were not held. */
  note(entries: Iterable<readonly [SegmentHash, FoundPlace]>): void {
    this.#note(entries, undefined);
  }

  /** Notes what a change saw in a partition, of which it held a gate. */
  noteUnder(p: number, sight: Sight, entries: Iterable<readonly [SegmentHash, FoundPlace]>): void {
    this.#clocks.set(p, Math.max(sight.clock, this.#clocks.get(p) ?? 0));
    this.#note(entries, sight);
  }

  clear(): void {
    this.#known.clear();
  }

  forget(hash: SegmentHash): void {
    this.#known.delete(hash);
  }

  #note(entries: Iterable<readonly [SegmentHash, FoundPlace]>, sight: Sight | undefined): void {
    for (const [hash, place] of entries) {
      this.#known.delete(hash);
      // One that is condemned may go after the barrier that passed already.
      this.#known.set(hash, { place, sight: place.condemned ? undefined : sight });
    }
    for (const hash of this.#known.keys()) {
      if (this.#known.size <= this.max) return;
      this.#known.delete(hash);
    }
  }
}

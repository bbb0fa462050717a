import type { SegmentHash } from '../../../model/index.js';
import type { SegmentId } from '../tables/ids.js';

/** Immutable facts of a segment whose whole hash was compared. */
export interface KnownSegment {
  readonly id: SegmentId;
  readonly hash: SegmentHash;
  readonly tokenCount: number;
}

/**
 * Entries of one generation, for all processes that read a vault together; each process has two generations.
 */
const GENERATION_MAX = 32_768;

/**
 * Recently used pairs of hash and id. An id is never reused, so a pair stays true as long as the segment is
 * stored, which the caller must look up. Contains only committed segments.
 */
export class SegmentCache {
  #young = new Generation();
  #old = new Generation();

  constructor(private readonly sharers: number) {}

  byHash(hash: SegmentHash): KnownSegment | undefined {
    return this.#young.byHash.get(hash) ?? this.#used(this.#old.byHash.get(hash));
  }

  byId(id: SegmentId): KnownSegment | undefined {
    return this.#young.byId.get(id) ?? this.#used(this.#old.byId.get(id));
  }

  add(known: KnownSegment): void {
    this.#used(known);
  }

  /** Forgets a segment that was deleted, though not a newer one of the same hash. */
  remove(id: SegmentId): void {
    for (const { byHash, byId } of [this.#young, this.#old]) {
      const known = byId.get(id);
      if (!known) continue;
      byId.delete(id);
      if (byHash.get(known.hash)?.id === id) byHash.delete(known.hash);
    }
  }

  clear(): void {
    this.#young = new Generation();
    this.#old = new Generation();
  }

  #used(known: KnownSegment | undefined): KnownSegment | undefined {
    if (!known || this.#young.byId.has(known.id)) return known;
    if (this.#young.byId.size >= GENERATION_MAX / this.sharers) {
      this.#old = this.#young;
      this.#young = new Generation();
    }
    this.#young.byHash.set(known.hash, known);
    this.#young.byId.set(known.id, known);
    return known;
  }
}

class Generation {
  readonly byHash = new Map<SegmentHash, KnownSegment>();
  readonly byId = new Map<number, KnownSegment>();
}

/** Limit of the hashes: enough for the stores between two commits. */
const HASHES_MAX = 65_536;

/**
 * Hashes that no segment had as of one commit. A store looks up its segments first, and the commit after it
 * looks up the same ones again.
 */
export class NegativeLookupCache {
  #sequence = -1;
  readonly #hashes = new Set<SegmentHash>();

  add(sequence: number, hash: SegmentHash): void {
    if (sequence !== this.#sequence || this.#hashes.size >= HASHES_MAX) this.#hashes.clear();
    this.#sequence = sequence;
    this.#hashes.add(hash);
  }

  clear(): void {
    this.#hashes.clear();
  }

  /** True if the commit with this sequence number is known to have no such segment. */
  has(sequence: number, hash: SegmentHash): boolean {
    return sequence === this.#sequence && this.#hashes.has(hash);
  }
}

import type { SegmentHash } from '../../model/index.js';
import { type PackId, uuidOf } from './formats/ids.js';

/**
 * Partitions of a vault: values of `p`, one after the other, whose number never changes. A conversation's row
 * is in the partition that its id has; its list, and the segments that the list names, are together in one:
 * that of its id, or of its parent's list if it is a fork. Ids of packs and lists tell theirs.
 */
export class Partitions {
  /** All of them, rising. */
  readonly all: readonly number[];

  constructor(
    /** The partition of what a vault has once: its clock, leases, servers, vocabularies. */
    readonly first: number,
    readonly count: number,
  ) {
    this.all = Array.from({ length: count }, (_, index) => first + index);
  }

  /** Returns the partition of the row of a conversation or a request. */
  ofId(id: string): number {
    return this.count === 1 ? this.first : this.#at(uuidOf(id));
  }

  /** Returns the partition of a segment that outside holders hold, or that nothing names yet. */
  ofHash(hash: SegmentHash): number {
    return this.#at(hash);
  }

  /** Returns the partition of a pack or a list. */
  ofPack(k: PackId): number {
    return this.count === 1 ? this.first : this.first + Number(BigInt(k) % BigInt(this.count));
  }

  /** Returns these values by their partitions, which rise. */
  group<T>(values: Iterable<T>, partitionOf: (value: T) => number): Map<number, T[]> {
    const groups = new Map<number, T[]>();
    for (const value of values) {
      const p = partitionOf(value);
      const group = groups.get(p);
      if (group) group.push(value);
      else groups.set(p, [value]);
    }
    return new Map([...groups].sort(([a], [b]) => a - b));
  }

  /** Names that are no hashes have a partition too: nothing is stored under them. */
  #at(hex: string): number {
    const head = Number.parseInt(hex.slice(0, 8), 16);
    return this.first + (Number.isNaN(head) ? 0 : Math.abs(head) % this.count);
  }
}

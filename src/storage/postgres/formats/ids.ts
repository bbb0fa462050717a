import { createHash, randomInt } from 'node:crypto';
import type { SegmentHash } from '../../../model/index.js';
import type { SegmentKey } from '../../contract/change.js';

/** Id of a pack, of a list, or of a conversation's creation: an int8 in decimal. Never given twice. */
export type PackId = string;

/** A stored segment: a pack, and the segment's place in it. */
export interface Place {
  readonly k: PackId;
  readonly slot: number;
}

const idBits = 21n;

/**
 * Gives ids that rise with time; those of several processes differ by chance, and by primary keys. An id's
 * remainder by the number of partitions is that of its own partition, counted from 0.
 */
export class IdSource {
  #last = 0n;
  #nextMs = 0n;
  #low = 0n;

  constructor(private readonly partitions: number) {}

  next(partition: number): PackId {
    const nowMs = BigInt(Date.now());
    if (nowMs > this.#nextMs) {
      this.#nextMs = nowMs;
      this.#low = BigInt(randomInt(2 ** 20));
    }
    const id = (this.#nextMs << idBits) + this.#low++;
    const least = id > this.#last ? id : this.#last + 1n;
    const count = BigInt(this.partitions);
    this.#last = least + ((BigInt(partition) - (least % count) + count) % count);
    return String(this.#last);
  }
}

export function keyOf({ k, slot }: Place): SegmentKey {
  return `${k}/${slot}` as SegmentKey;
}

/** Returns the place of a key that keyOf made; undefined for other keys. */
export function placeOf(key: SegmentKey): Place | undefined {
  const match = /^(\d{1,19})\/(\d{1,9})$/.exec(String(key));
  return match ? { k: match[1]!, slot: Number(match[2]) } : undefined;
}

export function isSamePlace(a: Place, b: Place): boolean {
  return a.k === b.k && a.slot === b.slot;
}

/** First half of a hash, by which it is found. */
export function headOf(hash: SegmentHash): string {
  return uuid(hash.slice(0, 32));
}

/** Second half, which is compared. */
export function restOf(hash: SegmentHash): string {
  return uuid(hash.slice(32));
}

export function hashFrom(head: unknown, rest: unknown): SegmentHash {
  return `${String(head)}${String(rest)}`.replaceAll('-', '') as SegmentHash;
}

/** Half of the SHA-256 of an id: ids are of any length, and keys of an index are not. */
export function uuidOf(id: string): string {
  return uuid(createHash('sha256').update(id).digest('hex').slice(0, 32));
}

export function uuid(hex: string): string {
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

export function compareIds(a: PackId, b: PackId): number {
  return a.length - b.length || (a < b ? -1 : a > b ? 1 : 0);
}

import { COUNTS_PER_CHUNK } from '../tables/layout.js';

/** Record of a chunk of which nothing is stored. */
export const noCounts = new Uint8Array(0);

/** Bytes of a count that is not the usual one: the counts between it and the one before, and itself. */
const EXCEPTION_BYTES = 2;

const scratch = new Uint8Array(COUNTS_PER_CHUNK);

/**
 * Encodes a chunk's counts, a byte each: nothing if all are 0; the count of more than half of them and the
 * exceptions from it, an odd number of bytes; or all of them, where that is not longer. `likely` may well be
 * the count of more than half, as the first byte of the chunk's last record is.
 */
export function encodeCounts(counts: Uint8Array, likely?: number): Uint8Array {
  const length =
    (likely === undefined ? 0 : writeExceptions(counts, likely)) || writeExceptions(counts, majority(counts));
  if (length === 0) return counts;
  if (length === 1 && scratch[0] === 0) return noCounts;
  const record = Buffer.allocUnsafe(length);
  for (let at = 0; at < length; at++) record[at] = scratch[at]!;
  return record;
}

/** Decodes a chunk to a byte for each count, in a buffer of its own; undefined for what is no chunk. */
export function decodeCounts(record: Uint8Array): Uint8Array | undefined {
  if (record.length === COUNTS_PER_CHUNK) return record.slice();
  const counts = new Uint8Array(COUNTS_PER_CHUNK);
  if (record.length === 0) return counts;
  if (record.length % EXCEPTION_BYTES === 0 || record.length > COUNTS_PER_CHUNK) return undefined;
  const usual = record[0]!;
  counts.fill(usual);
  let before = -1;
  for (let at = 1; at < record.length; at += EXCEPTION_BYTES) {
    before += record[at]! + 1;
    const count = record[at + 1]!;
    if (before >= COUNTS_PER_CHUNK || count === usual) return undefined;
    counts[before] = count;
  }
  return counts;
}

/** Writes a count and the exceptions from it to the scratch; returns the length, 0 if that is not shorter. */
function writeExceptions(counts: Uint8Array, usual: number): number {
  scratch[0] = usual;
  let [to, before] = [1, -1];
  for (let at = 0; at < counts.length; at++) {
    const count = counts[at]!;
    if (count === usual) continue;
    if (to + EXCEPTION_BYTES >= counts.length) return 0;
    scratch[to] = at - before - 1;
    scratch[to + 1] = count;
    to += EXCEPTION_BYTES;
    before = at;
  }
  return to;
}

/**
 * Returns the count of more than half of them, or any if there is none: Boyer and Moore's vote, "MJRTY - A Fast
 * Majority Vote Algorithm".
 */
function majority(counts: Uint8Array): number {
  let [candidate, votes] = [0, 0];
  for (let at = 0; at < counts.length; at++) {
    if (votes === 0) candidate = counts[at]!;
    votes += counts[at] === candidate ? 1 : -1;
  }
  return candidate;
}

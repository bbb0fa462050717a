import { COUNTS_PER_CHUNK } from '../tables/layout.js';

/** Record of a chunk of which nothing is stored. */
export const noCounts = new Uint8Array(0);

/** Bytes of a count that is not the usual one: the counts between it and the one before, and itself. */
const EXCEPTION_BYTES = 2;

/**
 * Encodes a chunk's counts, a byte each: nothing if all are 0; the count of more than half of them and the
 * exceptions from it, an odd number of bytes; or all of them, where that is not longer. `likely` may well be
 * the count of more than half, as the first byte of the chunk's last record is.
 */
export function encodeCounts(counts: Uint8Array, likely?: number): Uint8Array {
  let usual = likely ?? majority(counts);
  let length = lengthWith(counts, usual);
  if (length >= counts.length && likely !== undefined) {
    usual = majority(counts);
    length = lengthWith(counts, usual);
  }
  if (length >= counts.length) return counts;
  if (length === 1 && usual === 0) return noCounts;
  const record = Buffer.allocUnsafe(length);
  record[0] = usual;
  let before = -1;
  for (let at = 0, to = 1; to < length; at++) {
    const count = counts[at]!;
    if (count === usual) continue;
    record[to++] = at - before - 1;
    record[to++] = count;
    before = at;
  }
  return record;
}

/** Returns the length of the record that has this usual count and the exceptions from it. */
function lengthWith(counts: Uint8Array, usual: number): number {
  let exceptions = 0;
  for (let at = 0; at < counts.length; at++) if (counts[at] !== usual) exceptions += 1;
  return 1 + EXCEPTION_BYTES * exceptions;
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

/** Returns one count of a record, without a buffer for the others; undefined for what is no chunk. */
export function countAt(record: Uint8Array, length: number, wanted: number): number | undefined {
  if (length === COUNTS_PER_CHUNK) return record[wanted];
  if (length === 0) return 0;
  if (length % EXCEPTION_BYTES === 0 || length > COUNTS_PER_CHUNK) return undefined;
  for (let at = 1, place = -1; at < length; at += EXCEPTION_BYTES) {
    place += record[at]! + 1;
    if (place === wanted) return record[at + 1];
    if (place > wanted) break;
  }
  return record[0];
}

/**
 * Returns the count of more than half of them, or any if there is none: the vote of Boyer and Moore,
 * "MJRTY - A Fast Majority Vote Algorithm".
 */
function majority(counts: Uint8Array): number {
  let [candidate, votes] = [0, 0];
  for (let at = 0; at < counts.length; at++) {
    if (votes === 0) candidate = counts[at]!;
    votes += counts[at] === candidate ? 1 : -1;
  }
  return candidate;
}

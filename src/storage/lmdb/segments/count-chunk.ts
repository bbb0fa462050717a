import { COUNTS_PER_CHUNK } from '../tables/layout.js';

/** Record of a chunk of which nothing is stored. */
export const noCounts = new Uint8Array(0);

/** Bytes of a count that is not the usual one: the counts between it and the one before, and itself. */
const EXCEPTION_BYTES = 2;

/**
 * Encodes a chunk's counts, a byte each: nothing if all are 0; the most frequent one and the exceptions from
 * it, an odd number of bytes; or all of them, where that is shorter.
 */
export function encodeCounts(counts: Uint8Array): Uint8Array {
  const usual = mostFrequent(counts);
  let exceptions = 0;
  for (const count of counts) if (count !== usual) exceptions += 1;
  if (usual === 0 && exceptions === 0) return noCounts;
  const length = 1 + EXCEPTION_BYTES * exceptions;
  if (length >= counts.length) return counts;
  const record = new Uint8Array(length);
  record[0] = usual;
  let [to, before] = [1, -1];
  for (let at = 0; at < counts.length; at++) {
    if (counts[at] === usual) continue;
    record[to++] = at - before - 1;
    record[to++] = counts[at]!;
    before = at;
  }
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

function mostFrequent(counts: Uint8Array): number {
  const times = new Uint16Array(256);
  let most = 0;
  for (const count of counts) if (++times[count]! > times[most]!) most = count;
  return most;
}

// Finds earlier occurrences of the tokens ahead in the segment: the latest of the next token, the latest of
// the next two, and the longest of a few that share the next four.
import { reserve, reserveZeroed } from './memory';
import { DISTANCE_MAX } from './registry/format';

const CHAIN_TRIES: i32 = 8;
/** Length from which a match is taken without looking further, so that repetitions stay linear. */
export const LENGTH_NICE: u32 = 96;
const TABLE_BITS_MAX: u32 = 15;

export const CANDIDATES: i32 = 3;

let words: usize = 0;
let count: u32 = 0;
let singles: usize = 0;
let pairs: usize = 0;
let quads: usize = 0;
let chain: usize = 0;
let shift: u32 = 0;
const found: usize = memory.data(8 * CANDIDATES, 16);

/** Prepares for a segment of `tokens` words; false if there is no memory. */
export function startMatches(at: usize, tokens: u32): bool {
  words = at;
  count = tokens;
  let bits: u32 = 4;
  while (bits < TABLE_BITS_MAX && (<u32>1) << bits < tokens) bits++;
  shift = 32 - bits;
  const size = (<usize>4) << bits;
  singles = reserveZeroed(3 * size);
  pairs = singles + size;
  quads = pairs + size;
  chain = reserve((<usize>tokens) << 2);
  return singles != 0 && chain != 0;
}

function word(i: u32): u32 {
  return load<u32>(words + ((<usize>i) << 2));
}

function slot(hash: u32): usize {
  return (<usize>(hash >>> shift)) << 2;
}

/** Stores position i, and returns the last position with the same hash plus one, or 0. */
function swap(table: usize, hash: u32, i: u32): u32 {
  const at = table + slot(hash);
  const previous = load<u32>(at);
  store<u32>(at, i + 1);
  return previous;
}

/** Returns the number of equal tokens from both positions on. Up to three behind the last one are read. */
function lengthAt(from: u32, i: u32, lengthMax: u32): u32 {
  const a = words + ((<usize>from) << 2);
  const b = words + ((<usize>i) << 2);
  for (let length: u32 = 0; length < lengthMax; length += 4) {
    const at = (<usize>length) << 2;
    const differ = i32x4.bitmask(i32x4.ne(v128.load(a + at), v128.load(b + at)));
    if (differ == 0) continue;
    const same = length + <u32>ctz(differ);
    return same < lengthMax ? same : lengthMax;
  }
  return lengthMax;
}

function keep(candidate: i32, from: u32, i: u32, length: u32): void {
  store<u32>(found + ((<usize>candidate) << 3), i - from);
  store<u32>(found + ((<usize>candidate) << 3), length, 4);
}

/**
 * Examines position i, up to `end`; returns the length of the longest match. Positions must be in order, and
 * skipped ones need note().
 */
export function findMatches(i: u32, end: u32): u32 {
  const h1 = word(i) * 0x9e37_79b1;
  const single = swap(singles, h1, i);
  if (single == 0) {
    // A token that is new in the segment begins no match.
    noteLonger(i, h1);
    return 0;
  }
  for (let c = 0; c < CANDIDATES; c++) store<u32>(found + ((<usize>c) << 3), 0, 4);
  const left = end - i;
  let longest = lengthAt(single - 1, i, left);
  keep(0, single - 1, i, longest);
  if (i + 1 >= count) return longest;
  const h2 = (h1 ^ word(i + 1)) * 0x85eb_ca6b;
  const pair = swap(pairs, h2, i);
  if (pair != 0 && pair != single) {
    const length = lengthAt(pair - 1, i, left);
    keep(1, pair - 1, i, length);
    if (length > longest) longest = length;
  }
  if (i + 3 >= count) return longest;
  const h4 = (((h2 ^ word(i + 2)) * 0xc2b2_ae35) ^ word(i + 3)) * 0x9e37_79b1;
  const quad = swap(quads, h4, i);
  store<u32>(chain + ((<usize>i) << 2), quad);
  if (quad == 0) return longest;
  const ofFour = longestOfChain(quad, i, left);
  return ofFour > longest ? ofFour : longest;
}

/** Keeps the longest match of four tokens or more; returns its length, or 0. */
function longestOfChain(first: u32, i: u32, left: u32): u32 {
  let from = first;
  let longest: u32 = 3;
  for (let tries = 0; from != 0 && tries < CHAIN_TRIES; tries++) {
    if (i - (from - 1) > DISTANCE_MAX) break;
    const length = lengthAt(from - 1, i, left);
    if (length > longest) {
      longest = length;
      keep(2, from - 1, i, length);
      if (length >= LENGTH_NICE) break;
    }
    from = load<u32>(chain + ((<usize>(from - 1)) << 2));
  }
  return longest == 3 ? 0 : longest;
}

export function matchDistance(candidate: i32): u32 {
  return load<u32>(found + ((<usize>candidate) << 3));
}
export function matchLength(candidate: i32): u32 {
  return load<u32>(found + ((<usize>candidate) << 3), 4);
}

/** Records position i without looking for matches. */
export function note(i: u32): void {
  const h1 = word(i) * 0x9e37_79b1;
  swap(singles, h1, i);
  noteLonger(i, h1);
}

function noteLonger(i: u32, h1: u32): void {
  if (i + 1 >= count) return;
  const h2 = (h1 ^ word(i + 1)) * 0x85eb_ca6b;
  swap(pairs, h2, i);
  if (i + 3 >= count) return;
  const h4 = (((h2 ^ word(i + 2)) * 0xc2b2_ae35) ^ word(i + 3)) * 0x9e37_79b1;
  store<u32>(chain + ((<usize>i) << 2), swap(quads, h4, i));
}

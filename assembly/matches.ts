// Where the tokens ahead occurred before in the segment: the latest occurrence of the next token, of the
// next two, and the longest of a few that share the next four.
import { reserve, reserveZeroed } from './memory';
import { DISTANCE_MAX } from './registry/format';

const CHAIN_TRIES: i32 = 8;
/** A match this long is taken without looking further, so that repetitions stay linear. */
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
const found: usize = reserve(CANDIDATES * 8);

/** Prepares for a segment of `tokens` words; false when there is no memory. */
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

/** Swaps position i in: the position before it with the same hash, plus one, or 0. */
function swap(table: usize, hash: u32, i: u32): u32 {
  const at = table + slot(hash);
  const previous = load<u32>(at);
  store<u32>(at, i + 1);
  return previous;
}

function lengthAt(from: u32, i: u32, lengthMax: u32): u32 {
  let length: u32 = 0;
  while (length < lengthMax && word(from + length) == word(i + length)) length++;
  return length;
}

function keep(candidate: i32, from: u32, i: u32, length: u32): void {
  store<u32>(found + ((<usize>candidate) << 3), i - from);
  store<u32>(found + ((<usize>candidate) << 3), length, 4);
}

/** Looks at position i, up to `end`; positions must come in order, and those passed over need note(). */
export function findMatches(i: u32, end: u32): void {
  for (let c = 0; c < CANDIDATES; c++) store<u32>(found + ((<usize>c) << 3), 0, 4);
  const left = end - i;
  const a = word(i);
  const h1 = a * 0x9e37_79b1;
  let from = swap(singles, h1, i);
  if (from != 0) keep(0, from - 1, i, lengthAt(from - 1, i, left));
  const nearest = from;
  if (i + 1 >= count) return;
  const h2 = (h1 ^ word(i + 1)) * 0x85eb_ca6b;
  from = swap(pairs, h2, i);
  if (from != 0 && from != nearest) keep(1, from - 1, i, lengthAt(from - 1, i, left));
  if (i + 3 >= count) return;
  const h4 = (((h2 ^ word(i + 2)) * 0xc2b2_ae35) ^ word(i + 3)) * 0x9e37_79b1;
  from = swap(quads, h4, i);
  store<u32>(chain + ((<usize>i) << 2), from);
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
  if (i + 1 >= count) return;
  const h2 = (h1 ^ word(i + 1)) * 0x85eb_ca6b;
  swap(pairs, h2, i);
  if (i + 3 >= count) return;
  const h4 = (((h2 ^ word(i + 2)) * 0xc2b2_ae35) ^ word(i + 3)) * 0x9e37_79b1;
  store<u32>(chain + ((<usize>i) << 2), swap(quads, h4, i));
}

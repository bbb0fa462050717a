// Finds phrases: in each round, the most frequent pairs of neighbours become units of their own (byte-pair
// encoding, but with a whole set of pairs per round).
import { mark, release, reserve, reserveZeroed } from '../memory';
import { MATCH, PHRASE_TOKENS_MAX, SPECIALS } from '../registry/format';
import { MATCH_FLAG, setStream, setStreamLength, streamLength, streamUnit } from './corpus';
import { sortKeys } from './sort';
import { UNIT_BITS, UNIT_MASK } from './units';
import * as units from './units';

/** Minimum count of a pair that becomes a phrase. */
const PAIR_COUNT_MIN: u32 = 6;
/** Bits that a phrase must save over its parts, at order 0, to be tried at all. */
const SAVED_BITS_MIN: f64 = 8;
const COUNT_CAP: u32 = 0xffff;

// Pairs of a round: { left u32, right u32, count u32, unit u32 }, and a hash table of them.
const PAIR_BYTES: usize = 16;
let pairs: usize = 0;
let pairCount: u32 = 0;
let slots: usize = 0;
let slotsMask: u32 = 0;

/** Runs one round of at most `limit` new phrases; returns their number, or -1 if there is no memory. */
export function mergeRound(limit: u32): i32 {
  const scratch = mark();
  if (limit > units.phrasesLeft()) limit = units.phrasesLeft();
  const merged = choosePairs(limit) ? applyPairs() : -1;
  release(scratch);
  return merged;
}

function choosePairs(limit: u32): bool {
  const keys = reserve((<usize>streamLength) << 3);
  const other = reserve((<usize>streamLength) << 3);
  const totals = reserveZeroed((<usize>units.unitCount()) << 2);
  const histogram = reserveZeroed((<usize>(COUNT_CAP + 1)) << 2);
  if (!keys || !other || !totals || !histogram) return false;
  const keyCount = listPairs(keys, totals);
  const bits = <u32>UNIT_BITS + 32 - <u32>clz(units.unitCount());
  const sorted = sortKeys(keys, other, keyCount, bits);

  // Counts first how many pairs have each count, then takes those above the count that fits.
  let at: u32 = 0;
  while (at < keyCount) {
    const end = runEnd(sorted, at, keyCount);
    if (isCandidate(load<u64>(sorted + ((<usize>at) << 3)), end - at, totals)) {
      const bucket = histogram + ((<usize>cap(end - at)) << 2);
      store<u32>(bucket, load<u32>(bucket) + 1);
    }
    at = end;
  }
  let least = COUNT_CAP;
  let fitting: u32 = 0;
  while (least >= PAIR_COUNT_MIN && fitting + load<u32>(histogram + ((<usize>least) << 2)) <= limit) {
    fitting += load<u32>(histogram + ((<usize>least) << 2));
    least--;
  }
  let slotCount: u32 = 16;
  while (slotCount < fitting * 2) slotCount <<= 1;
  pairs = reserve(<usize>(fitting + 1) * PAIR_BYTES);
  slots = reserveZeroed((<usize>slotCount) << 2);
  if (!pairs || !slots) return false;
  slotsMask = slotCount - 1;
  pairCount = 0;
  at = 0;
  while (at < keyCount) {
    const end = runEnd(sorted, at, keyCount);
    const key = load<u64>(sorted + ((<usize>at) << 3));
    if (cap(end - at) > least && isCandidate(key, end - at, totals)) addPair(key, end - at);
    at = end;
  }
  return true;
}

function cap(count: u32): u32 {
  return count < COUNT_CAP ? count : COUNT_CAP;
}

/** Returns the unit at i in the stream; a match without the context after it. */
function unitAt(i: u32): u32 {
  const unit = streamUnit(i);
  return unit & MATCH_FLAG ? MATCH : unit;
}

/**
 * Lists the pairs of neighbours as keys, with repetitions of one unit counted without overlap; counts the
 * units.
 */
function listPairs(keys: usize, totals: usize): u32 {
  let keyCount: u32 = 0;
  let left = unitAt(0);
  let overlapped = false;
  for (let i: u32 = 0; i < streamLength; i++) {
    const total = totals + ((<usize>left) << 2);
    store<u32>(total, load<u32>(total) + 1);
    if (i + 1 == streamLength) break;
    const right = unitAt(i + 1);
    if (left >= SPECIALS && right >= SPECIALS) {
      overlapped = left == right && !overlapped && i > 0 && unitAt(i - 1) == left ? true : false;
      if (!overlapped) {
        store<u64>(keys + ((<usize>keyCount) << 3), ((<u64>left) << UNIT_BITS) | right);
        keyCount++;
      }
    } else {
      overlapped = false;
    }
    left = right;
  }
  return keyCount;
}

function runEnd(sorted: usize, at: u32, count: u32): u32 {
  const key = load<u64>(sorted + ((<usize>at) << 3));
  let end = at + 1;
  while (end < count && load<u64>(sorted + ((<usize>end) << 3)) == key) end++;
  return end;
}

function isCandidate(key: u64, count: u32, totals: usize): bool {
  if (count < PAIR_COUNT_MIN) return false;
  const left = <u32>(key >>> UNIT_BITS);
  const right = (<u32>key) & UNIT_MASK;
  if (units.unitLength(left) + units.unitLength(right) > PHRASE_TOKENS_MAX) return false;
  const expected =
    (<f64>load<u32>(totals + ((<usize>left) << 2)) * <f64>load<u32>(totals + ((<usize>right) << 2))) /
    <f64>streamLength;
  return <f64>count * Math.log2(<f64>count / expected) > SAVED_BITS_MIN;
}

function slotOf(left: u32, right: u32): u32 {
  const mixed = (left * 0x85eb_ca6b) ^ (right * 0x9e37_79b1);
  return mixed ^ (mixed >>> 14);
}

function addPair(key: u64, count: u32): void {
  const pair = pairs + <usize>pairCount * PAIR_BYTES;
  pairCount++;
  const left = <u32>(key >>> UNIT_BITS);
  const right = (<u32>key) & UNIT_MASK;
  store<u32>(pair, left);
  store<u32>(pair, right, 4);
  store<u32>(pair, count, 8);
  store<u32>(pair, 0, 12);
  let slot = slotOf(left, right) & slotsMask;
  while (load<u32>(slots + ((<usize>slot) << 2)) != 0) slot = (slot + 1) & slotsMask;
  store<u32>(slots + ((<usize>slot) << 2), <u32>pair);
}

/** Returns the chosen pair of these two units, or 0. */
function findPair(left: u32, right: u32): usize {
  if (left < SPECIALS || right < SPECIALS) return 0;
  let slot = slotOf(left, right) & slotsMask;
  while (true) {
    const pair = <usize>load<u32>(slots + ((<usize>slot) << 2));
    if (pair == 0 || (load<u32>(pair) == left && load<u32>(pair, 4) == right)) return pair;
    slot = (slot + 1) & slotsMask;
  }
}

/** Joins the chosen pairs from left to right; if two overlap, the more frequent one. */
function applyPairs(): i32 {
  const before = units.phraseCount;
  let to: u32 = 0;
  for (let i: u32 = 0; i < streamLength; i++) {
    const unit = streamUnit(i);
    const pair = i + 1 < streamLength ? findPair(unitAt(i), unitAt(i + 1)) : 0;
    if (pair != 0) {
      const next = i + 2 < streamLength ? findPair(unitAt(i + 1), unitAt(i + 2)) : 0;
      if (next == 0 || load<u32>(next, 8) <= load<u32>(pair, 8)) {
        if (load<u32>(pair, 12) == 0) {
          store<u32>(pair, units.addPhrase(unit, streamUnit(i + 1)), 12);
        }
        setStream(to++, load<u32>(pair, 12));
        i++;
        continue;
      }
    }
    setStream(to++, unit);
  }
  setStreamLength(to);
  return <i32>(units.phraseCount - before);
}

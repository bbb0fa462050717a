// Counts how often each unit follows each context in the stream.
import { reserve, reserveZeroed } from '../memory';
import { END, MATCH, UNSEEN } from '../registry/format';
import * as corpus from './corpus';
import { sortKeys } from './sort';
import { UNIT_BITS, UNIT_MASK } from './units';
import * as units from './units';

/** Table by context: its pairs are [start, start of the next). */
let starts: usize = 0;
/** Table by pair, sorted by context and unit: unit u32, count u32. */
let pairs: usize = 0;
/** f32 by pair: the part of its count that the context does not list. */
export let residuals: usize = 0;
export let pairCount: u32 = 0;
/** u32 by unit: its number of occurrences in the stream. */
let uses: usize = 0;

let keys: usize = 0;
let keyCount: u32 = 0;
let context: u32 = 0;

export function pairStart(ofContext: u32): u32 {
  return load<u32>(starts + ((<usize>ofContext) << 2));
}
export function pairUnit(pair: u32): u32 {
  return load<u32>(pairs + ((<usize>pair) << 3));
}
export function pairTimes(pair: u32): u32 {
  return load<u32>(pairs + ((<usize>pair) << 3), 4);
}
export function residual(pair: u32): f32 {
  return load<f32>(residuals + ((<usize>pair) << 2));
}
export function setResidual(pair: u32, value: f32): void {
  store<f32>(residuals + ((<usize>pair) << 2), value);
}

/**
 * Drops the phrases that are used less than `usesMin` times, and then the rarest until `phrasesMax` are left;
 * false if there is no memory.
 */
export function dropPhrases(usesMin: u32, phrasesMax: u32): bool {
  uses = reserveZeroed((<usize>units.unitCount()) << 2);
  if (uses == 0) return false;
  for (let i: u32 = 0; i < corpus.streamLength; i++) {
    const unit = corpus.streamUnit(i);
    if (unit & corpus.MATCH_FLAG) continue;
    const at = uses + ((<usize>unit) << 2);
    store<u32>(at, load<u32>(at) + 1);
  }
  let least = usesMin;
  while (true) {
    let left: u32 = 0;
    for (let unit = corpus.firstPhrase(); unit < units.unitCount(); unit++) {
      if (!units.isAlive(unit)) continue;
      if (load<u32>(uses + ((<usize>unit) << 2)) < least) units.drop(unit);
      else left++;
    }
    if (left <= phrasesMax) return true;
    least += 1 + (least >>> 3);
  }
}

/** Counts the pairs, with a dropped phrase as its parts; false if there is no memory. */
export function countPairs(): bool {
  // With phrases as tokens, the stream is never longer than the sample and its ends.
  const most = corpus.wordCount + corpus.segments;
  keys = reserve((<usize>most) << 3);
  const other = reserve((<usize>most) << 3);
  residuals = reserve((<usize>most) << 2);
  starts = reserveZeroed((<usize>(corpus.contexts() + 1)) << 2);
  if (!keys || !other || !residuals || !starts) return false;
  listKeys();
  const bits = <u32>UNIT_BITS + 32 - <u32>clz(corpus.contexts());
  const sorted = sortKeys(keys, other, keyCount, bits);
  pairs = sorted;
  pairCount = 0;
  let owner: u32 = 0;
  for (let at: u32 = 0; at < keyCount;) {
    const key = load<u64>(sorted + ((<usize>at) << 3));
    let end = at + 1;
    while (end < keyCount && load<u64>(sorted + ((<usize>end) << 3)) == key) end++;
    for (; owner <= <u32>(key >>> UNIT_BITS); owner++) store<u32>(starts + ((<usize>owner) << 2), pairCount);
    // A pair is written where a key was read before.
    const pair = pairs + ((<usize>pairCount) << 3);
    pairCount++;
    store<u32>(pair, (<u32>key) & UNIT_MASK);
    store<u32>(pair, end - at, 4);
    at = end;
  }
  for (; owner <= corpus.contexts(); owner++) store<u32>(starts + ((<usize>owner) << 2), pairCount);
  return true;
}

function listKeys(): void {
  keyCount = 0;
  context = corpus.startContext();
  for (let i: u32 = 0; i < corpus.streamLength; i++) {
    const unit = corpus.streamUnit(i);
    if (unit & corpus.MATCH_FLAG) {
      listKey(MATCH);
      context = unit & ~corpus.MATCH_FLAG;
    } else if (unit == END) {
      listKey(END);
      context = corpus.startContext();
    } else if (unit == UNSEEN) {
      listKey(UNSEEN);
      context = corpus.unseenContext();
    } else {
      listUnit(unit);
    }
  }
}

function listKey(unit: u32): void {
  store<u64>(keys + ((<usize>keyCount) << 3), ((<u64>context) << UNIT_BITS) | unit);
  keyCount++;
}

function listUnit(unit: u32): void {
  if (units.isAlive(unit)) {
    listKey(unit);
    context = units.contextAfter(unit);
  } else {
    listUnit(units.leftOf(unit));
    listUnit(units.rightOf(unit));
  }
}

/** Returns the address of the pair's unit; that of the next pair is 8 bytes further. */
export function unitsAt(pair: u32): usize {
  return pairs + ((<usize>pair) << 3);
}

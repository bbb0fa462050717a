// Order of a registry's definitions, and the rank of each symbol in its class, equal to the loader's.
import { reserve, reserveZeroed } from '../memory';
import * as format from '../registry/format';
import * as classes from './classes';
import * as corpus from './corpus';
import * as followers from './followers';
import { sortKeys } from './sort';
import * as units from './units';

/** u32 by unit: its definition, and its rank in its class. */
let definitions: usize = 0;
let ranks: usize = 0;
/** u8 by unit */
let weightCodes: usize = 0;
/** u32 by phrase definition */
let phraseOrder: usize = 0;
export let phraseTotal: u32 = 0;
export let poolTokens: u32 = 0;

export function rankOf(unit: u32): u32 {
  return load<u32>(ranks + ((<usize>unit) << 2));
}
/** Returns the code of the unit's weight. */
export function unitWeight(unit: u32): u32 {
  return load<u8>(weightCodes + unit);
}
/** Returns the phrase with definition k. */
export function phraseUnit(k: u32): u32 {
  return load<u32>(phraseOrder + ((<usize>k) << 2));
}

/** Returns the code of the weight nearest to four times `value`. */
export function weightCode(value: f32): u32 {
  const code = <i32>Math.round(2 * Math.log2(<f64>value)) + 4;
  return code < 0 ? 0 : code >= <i32>format.WEIGHT_CODES ? format.WEIGHT_CODES - 1 : <u32>code;
}

/** Orders the units that are alive; false if there is no memory. */
export function orderUnits(): bool {
  const count = units.unitCount();
  definitions = reserve((<usize>count) << 2);
  ranks = reserve((<usize>count) << 2);
  weightCodes = reserve(count);
  phraseOrder = reserve((<usize>count) << 2);
  const keys = reserve((<usize>count) << 3);
  const other = reserve((<usize>count) << 3);
  if (!definitions || !ranks || !weightCodes || !phraseOrder || !keys || !other) return false;
  for (let i: u32 = 0; i < corpus.tokens; i++) setDefinition(corpus.FIRST_TOKEN + i, i);
  phraseTotal = 0;
  poolTokens = 0;
  // A phrase's first part is shorter than it, so the parts' definitions are known before.
  let alive: u32 = 0;
  for (let unit = corpus.firstPhrase(); unit < count; unit++) {
    if (!units.isAlive(unit)) continue;
    store<u64>(keys + ((<usize>alive) << 3), ((<u64>units.unitLength(unit)) << units.UNIT_BITS) | unit);
    alive++;
  }
  const byLength = sortKeys(keys, other, alive, 29);
  const scratch = reserve((<usize>alive) << 3);
  const scratchOther = reserve((<usize>alive) << 3);
  if (alive > 0 && (!scratch || !scratchOther)) return false;
  for (let from: u32 = 0; from < alive;) {
    const length = load<u64>(byLength + ((<usize>from) << 3)) >>> units.UNIT_BITS;
    let end = from;
    for (; end < alive; end++) {
      const key = load<u64>(byLength + ((<usize>end) << 3));
      if (key >>> units.UNIT_BITS != length) break;
      const unit = (<u32>key) & units.UNIT_MASK;
      const first = definitionOf(firstPart(unit));
      store<u64>(scratch + ((<usize>(end - from)) << 3), ((<u64>first) << units.UNIT_BITS) | unit);
    }
    const sorted = sortKeys(scratch, scratchOther, end - from, 40);
    for (let k: u32 = 0; k < end - from; k++) {
      const unit = (<u32>load<u64>(sorted + ((<usize>k) << 3))) & units.UNIT_MASK;
      setDefinition(unit, corpus.tokens + phraseTotal);
      store<u32>(phraseOrder + ((<usize>phraseTotal) << 2), unit);
      phraseTotal++;
      poolTokens += <u32>length;
    }
    from = end;
  }
  return rankUnits();
}

function setDefinition(unit: u32, definition: u32): void {
  store<u32>(definitions + ((<usize>unit) << 2), definition);
  followers.setDefinitionUnit(definition, unit);
}

export function definitionOf(unit: u32): u32 {
  return load<u32>(definitions + ((<usize>unit) << 2));
}

function definitionTotal(): u32 {
  return corpus.tokens + phraseTotal;
}

function unitOf(definition: u32): u32 {
  if (definition < corpus.tokens) return corpus.FIRST_TOKEN + definition;
  return load<u32>(phraseOrder + ((<usize>(definition - corpus.tokens)) << 2));
}

/** Returns the first part of the phrase, as units that are alive. */
export function firstPart(unit: u32): u32 {
  let part = units.leftOf(unit);
  while (!units.isAlive(part)) part = units.leftOf(part);
  return part;
}

/** Ranks like the loader: by class, falling weight, definition. */
function rankUnits(): bool {
  const buckets = reserveZeroed((<usize>(format.CLASSES * format.WEIGHT_CODES)) << 2);
  if (buckets == 0) return false;
  for (let d: u32 = 0; d < definitionTotal(); d++) {
    const unit = unitOf(d);
    store<u8>(weightCodes + unit, weightCode(classes.unitTotal(unit)));
    const bucket = bucketOf(buckets, unit);
    store<u32>(bucket, load<u32>(bucket) + 1);
  }
  for (let c: u32 = 0; c < format.CLASSES; c++) {
    let sum: u32 = 0;
    for (let w: u32 = 0; w < format.WEIGHT_CODES; w++) {
      const bucket = buckets + ((<usize>(c * format.WEIGHT_CODES + w)) << 2);
      const size = load<u32>(bucket);
      store<u32>(bucket, sum);
      sum += size;
    }
  }
  for (let d: u32 = 0; d < definitionTotal(); d++) {
    const unit = unitOf(d);
    const bucket = bucketOf(buckets, unit);
    const rank = load<u32>(bucket);
    store<u32>(bucket, rank + 1);
    store<u32>(ranks + ((<usize>unit) << 2), rank);
  }
  for (let s: u32 = 0; s < format.SPECIALS; s++) store<u32>(ranks + ((<usize>s) << 2), 0);
  return true;
}

function bucketOf(buckets: usize, unit: u32): usize {
  const falling = format.WEIGHT_CODES - 1 - load<u8>(weightCodes + unit);
  return buckets + ((<usize>(classes.unitClass(unit) * format.WEIGHT_CODES + falling)) << 2);
}

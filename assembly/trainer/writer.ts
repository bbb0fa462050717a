// Writes the registry that the statistics ask for; loader.ts is its reader, docs/codec-format.md its
// description.
import * as coder from '../binary-coder';
import { mark, release, reserve, reserveZeroed } from '../memory';
import * as format from '../registry/format';
import * as classes from './classes';
import * as corpus from './corpus';
import * as followers from './followers';
import * as pairs from './pairs';
import { sortKeys } from './sort';
import * as units from './units';

/** Smoothing of the classes that follow a class, in occurrences. */
const CLASS_PRIOR: f32 = 20;

/** u32 by unit: its definition, and its rank in its class. */
let definitions: usize = 0;
let ranks: usize = 0;
/** u8 by unit */
let weightCodes: usize = 0;
/** u32 by phrase definition */
let phraseOrder: usize = 0;
let phraseTotal: u32 = 0;
let poolTokens: u32 = 0;

/** The code of the weight nearest to four times `value`. */
export function weightCode(value: f32): u32 {
  const code = <i32>Math.round(2 * Math.log2(<f64>value)) + 4;
  return code < 0 ? 0 : code >= <i32>format.WEIGHT_CODES ? format.WEIGHT_CODES - 1 : <u32>code;
}

/**
 * Writes the head and the coded part of registry `id` to [to, to + bytesMax); the bytes of the coded part,
 * or negative: no memory, or too long. The
 * tables of what a match or an unseen token is written with are u32 counts.
 */
export function writeRegistry(
  id: u32,
  to: usize,
  bytesMax: usize,
  matchShare: f32,
  distances: usize,
  lengths: usize,
  textLengths: usize,
  unseen: usize,
): i32 {
  const scratch = mark();
  const bytes = orderUnits()
    ? write(id, to, bytesMax, matchShare, distances, lengths, textLengths, unseen)
    : -1;
  release(scratch);
  return bytes;
}

function orderUnits(): bool {
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
  // A phrase's first part is shorter than it: within one length the parts' definitions are known.
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
function definitionOf(unit: u32): u32 {
  return load<u32>(definitions + ((<usize>unit) << 2));
}
function definitionTotal(): u32 {
  return corpus.tokens + phraseTotal;
}
function unitOf(definition: u32): u32 {
  if (definition < corpus.tokens) return corpus.FIRST_TOKEN + definition;
  return load<u32>(phraseOrder + ((<usize>(definition - corpus.tokens)) << 2));
}

/** The first of the units that are alive and spell the phrase. */
function firstPart(unit: u32): u32 {
  let part = units.leftOf(unit);
  while (!units.isAlive(part)) part = units.leftOf(part);
  return part;
}

/** Ranks as the loader does: by class, falling weight, definition. */
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

function write(
  id: u32,
  to: usize,
  bytesMax: usize,
  matchShare: f32,
  distances: usize,
  lengths: usize,
  textLengths: usize,
  unseen: usize,
): i32 {
  if (!coder.resetModels(format.MODELS)) return -1;
  store<u32>(to, format.MAGIC);
  store<u8>(to, format.FORMAT_VERSION, 4);
  store<u32>(to, id, 5);
  coder.startWriting(to + format.HEAD_BYTES, bytesMax - format.HEAD_BYTES);
  coder.writeNumber(format.MODEL_COUNTS, corpus.tokens);
  coder.writeNumber(format.MODEL_COUNTS, phraseTotal);
  coder.writeNumber(format.MODEL_COUNTS, followers.followerCount);
  coder.writeNumber(format.MODEL_COUNTS, poolTokens);
  coder.writeNumber(format.MODEL_COUNTS, corpus.textWords);
  writeTokens();
  writePhrases();
  if (!writeFixedTables(matchShare, distances, lengths, textLengths, unseen)) return -1;
  if (!writeFollowers()) return -1;
  const end = coder.finishWriting();
  if (coder.exhausted) return -2;
  const bytes = <u32>(end - to - format.HEAD_BYTES);
  store<u32>(to, bytes, 9);
  return <i32>bytes;
}

function writeClass(unit: u32, kind: i32): void {
  const c = classes.unitClass(unit);
  coder.writeTree(format.MODEL_CLASS + kind * <i32>format.CLASSES, format.CLASS_BITS, c);
  coder.writeTree(format.MODEL_WEIGHT + <i32>c * 64, format.WEIGHT_BITS, load<u8>(weightCodes + unit));
}

function writeTokens(): void {
  let next: u32 = 0;
  for (let i: u32 = 0; i < corpus.tokens; i++) {
    const token = load<u32>(corpus.tokenIds + ((<usize>i) << 2));
    coder.writeNumber(format.MODEL_TOKEN, token - next);
    next = token + 1;
    const unit = corpus.FIRST_TOKEN + i;
    writeClass(unit, 0);
    const model = format.MODEL_CONTEXT_CLASS + <i32>classes.unitClass(unit) * <i32>format.CLASSES;
    coder.writeTree(model, format.CLASS_BITS, classes.contextClass(i));
  }
  coder.writeRaw(classes.contextClass(corpus.startContext()), format.CLASS_BITS);
  coder.writeRaw(classes.contextClass(corpus.unseenContext()), format.CLASS_BITS);
}

function writePhrases(): void {
  let length: u32 = 2;
  let first: u32 = 0;
  for (let k: u32 = 0; k < phraseTotal; k++) {
    const unit = load<u32>(phraseOrder + ((<usize>k) << 2));
    const step = units.unitLength(unit) - length;
    coder.writeNumber(format.MODEL_PHRASE_LENGTH, step);
    if (step > 0) first = 0;
    length += step;
    const part = firstPart(unit);
    coder.writeNumber(format.MODEL_FIRST_PART, definitionOf(part) - first);
    first = definitionOf(part);
    writeParts(units.leftOf(unit), true);
    writeParts(units.rightOf(unit), false);
    writeClass(unit, 1);
  }
}

/** Writes the units alive that spell `unit`, but for the first where that is written already. */
function writeParts(unit: u32, skipFirst: bool): void {
  if (!units.isAlive(unit)) {
    writeParts(units.leftOf(unit), skipFirst);
    writeParts(units.rightOf(unit), false);
  } else if (!skipFirst) {
    coder.writeNumber(format.MODEL_PART, definitionOf(unit));
  }
}

function writeFixedTables(
  matchShare: f32,
  distances: usize,
  lengths: usize,
  textLengths: usize,
  unseen: usize,
): bool {
  const weights = reserve((<usize>(format.CLASSES * format.CLASSES)) << 2);
  if (weights == 0) return false;
  classes.classWeights(weights, CLASS_PRIOR, matchShare);
  for (let c: u32 = 0; c < format.CLASSES; c++) {
    for (let g: u32 = 0; g < format.CLASSES; g++) {
      const weight = load<f32>(weights + ((<usize>(c * format.CLASSES + g)) << 2));
      coder.writeTree(format.MODEL_TABLE + <i32>g * 64, format.WEIGHT_BITS, weightCode(16 * weight));
    }
  }
  writePlainTable(distances, format.DISTANCE_CODES);
  writePlainTable(lengths, format.LENGTH_CODES);
  writePlainTable(textLengths, format.LENGTH_CODES);
  writePlainTable(unseen, format.UNSEEN_CODES);
  return true;
}

function writePlainTable(counts: usize, count: u32): void {
  for (let i: u32 = 0; i < count; i++) {
    const weight = <f32>load<u32>(counts + ((<usize>i) << 2)) + 0.25;
    coder.writeRaw(weightCode(weight), format.WEIGHT_BITS);
  }
}

function writeFollowers(): bool {
  const keys = reserve((<usize>format.CONTEXT_FOLLOWERS_MAX) << 3);
  const other = reserve((<usize>format.CONTEXT_FOLLOWERS_MAX) << 3);
  if (!keys || !other) return false;
  for (let context: u32 = 0; context < corpus.contexts(); context++) {
    const from = pairs.pairStart(context);
    const to = pairs.pairStart(context + 1);
    let count: u32 = 0;
    let escape: f32 = 0.1;
    for (let p = from; p < to; p++) {
      escape += pairs.residual(p);
      if (!followers.isListed(p)) continue;
      const unit = pairs.pairUnit(p);
      const rank = load<u32>(ranks + ((<usize>unit) << 2));
      const place = ((<u64>((classes.unitClass(unit) << 20) | rank)) << 32) | p;
      store<u64>(keys + ((<usize>count) << 3), place);
      count++;
    }
    const c = <i32>classes.contextClass(context);
    coder.writeNumber(format.MODEL_FOLLOWERS + c * 64, count);
    if (count == 0) continue;
    coder.writeTree(format.MODEL_ESCAPE, format.WEIGHT_BITS, weightCode(escape));
    writeList(sortKeys(keys, other, count, 52 + format.CLASS_BITS), count, c);
  }
  return true;
}

function writeList(sorted: usize, count: u32, c: i32): void {
  const frequencies = format.MODEL_FREQUENCY + <i32>format.bitLength(count) * 64;
  let previous = format.CLASSES;
  let previousRank: u32 = 0;
  for (let k: u32 = 0; k < count; k++) {
    const key = load<u64>(sorted + ((<usize>k) << 3));
    const g = <u32>(key >>> 52);
    const rank = (<u32>(key >>> 32)) & 0xf_ffff;
    coder.writeTree(format.MODEL_FOLLOWER_CLASS + c * <i32>format.CLASSES, format.CLASS_BITS, g);
    if (g == previous) coder.writeNumber(format.MODEL_RANK_STEP + <i32>g * 64, rank - previousRank - 1);
    else coder.writeNumber(format.MODEL_RANK + <i32>g * 64, rank);
    previous = g;
    previousRank = rank;
    const times = <f32>pairs.pairTimes(<u32>key) - followers.DISCOUNT;
    coder.writeTree(frequencies, format.WEIGHT_BITS, weightCode(times));
  }
}

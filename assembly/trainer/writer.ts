// Writes a registry from the statistics; loader.ts is its reader, docs/formats/codec.md its description.
import * as coder from '../binary-coder';
import { mark, release, reserve } from '../memory';
import * as format from '../registry/format';
import * as classes from './classes';
import * as corpus from './corpus';
import * as followers from './followers';
import * as pairs from './pairs';
import {
  definitionOf,
  firstPart,
  orderUnits,
  phraseTotal,
  phraseUnit,
  poolTokens,
  rankOf,
  unitWeight,
  weightCode,
} from './order';
import { sortKeys } from './sort';
import * as units from './units';

/** Smoothing of the classes that follow a class, in occurrences. */
const CLASS_PRIOR: f32 = 20;

/**
 * Writes the head and the coded part of registry `id` to [to, to + bytesMax). Returns the bytes of the coded
 * part, or negative if there is no memory or it is too long. The tables of the codes of a match and of an
 * unseen token are u32 counts.
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
  coder.writeNumber(format.MODEL_COUNTS, corpus.textLe32);
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
  coder.writeTree(format.MODEL_WEIGHT + <i32>c * 64, format.WEIGHT_BITS, unitWeight(unit));
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
    const unit = phraseUnit(k);
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

/** Writes the units alive that make up `unit`, without the first if that is written already. */
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
      const rank = rankOf(unit);
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

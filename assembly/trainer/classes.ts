// Sorts units and contexts into classes, such that the class of a context says as much as it can of the
// class of what follows it (S. Martin, J. Liermann, H. Ney: the exchange algorithm, with two sides).
// Rare ones stay in classes of their own kind: from a few occurrences there is nothing to learn.
import { reserve, reserveZeroed } from '../memory';
import { CLASS_BITS, CLASSES, ORDINARY_CLASSES, SPECIALS, specialClass, MATCH } from '../registry/format';
import * as corpus from './corpus';
import * as pairs from './pairs';
import * as units from './units';

const RARE_WEIGHT: f32 = 4;
const RARE_TOKENS: u32 = ORDINARY_CLASSES - 1;
const RARE_PHRASES: u32 = ORDINARY_CLASSES - 2;
const RARE_CONTEXTS: u32 = CLASSES - 1;

/** By unit, and by context: its class u8. They live as long as the sample. */
let unitClasses: usize = 0;
let contextClasses: usize = 0;

// By unit, as the pairs are by context: starts, contexts, weights.
let unitStarts: usize = 0;
let unitContexts: usize = 0;
let unitWeights: usize = 0;
/** By unit, and by context: the sum of its residuals, f32. */
export let unitTotals: usize = 0;
let contextTotals: usize = 0;

/** f32 by class of the other side and own class; and their logarithms. */
const joint: usize = memory.data(<i32>(CLASSES * CLASSES * 4), 16);
const logs: usize = memory.data(<i32>(CLASSES * CLASSES * 4), 16);
const sums: usize = memory.data(<i32>(CLASSES * 4), 16);
const sumLogs: usize = memory.data(<i32>(CLASSES * 4), 16);
const scores: usize = memory.data(<i32>(CLASSES * 4), 16);
const shares: usize = memory.data(<i32>(CLASSES * 4), 16);

export function beginClasses(unitsMax: u32): bool {
  unitClasses = reserve(unitsMax);
  contextClasses = reserve(corpus.contexts());
  return unitClasses != 0 && contextClasses != 0;
}

export function unitClass(unit: u32): u32 {
  return load<u8>(unitClasses + unit);
}
export function contextClass(context: u32): u32 {
  return load<u8>(contextClasses + context);
}
export function unitTotal(unit: u32): f32 {
  return load<f32>(unitTotals + ((<usize>unit) << 2));
}

function at(table: usize, other: u32, own: u32): usize {
  return table + ((<usize>((other << CLASS_BITS) | own)) << 2);
}

/** Lays the residuals out by unit; false when there is no memory. Scratch lives until the caller releases. */
export function prepareClasses(): bool {
  const count = units.unitCount();
  unitStarts = reserveZeroed((<usize>(count + 2)) << 2);
  unitContexts = reserve((<usize>pairs.pairCount) << 2);
  unitWeights = reserve((<usize>pairs.pairCount) << 2);
  unitTotals = reserveZeroed((<usize>count) << 2);
  contextTotals = reserveZeroed((<usize>corpus.contexts()) << 2);
  if (!unitStarts || !unitContexts || !unitWeights || !unitTotals || !contextTotals) return false;
  for (let p: u32 = 0; p < pairs.pairCount; p++) {
    const slot = unitStarts + ((<usize>(pairs.pairUnit(p) + 2)) << 2);
    store<u32>(slot, load<u32>(slot) + 1);
  }
  for (let u: u32 = 2; u <= count + 1; u++) {
    const slot = unitStarts + ((<usize>u) << 2);
    store<u32>(slot, load<u32>(slot) + load<u32>(slot - 4));
  }
  for (let context: u32 = 0; context < corpus.contexts(); context++) {
    for (let p = pairs.pairStart(context); p < pairs.pairStart(context + 1); p++) {
      const unit = pairs.pairUnit(p);
      const slot = unitStarts + ((<usize>(unit + 1)) << 2);
      const place = load<u32>(slot);
      store<u32>(slot, place + 1);
      const weight = pairs.residual(p);
      store<u32>(unitContexts + ((<usize>place) << 2), context);
      store<f32>(unitWeights + ((<usize>place) << 2), weight);
      add(unitTotals, unit, weight);
      add(contextTotals, context, weight);
    }
  }
  return true;
}

function add(table: usize, index: u32, weight: f32): void {
  const slot = table + ((<usize>index) << 2);
  store<f32>(slot, load<f32>(slot) + weight);
}

/** Classes to begin with: the heaviest have one each, the others any. */
export function seedClasses(): void {
  const count = units.unitCount();
  for (let unit: u32 = 0; unit < count; unit++) store<u8>(unitClasses + unit, unit % RARE_PHRASES);
  for (let s: u32 = 0; s < SPECIALS; s++) store<u8>(unitClasses + s, specialClass(s));
  seedHeaviest(unitClasses, unitTotals, SPECIALS, count, RARE_PHRASES);
  const contexts = corpus.contexts();
  for (let c: u32 = 0; c < contexts; c++) store<u8>(contextClasses + c, c % RARE_CONTEXTS);
  seedHeaviest(contextClasses, contextTotals, 0, contexts, RARE_CONTEXTS);
}

function seedHeaviest(classes: usize, totals: usize, from: u32, to: u32, count: u32): void {
  let bound: f32 = f32.MAX_VALUE;
  let boundIndex: u32 = 0;
  for (let c: u32 = 0; c < count; c++) {
    // The next below the last one by (weight, then index): ties are ordered.
    let best: f32 = -1;
    let bestIndex = to;
    for (let i = from; i < to; i++) {
      const weight = load<f32>(totals + ((<usize>i) << 2));
      if (weight > bound || (weight == bound && i <= boundIndex)) continue;
      if (weight > best) {
        best = weight;
        bestIndex = i;
      }
    }
    if (bestIndex == to) return;
    store<u8>(classes + bestIndex, c);
    bound = best;
    boundIndex = bestIndex;
  }
}

/** Moves every unit, then every context, to the class that predicts best. */
export function sweep(): void {
  countJoint(true);
  for (let unit = SPECIALS; unit < units.unitCount(); unit++) {
    const from = load<u32>(unitStarts + ((<usize>unit) << 2));
    const to = load<u32>(unitStarts + ((<usize>unit) << 2), 4);
    if (unitTotal(unit) < RARE_WEIGHT) {
      store<u8>(unitClasses + unit, units.isPhrase(unit) ? RARE_PHRASES : RARE_TOKENS);
    } else {
      move(
        unitClasses + unit,
        unitContexts + ((<usize>from) << 2),
        4,
        unitWeights + ((<usize>from) << 2),
        to - from,
        contextClasses,
        ORDINARY_CLASSES,
      );
    }
  }
  countJoint(false);
  for (let context: u32 = 0; context < corpus.contexts(); context++) {
    const from = pairs.pairStart(context);
    const to = pairs.pairStart(context + 1);
    if (load<f32>(contextTotals + ((<usize>context) << 2)) < RARE_WEIGHT) {
      store<u8>(contextClasses + context, RARE_CONTEXTS);
    } else {
      move(
        contextClasses + context,
        pairs.unitsAt(from),
        8,
        pairs.residuals + ((<usize>from) << 2),
        to - from,
        unitClasses,
        CLASSES,
      );
    }
  }
}

/** Counts residuals by class of the other side and own class; the units' side is its own, or the contexts'. */
function countJoint(ofUnits: bool): void {
  memory.fill(joint, 0, CLASSES * CLASSES * 4);
  memory.fill(sums, 0, CLASSES * 4);
  for (let context: u32 = 0; context < corpus.contexts(); context++) {
    const c = contextClass(context);
    for (let p = pairs.pairStart(context); p < pairs.pairStart(context + 1); p++) {
      const u = unitClass(pairs.pairUnit(p));
      const weight = pairs.residual(p);
      add(joint, ofUnits ? (c << CLASS_BITS) | u : (u << CLASS_BITS) | c, weight);
      add(sums, ofUnits ? u : c, weight);
    }
  }
  for (let i: u32 = 0; i < CLASSES * CLASSES; i++) setLog(logs, joint, i, 0.3);
  for (let i: u32 = 0; i < CLASSES; i++) setLog(sumLogs, sums, i, 1);
}

function setLog(table: usize, values: usize, index: u32, plus: f32): void {
  const value = load<f32>(values + ((<usize>index) << 2));
  store<f32>(table + ((<usize>index) << 2), log2((value > 0 ? value : 0) + plus));
}

/** The logarithm to 1/1000: the exponent, and a polynomial for the mantissa. */
function log2(value: f32): f32 {
  const bits = reinterpret<u32>(value);
  const exponent = <f32>(<i32>(bits >>> 23) - 127);
  const m = reinterpret<f32>((bits & 0x7f_ffff) | 0x3f80_0000);
  return exponent + (((-0.0825 * m + 0.646) * m - 2.1267) * m + 4.0742) * m - 2.5115;
}

/** Moves one item, which meets `count` of the other side, u32 each `stride` bytes, to its best class. */
function move(
  item: usize,
  others: usize,
  stride: usize,
  weights: usize,
  count: u32,
  otherClasses: usize,
  classes: u32,
): void {
  memory.fill(shares, 0, CLASSES * 4);
  let total: f32 = 0;
  for (let k: u32 = 0; k < count; k++) {
    const weight = load<f32>(weights + ((<usize>k) << 2));
    add(shares, load<u8>(otherClasses + load<u32>(others + <usize>k * stride)), weight);
    total += weight;
  }
  // The item is taken out of its class before the classes compare.
  const old = <u32>load<u8>(item);
  shift(old, -1, total);
  for (let g: usize = 0; g < CLASSES; g += 4) {
    const start = f32x4.mul(f32x4.splat(-total), v128.load(sumLogs + (g << 2)));
    v128.store(scores + (g << 2), start);
  }
  for (let o: u32 = 0; o < CLASSES; o++) {
    const share = load<f32>(shares + ((<usize>o) << 2));
    if (share == 0) continue;
    const factor = f32x4.splat(share);
    const row = at(logs, o, 0);
    for (let g: usize = 0; g < 4 * CLASSES; g += 16) {
      v128.store(scores + g, f32x4.add(v128.load(scores + g), f32x4.mul(factor, v128.load(row + g))));
    }
  }
  let best = old;
  for (let g: u32 = 0; g < classes; g++) {
    if (load<f32>(scores + ((<usize>g) << 2)) > load<f32>(scores + ((<usize>best) << 2))) best = g;
  }
  store<u8>(item, best);
  shift(best, 1, total);
}

/** Adds the item's shares to a class, or takes them away. */
function shift(own: u32, sign: f32, total: f32): void {
  for (let o: u32 = 0; o < CLASSES; o++) {
    const share = load<f32>(shares + ((<usize>o) << 2));
    if (share == 0) continue;
    add(joint, (o << CLASS_BITS) | own, sign * share);
    setLog(logs, joint, (o << CLASS_BITS) | own, 0.3);
  }
  add(sums, own, sign * total);
  setLog(sumLogs, sums, own, 1);
}

/**
 * The weight of each class after each context class, f32 by context class and class, smoothed by
 * `prior` occurrences. A first model has seen no matches yet: it is given `matchShare` of them.
 */
export function classWeights(to: usize, prior: f32, matchShare: f32): void {
  countJoint(true);
  let all: f32 = 0;
  for (let u: u32 = 0; u < CLASSES; u++) all += load<f32>(sums + ((<usize>u) << 2));
  for (let c: u32 = 0; c < CLASSES; c++) {
    let total: f32 = 0;
    for (let u: u32 = 0; u < CLASSES; u++) total += load<f32>(at(joint, c, u));
    for (let u: u32 = 0; u < CLASSES; u++) {
      let weight = load<f32>(at(joint, c, u)) + (prior * load<f32>(sums + ((<usize>u) << 2))) / (all + 1);
      if (u == specialClass(MATCH)) weight += matchShare * total;
      store<f32>(at(to, c, u), weight);
    }
  }
}

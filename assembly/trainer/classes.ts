// Sorts units and contexts into classes, so that a context's class predicts the class of its follower as well
// as possible (S. Martin, J. Liermann, H. Ney: the exchange algorithm, with two sides). Rare ones stay in
// classes of their own kind: a few occurrences are too few to learn from.
import { reserve, reserveZeroed } from '../memory';
import {
  CLASSES,
  CLASS_SYMBOLS_MAX,
  ORDINARY_CLASSES,
  SPECIALS,
  specialClass,
  MATCH,
} from '../registry/format';
import {
  add,
  at,
  classTotal,
  clearCounts,
  countPair,
  jointWeight,
  move,
  takeLogarithms,
} from './class-scores';
import * as corpus from './corpus';
import * as pairs from './pairs';
import * as units from './units';

const RARE_WEIGHT: f32 = 4;
const RARE_TOKENS: u32 = ORDINARY_CLASSES - 1;
const RARE_PHRASES: u32 = ORDINARY_CLASSES - 2;
const RARE_CONTEXTS: u32 = CLASSES - 1;

/** Classes, u8, by unit and by context. They live as long as the sample. */
let unitClasses: usize = 0;
let contextClasses: usize = 0;

// Index by unit, as the pairs are by context: starts, contexts, weights.
let unitStarts: usize = 0;
let unitContexts: usize = 0;
let unitWeights: usize = 0;
/** Sum of the residuals by unit, and by context, f32. */
export let unitTotals: usize = 0;
let contextTotals: usize = 0;

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

/**
 * Lays the residuals out by unit; false if there is no memory. Scratch lives until the caller releases it.
 */
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

/** Sets the initial classes: the heaviest items have one each, the others any. */
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
    // The next one below the last by (weight, then index): ties are ordered.
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

/** Moves items from a class that is too large to the next one that has room. */
export function boundClasses(): void {
  const members = reserveZeroed(4 * <usize>ORDINARY_CLASSES);
  for (let unit = SPECIALS; unit < units.unitCount(); unit++) {
    if (!units.isAlive(unit)) continue;
    let c = unitClass(unit);
    while (load<u32>(members + ((<usize>c) << 2)) == CLASS_SYMBOLS_MAX) c = (c + 1) % ORDINARY_CLASSES;
    store<u32>(members + ((<usize>c) << 2), load<u32>(members + ((<usize>c) << 2)) + 1);
    store<u8>(unitClasses + unit, c);
  }
}

/** Counts residuals by class of the other side and own class; the own side is the units' or the contexts'. */
function countJoint(ofUnits: bool): void {
  clearCounts();
  for (let context: u32 = 0; context < corpus.contexts(); context++) {
    const c = contextClass(context);
    for (let p = pairs.pairStart(context); p < pairs.pairStart(context + 1); p++) {
      const u = unitClass(pairs.pairUnit(p));
      if (ofUnits) countPair(c, u, pairs.residual(p));
      else countPair(u, c, pairs.residual(p));
    }
  }
  takeLogarithms();
}

/**
 * Writes the weight of each class after each context class, f32 by context class and class, smoothed by
 * `prior` occurrences. A first model has seen no matches yet: it is given `matchShare` of them.
 */
export function classWeights(to: usize, prior: f32, matchShare: f32): void {
  countJoint(true);
  let all: f32 = 0;
  for (let u: u32 = 0; u < CLASSES; u++) all += classTotal(u);
  for (let c: u32 = 0; c < CLASSES; c++) {
    let total: f32 = 0;
    for (let u: u32 = 0; u < CLASSES; u++) total += jointWeight(c, u);
    for (let u: u32 = 0; u < CLASSES; u++) {
      let weight = jointWeight(c, u) + (prior * classTotal(u)) / (all + 1);
      if (u == specialClass(MATCH)) weight += matchShare * total;
      store<f32>(at(to, c, u), weight);
    }
  }
}

// Chooses the followers that a context lists: those that save more bits than they cost in the registry.
import * as costs from '../costs';
import * as listedContexts from '../listed';
import { reserve } from '../memory';
import * as format from '../registry/format';
import * as records from '../registry/records';
import * as tables from '../registry/tables';
import * as corpus from './corpus';
import * as pairs from './pairs';

/** Count subtracted from each follower in favour of unseen ones (absolute discounting). */
export const DISCOUNT: f32 = 0.85;
const TIMES_MIN: u32 = 2;
/** Bits that a follower has to save on the sample to be listed. */
let bitsMin: f64 = 0;
/** Approximate bits of an escape. */
const ESCAPE_BITS: f64 = 1.5;

/** u8 by pair: set if the context lists its unit. */
let listed: usize = 0;
export let followerCount: u32 = 0;
/** u32 by unit: its symbol in the loaded registry; 0: none. */
let symbols: usize = 0;

export function isListed(pair: u32): bool {
  return load<u8>(listed + pair) != 0;
}

/** u32 by definition of the loaded registry: its unit; 0 while none is loaded. */
let definitionUnits: usize = 0;
let unitsMax: u32 = 0;

export function beginFollowers(most: u32, savedBitsMin: f64): bool {
  bitsMin = savedBitsMin;
  unitsMax = most;
  definitionUnits = reserve((<usize>most) << 2);
  symbols = reserve((<usize>most) << 2);
  return definitionUnits != 0 && symbols != 0;
}

export function setDefinitionUnit(definition: u32, unit: u32): void {
  store<u32>(definitionUnits + ((<usize>definition) << 2), unit);
}

/** Returns the unit of a symbol of the loaded registry. */
export function symbolUnit(symbol: u32): u32 {
  if (symbol < format.SPECIALS) return symbol;
  return load<u32>(definitionUnits + ((<usize>records.definitionOf(symbol)) << 2));
}

/** Maps symbols to units; to be called once the registry is loaded. */
export function mapSymbols(): void {
  memory.fill(symbols, 0, (<usize>unitsMax) << 2);
  for (let s: u32 = 0; s < tables.symbols; s++) store<u32>(symbols + ((<usize>symbolUnit(s)) << 2), s);
}

/**
 * Chooses the followers, by the costs of the loaded registry if there is one, and leaves the residuals; false
 * if there is no memory.
 */
export function chooseFollowers(haveCosts: bool): bool {
  listed = reserve(pairs.pairCount);
  if (listed == 0 && pairs.pairCount > 0) return false;
  followerCount = 0;
  for (let context: u32 = 0; context < corpus.contexts(); context++) {
    const from = pairs.pairStart(context);
    const to = pairs.pairStart(context + 1);
    let total: u32 = 0;
    for (let p = from; p < to; p++) total += pairs.pairTimes(p);
    let count: u32 = 0;
    for (let p = from; p < to; p++) {
      const keep = pairs.pairTimes(p) >= TIMES_MIN && (!haveCosts || pays(context, p, total));
      store<u8>(listed + p, keep);
      count += <u32>keep;
    }
    for (let least: u32 = TIMES_MIN + 1; count > limit(); least++) {
      for (let p = from; p < to; p++) {
        if (!isListed(p) || pairs.pairTimes(p) >= least) continue;
        store<u8>(listed + p, 0);
        count--;
      }
    }
    followerCount += count;
    for (let p = from; p < to; p++) {
      pairs.setResidual(p, isListed(p) ? DISCOUNT : <f32>pairs.pairTimes(p));
    }
  }
  return true;
}

function limit(): u32 {
  const left = format.FOLLOWERS_MAX - followerCount;
  return left < format.CONTEXT_FOLLOWERS_MAX ? left : format.CONTEXT_FOLLOWERS_MAX;
}

function pays(context: u32, pair: u32, total: u32): bool {
  const unit = pairs.pairUnit(pair);
  const symbol = load<u32>(symbols + ((<usize>unit) << 2));
  const unlisted = ESCAPE_BITS + <f64>costs.unlistedCost(listedContexts.recordOf(context), symbol) / 256;
  const times = <f64>pairs.pairTimes(pair);
  const own = Math.log2(<f64>total / (times - DISCOUNT));
  return times * (unlisted - own) > bitsMin;
}

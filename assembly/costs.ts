// Costs of the encoder's choices, in 1/256 bit.
import * as listed from './listed';
import { reserve, reserveForGood } from './memory';
import * as format from './registry/format';
import * as tables from './registry/tables';

const UNIT: f64 = 256;
/**
 * Table by symbol { its class u8; its cost within the class u24; its share of the class: first slot u16,
 * slots u16, zeros if it is alone }.
 */
let symbols: usize = 0;
/** u16 by share of a table of followers. */
let shareCosts: usize = 0;
// u16 by value.
let classCosts: usize = 0; // u16 by context class, by class.
let distanceCosts: usize = 0;
let lengthCosts: usize = 0;
let textLengthCosts: usize = 0;
let unseenCosts: usize = 0;
/** Results of lengthCost() for lengths 1 to SHORT_LENGTHS, u32 each in a row. */
export let shortLengthCosts: usize = 0;
export const SHORT_LENGTHS: u32 = 18;

function costOfShare(share: u32, bits: u32): u32 {
  return <u32>Math.round((<f64>bits - Math.log2(<f64>share)) * UNIT);
}

function costOf(context: u32, value: u32): u32 {
  return costOfShare(tables.slotCount(tables.lastSlotAt(context, value)), tables.slotBits(context));
}

/** Prepares the costs of the loaded registry; false if there is no memory. */
export function prepareCosts(): bool {
  if (!listed.prepareListed() || !prepareShares() || !prepareSymbols() || !prepareFixed()) return false;
  prepareContexts();
  return true;
}

function prepareShares(): bool {
  shareCosts = reserve(2 * ((<usize>1) << format.TABLE_BITS));
  if (shareCosts == 0) return false;
  for (let share: u32 = 1; share < 1 << format.TABLE_BITS; share++) {
    setCost(shareCosts, share, costOfShare(share, format.TABLE_BITS));
  }
  return true;
}

function prepareSymbols(): bool {
  symbols = reserveForGood((<usize>tables.symbols) << 3);
  if (symbols == 0) return false;
  for (let s: u32 = 0; s < format.SPECIALS; s++) setSymbol(s, format.specialClass(s), 0, 0);
  for (let c: u32 = 0; c < format.ORDINARY_CLASSES; c++) {
    const first = tables.firstOfClass(c);
    const count = tables.classSize(c);
    if (count == 1) setSymbol(first, c, 0, 0);
    for (let i: u32 = 0; count > 1 && i < count; i++) {
      const last = tables.lastSlotAt(tables.memberTable(c), i);
      const slots = tables.slotCount(last);
      setSymbol(first + i, c, costOfShare(slots, format.MEMBER_BITS), tables.firstSlot(last) | (slots << 16));
    }
  }
  return true;
}

function setSymbol(symbol: u32, c: u32, cost: u32, share: u32): void {
  store<u32>(symbolAt(symbol), c | (cost << 8));
  store<u32>(symbolAt(symbol), share, 4);
}

function prepareFixed(): bool {
  classCosts = reserve(2 * <usize>(format.CLASSES * format.CLASSES));
  distanceCosts = reserve(2 * <usize>format.DISTANCE_CODES);
  lengthCosts = reserve(2 * <usize>format.LENGTH_CODES);
  textLengthCosts = reserve(2 * <usize>format.LENGTH_CODES);
  unseenCosts = reserve(2 * <usize>format.UNSEEN_CODES);
  shortLengthCosts = reserve(((<usize>SHORT_LENGTHS + 3) & ~3) << 2);
  if (!classCosts || !distanceCosts || !lengthCosts || !textLengthCosts || !unseenCosts || !shortLengthCosts)
    return false;
  for (let c: u32 = 0; c < format.CLASSES; c++) {
    for (let g: u32 = 0; g < format.CLASSES; g++)
      setCost(classCosts, c * format.CLASSES + g, costOf(tables.classTable(c), tables.classValue(g)));
  }
  for (let b: u32 = 0; b < format.DISTANCE_CODES; b++)
    setCost(distanceCosts, b, costOf(tables.distanceTable(), b) + (b << 8));
  for (let code: u32 = 0; code < format.LENGTH_CODES; code++) {
    const raw = format.lengthBits(code) << 8;
    setCost(lengthCosts, code, costOf(tables.lengthTable(), code) + raw);
    setCost(textLengthCosts, code, costOf(tables.textLengthTable(), code) + raw);
  }
  for (let length: u32 = 1; length <= SHORT_LENGTHS; length++)
    store<u32>(shortLengthCosts + ((<usize>(length - 1)) << 2), lengthCost(length));
  for (let b: u32 = 0; b < format.UNSEEN_CODES; b++) {
    setCost(unseenCosts, b, costOf(tables.unseenTable(), b) + (b == 0 ? 0 : (b - 1) << 8));
  }
  return true;
}

function prepareContexts(): void {
  for (let context: u32 = 0; context <= tables.unseenContext(); context++) {
    const record = listed.recordOf(context);
    const slots = listed.escapeSlots(record);
    listed.setEscapeCost(record, slots == 0 ? 0 : shareCost(slots));
    listed.setMatchCost(record, symbolCost(record, format.MATCH));
  }
}

function setCost(costs: usize, value: u32, cost: u32): void {
  store<u16>(costs + ((<usize>value) << 1), cost);
}

/** Returns the cost of a symbol in a context; `record` is listed.recordOf(context). */
export function symbolCost(record: usize, symbol: u32): u32 {
  const follower = listed.find(record, symbol);
  if (follower != 0) return shareCost(listed.slotsOf(follower));
  return listed.escapeCost(record) + unlistedCost(record, symbol);
}

/**
 * Returns the same cost without a branch that is hard to predict: slower if the result is needed at once,
 * faster if it is not.
 */
export function symbolCostStraight(record: usize, symbol: u32): u32 {
  const slots = listed.findSlots(record, symbol);
  const unlisted = listed.escapeCost(record) + unlistedCost(record, symbol);
  return select<u32>(shareCost(slots), unlisted, slots);
}

/** Returns the cost of a symbol by its class, after the escape. */
export function unlistedCost(record: usize, symbol: u32): u32 {
  const own = load<u32>(symbolAt(symbol));
  const pair = listed.contextClass(record) * format.CLASSES + (own & 0xff);
  return <u32>load<u16>(classCosts + ((<usize>pair) << 1)) + (own >>> 8);
}

function symbolAt(symbol: u32): usize {
  return symbols + ((<usize>symbol) << 3);
}
export function classOf(symbol: u32): u32 {
  return load<u8>(symbolAt(symbol));
}
/**
 * Returns a symbol's share of its class: the first slot in the lower half, the slots in the upper; 0 if it is
 * alone.
 */
export function shareInClass(symbol: u32): u32 {
  return load<u32>(symbolAt(symbol), 4);
}

function shareCost(slots: u32): u32 {
  return load<u16>(shareCosts + ((<usize>slots) << 1));
}

export function distanceCost(distance: u32): u32 {
  return load<u16>(distanceCosts + ((<usize>(31 - <u32>clz(distance))) << 1));
}
export function lengthCost(length: u32): u32 {
  return load<u16>(lengthCosts + ((<usize>format.lengthCode(length)) << 1));
}
export function textLengthCost(length: u32): u32 {
  return load<u16>(textLengthCosts + ((<usize>format.lengthCode(length)) << 1));
}

/** Returns the cost of the codes and bits after UNSEEN. */
export function unseenCost(token: u32): u32 {
  return load<u16>(unseenCosts + ((<usize>format.bitLength(token)) << 1));
}

// What each choice of the encoder costs, in 1/256 bit, and where a context lists a follower.
import { reserve, reserveForGood, reserveZeroed } from './memory';
import * as format from './registry/format';
import * as records from './registry/records';
import * as tables from './registry/tables';

const UNIT: f64 = 256;
/** No value. */
export const UNLISTED: u32 = 0xffff_ffff;

/**
 * By context { where its own table's last slots begin u32, bytes of these u16, cost of the escape u16 }; zeros where
 * no followers are listed.
 */
let ownTables: usize = 0;
/** Listed followers, open addressing by context and symbol: the address of the last slot u32. */
let followers: usize = 0;
let followerSlots: u32 = 0;
/** u32 by symbol: its class in the low byte, and what it costs within that. */
let symbolCosts: usize = 0;
/** u16 by share of a table of followers. */
let shareCosts: usize = 0;
/** u16 by context: what a match costs there, before its distance and length. */
let matchCosts: usize = 0;
// u16 by value.
let classCosts: usize = 0; // by context class, by class
let distanceCosts: usize = 0;
let lengthCosts: usize = 0;
let textLengthCosts: usize = 0;
let unseenCosts: usize = 0;

function costOfShare(share: u32, bits: u32): u32 {
  return <u32>Math.round((<f64>bits - Math.log2(<f64>share)) * UNIT);
}

function costOf(context: u32, value: u32): u32 {
  return costOfShare(tables.slotCount(tables.lastSlotAt(context, value)), tables.slotBits(context));
}

/** Prepares the costs of the registry that is loaded; false when there is no memory. */
export function prepareCosts(): bool {
  return prepareFollowers() && prepareSymbols() && prepareFixed() && prepareMatches();
}

function prepareFollowers(): bool {
  const contexts = tables.unseenContext() + 1;
  ownTables = reserveForGood((<usize>contexts) << 3);
  if (ownTables == 0) return false;
  memory.fill(ownTables, 0, (<usize>contexts) << 3);
  let listed: u32 = 0;
  for (let context: u32 = 0; context < contexts; context++) {
    if (!tables.listsFollowers(context)) continue;
    const count = tables.valueCount(context);
    listed += count - 1;
    const own = ownTable(context);
    store<u32>(own, <u32>tables.lastSlotAt(context, 0));
    store<u16>(own, count << 1, 4);
    store<u16>(own, costOf(context, escapeOf(context)), 6);
  }
  followerSlots = listed + (listed >>> 1) + 1;
  followers = reserveZeroed((<usize>followerSlots) << 2);
  shareCosts = reserve(2 * ((<usize>1) << format.TABLE_BITS));
  if (!followers || !shareCosts) return false;
  for (let share: u32 = 1; share < 1 << format.TABLE_BITS; share++) {
    setCost(shareCosts, share, costOfShare(share, format.TABLE_BITS));
  }
  for (let context: u32 = 0; context < contexts; context++) {
    const own = ownTable(context);
    const table = <usize>load<u32>(own);
    for (let at: u32 = 0; at < load<u16>(own, 4); at += 2) {
      const value = at >>> 1;
      if (value == escapeOf(context)) continue;
      let slot = slotOf(table, records.symbolOf(tables.recordAt(context, value)));
      while (load<u32>(slot) != 0) slot = after(slot);
      store<u32>(slot, <u32>tables.lastSlotAt(context, value));
    }
  }
  return true;
}

function prepareSymbols(): bool {
  symbolCosts = reserveForGood((<usize>tables.symbols) << 2);
  if (symbolCosts == 0) return false;
  for (let s: u32 = 0; s < format.SPECIALS; s++) setSymbolCost(s, format.specialClass(s), 0);
  for (let c: u32 = 0; c < format.ORDINARY_CLASSES; c++) {
    const first = tables.firstOfClass(c);
    const count = tables.classSize(c);
    for (let i: u32 = 0; i < count; i++)
      setSymbolCost(first + i, c, count == 1 ? 0 : costOf(tables.memberTable(c), i));
  }
  return true;
}

function setSymbolCost(symbol: u32, c: u32, cost: u32): void {
  store<u32>(symbolCosts + ((<usize>symbol) << 2), c | (cost << 8));
}

function prepareFixed(): bool {
  classCosts = reserve(2 * <usize>(format.CLASSES * format.CLASSES));
  distanceCosts = reserve(2 * <usize>format.DISTANCE_CODES);
  lengthCosts = reserve(2 * <usize>format.LENGTH_CODES);
  textLengthCosts = reserve(2 * <usize>format.LENGTH_CODES);
  unseenCosts = reserve(2 * <usize>format.UNSEEN_CODES);
  if (!classCosts || !distanceCosts || !lengthCosts || !textLengthCosts || !unseenCosts) return false;
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
  for (let b: u32 = 0; b < format.UNSEEN_CODES; b++) {
    setCost(unseenCosts, b, costOf(tables.unseenTable(), b) + (b == 0 ? 0 : (b - 1) << 8));
  }
  return true;
}

function prepareMatches(): bool {
  const contexts = tables.unseenContext() + 1;
  matchCosts = reserveForGood((<usize>contexts) << 1);
  if (matchCosts == 0) return false;
  for (let context: u32 = 0; context < contexts; context++) {
    setCost(matchCosts, context, symbolCost(context, format.MATCH));
  }
  return true;
}

function setCost(costs: usize, value: u32, cost: u32): void {
  store<u16>(costs + ((<usize>value) << 1), cost);
}

function ownTable(context: u32): usize {
  return ownTables + ((<usize>context) << 3);
}

function slotOf(table: usize, symbol: u32): usize {
  const mixed = (<u32>(table >>> 2) * 0x85eb_ca6b) ^ (symbol * 0x9e37_79b1);
  const slot = <u32>((<u64>((mixed ^ (mixed >>> 14)) * 0x9e37_79b1) * followerSlots) >>> 32);
  return followers + ((<usize>slot) << 2);
}

function after(slot: usize): usize {
  return slot + 4 < followers + ((<usize>followerSlots) << 2) ? slot + 4 : followers;
}

/** Where the last slot is of the symbol in the context's own table, or 0. */
function findFollower(context: u32, symbol: u32): usize {
  const own = ownTable(context);
  const table = <usize>load<u32>(own);
  if (table == 0) return 0;
  const bytes = <usize>load<u16>(own, 4);
  const record = <u32>records.recordOf(symbol);
  let slot = slotOf(table, symbol);
  while (true) {
    const last = <usize>load<u32>(slot);
    if (last == 0) return 0;
    if (last - table < bytes && load<u32>(tables.recordSlot(context, last)) == record) return last;
    slot = after(slot);
  }
}

/** The value that stands for what the context's own table does not list: the first, but for END. */
export function escapeOf(context: u32): u32 {
  return records.symbolOf(tables.recordAt(context, 0)) == format.END ? 1 : 0;
}

/** The value by which the context's own table lists the symbol, or UNLISTED. */
export function valueOf(context: u32, symbol: u32): u32 {
  const last = findFollower(context, symbol);
  return last == 0 ? UNLISTED : <u32>((last - <usize>load<u32>(ownTable(context))) >>> 1);
}

export function symbolCost(context: u32, symbol: u32): u32 {
  const last = findFollower(context, symbol);
  if (last != 0) return load<u16>(shareCosts + ((<usize>tables.slotCount(last)) << 1));
  return <u32>load<u16>(ownTable(context), 6) + unlistedCost(context, symbol);
}

/** What a symbol costs by its class, after the escape. */
export function unlistedCost(context: u32, symbol: u32): u32 {
  const own = load<u32>(symbolCosts + ((<usize>symbol) << 2));
  const pair = tables.contextClass(context) * format.CLASSES + (own & 0xff);
  return <u32>load<u16>(classCosts + ((<usize>pair) << 1)) + (own >>> 8);
}

/** What symbolCost() says of MATCH, which is asked at almost every token. */
export function matchCost(context: u32): u32 {
  return load<u16>(matchCosts + ((<usize>context) << 1));
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

export function unseenCost(context: u32, token: u32): u32 {
  const own = load<u16>(unseenCosts + ((<usize>format.bitLength(token)) << 1));
  return symbolCost(context, format.UNSEEN) + <u32>own;
}

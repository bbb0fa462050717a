// What each choice of the encoder costs, in 1/256 bit, and where a context lists a follower.
import { reserve, reserveZeroed } from './memory';
import * as format from './registry/format';
import * as tables from './registry/tables';

const UNIT: f64 = 256;
/** A block of so few entries is looked through, and not in the table of followers. */
const SHORT_BYTES: usize = 12 * 4;

const shareCosts: usize = reserve(((<usize>1) << format.TABLE_BITS) * 2 + 2); // u16 by share of a table
let symbolCosts: usize = 0; // u16 by symbol, within its class
let followers: usize = 0; // u32 address of an entry, open addressing by context and symbol
let followerSlots: u32 = 0;

function costOf(share: u32, bits: u32): u32 {
  return <u32>Math.round((<f64>bits - Math.log2(<f64>share)) * UNIT);
}

/** Prepares the costs of the registry that is loaded; false when there is no memory. */
export function prepareCosts(): bool {
  let listed: u32 = 0;
  for (let context: u32 = 0; context <= tables.unseenContext(); context++) {
    const count = tables.entryCount(tables.blockOf(context));
    if ((<usize>count) << 2 > SHORT_BYTES) listed += count;
  }
  followerSlots = listed + (listed >>> 1) + 1;
  symbolCosts = reserve((<usize>tables.symbols) << 1);
  followers = reserveZeroed((<usize>followerSlots) << 2);
  if (!symbolCosts || !followers) return false;
  for (let share: u32 = 1; share <= 1 << format.TABLE_BITS; share++) {
    store<u16>(shareCosts + ((<usize>share) << 1), costOf(share, format.TABLE_BITS));
  }
  for (let context: u32 = 0; context <= tables.unseenContext(); context++) {
    const block = tables.blockOf(context);
    const first = tables.firstEntry(block);
    const bytes = (<usize>tables.entryCount(block)) << 2;
    if (bytes <= SHORT_BYTES) continue;
    const end = first + bytes;
    for (let entry = first + 4; entry < end; entry += 4) list(block, entry);
  }
  for (let s: u32 = 0; s < format.SPECIALS; s++) store<u16>(symbolCosts + ((<usize>s) << 1), 0);
  for (let s = format.SPECIALS; s < tables.symbols; s++) {
    const position = s + classOf(s);
    const share = tables.symbolStart(position + 1) - tables.symbolStart(position);
    store<u16>(symbolCosts + ((<usize>s) << 1), costOf(share, format.SYMBOL_BITS));
  }
  return true;
}

export function classOf(symbol: u32): u32 {
  return load<u8>(tables.symbolRecord(symbol), 12);
}

function slotOf(block: usize, symbol: u32): u32 {
  const mixed = (<u32>(block >>> 2) * 0x85eb_ca6b) ^ (symbol * 0x9e37_79b1);
  return <u32>((<u64>((mixed ^ (mixed >>> 14)) * 0x9e37_79b1) * followerSlots) >>> 32);
}

function after(slot: u32): u32 {
  return slot + 1 < followerSlots ? slot + 1 : 0;
}

function list(block: usize, entry: usize): void {
  let slot = slotOf(block, tables.entrySymbol(entry));
  while (load<u32>(followers + ((<usize>slot) << 2)) != 0) slot = after(slot);
  store<u32>(followers + ((<usize>slot) << 2), <u32>entry);
}

/** The entry at which the block lists the symbol, or 0. */
export function findFollower(block: usize, symbol: u32): usize {
  const first = tables.firstEntry(block);
  if (first == 0) return 0;
  const bytes = (<usize>tables.entryCount(block)) << 2;
  if (bytes <= SHORT_BYTES) {
    for (let entry = first + 4; entry < first + bytes; entry += 4) {
      if (tables.entrySymbol(entry) == symbol) return entry;
    }
    return 0;
  }
  let slot = slotOf(block, symbol);
  while (true) {
    const entry = <usize>load<u32>(followers + ((<usize>slot) << 2));
    if (entry == 0) return 0;
    if (entry - first < bytes && tables.entrySymbol(entry) == symbol) return entry;
    slot = after(slot);
  }
}

export function entryCost(entry: usize): u32 {
  return load<u16>(shareCosts + ((<usize>(tables.entryStart(entry + 4) - tables.entryStart(entry))) << 1));
}

/** Of a value in one of the fixed tables. */
export function tableCost(context: u32, value: u32): u32 {
  return entryCost(tables.firstEntry(tables.blockOf(context)) + ((<usize>value) << 2));
}

/** What a symbol that the block does not list costs before its class. */
export function escapeCost(block: usize): u32 {
  const first = tables.firstEntry(block);
  return first == 0 ? 0 : entryCost(first);
}

export function symbolCost(block: usize, symbol: u32): u32 {
  const entry = findFollower(block, symbol);
  if (entry != 0) return entryCost(entry);
  return escapeCost(block) + unlistedCost(block, symbol);
}

/** What a symbol costs by its class, after the escape. */
export function unlistedCost(block: usize, symbol: u32): u32 {
  const table = tables.classTable(tables.blockClass(block));
  return tableCost(table, classOf(symbol)) + load<u16>(symbolCosts + ((<usize>symbol) << 1));
}

export function bitsCost(bits: u32): u32 {
  return bits << 8;
}

export function unseenCost(block: usize, token: u32): u32 {
  const bits = format.bitLength(token);
  const raw = bits == 0 ? 0 : bits - 1;
  return symbolCost(block, format.UNSEEN) + tableCost(tables.unseenTable(), bits) + bitsCost(raw);
}

// What each choice of the encoder costs, in 1/256 bit, and where a context lists a follower.
import { reserve, reserveZeroed } from './memory';
import * as format from './registry/format';
import * as tables from './registry/tables';

const UNIT: f64 = 256;

let entryCosts: usize = 0; // u16 by entry
let symbolCosts: usize = 0; // u16 by symbol, within its class
let followers: usize = 0; // u32 address of an entry, open addressing by context and symbol
let followersMask: u32 = 0;

function costOf(share: u32, bits: u32): u32 {
  return <u32>Math.round((<f64>bits - Math.log2(<f64>share)) * UNIT);
}

/** Prepares the costs of the registry that is loaded; false when there is no memory. */
export function prepareCosts(): bool {
  let listed: u32 = 0;
  const contexts = tables.contextCount();
  for (let context: u32 = 0; context <= tables.unseenContext(); context++) {
    listed += tables.entryCount(tables.blockOf(context));
  }
  let slots: u32 = 16;
  while (slots < listed + (listed >>> 1)) slots <<= 1;
  entryCosts = reserve((tables.blocksEnd - tables.blocks) >>> 1);
  symbolCosts = reserve((<usize>tables.symbols) << 1);
  followers = reserveZeroed((<usize>slots) << 2);
  followersMask = slots - 1;
  if (!entryCosts || !symbolCosts || !followers) return false;
  for (let context: u32 = 0; context < contexts; context++) {
    const block = tables.blockOf(context);
    const first = tables.firstEntry(block);
    if (first == 0) continue;
    const end = first + ((<usize>tables.entryCount(block)) << 2);
    for (let entry = first; entry < end; entry += 4) {
      const share = tables.entryStart(entry + 4) - tables.entryStart(entry);
      store<u16>(costAt(entry), costOf(share, format.TABLE_BITS));
      if (context <= tables.unseenContext() && entry > first) list(block, entry);
    }
  }
  for (let s: u32 = 0; s < format.SPECIALS; s++) store<u16>(symbolCosts + ((<usize>s) << 1), 0);
  for (let s = format.SPECIALS; s < tables.symbols; s++) {
    const position = s + classOf(s);
    const share = tables.symbolStart(position + 1) - tables.symbolStart(position);
    store<u16>(symbolCosts + ((<usize>s) << 1), costOf(share, format.SYMBOL_BITS));
  }
  return true;
}

/** Entries lie 4 bytes apart, costs 2. */
function costAt(entry: usize): usize {
  return entryCosts + ((entry - tables.blocks) >>> 1);
}

export function classOf(symbol: u32): u32 {
  return load<u8>(tables.symbolRecord(symbol), 12);
}

function slotOf(block: usize, symbol: u32): u32 {
  const mixed = (<u32>(block >>> 2) * 0x85eb_ca6b) ^ (symbol * 0x9e37_79b1);
  return mixed ^ (mixed >>> 14);
}

function list(block: usize, entry: usize): void {
  let slot = slotOf(block, tables.entrySymbol(entry)) & followersMask;
  while (load<u32>(followers + ((<usize>slot) << 2)) != 0) slot = (slot + 1) & followersMask;
  store<u32>(followers + ((<usize>slot) << 2), <u32>entry);
}

/** The entry at which the block lists the symbol, or 0. */
export function findFollower(block: usize, symbol: u32): usize {
  const first = tables.firstEntry(block);
  if (first == 0) return 0;
  const bytes = (<usize>tables.entryCount(block)) << 2;
  let slot = slotOf(block, symbol) & followersMask;
  while (true) {
    const entry = <usize>load<u32>(followers + ((<usize>slot) << 2));
    if (entry == 0) return 0;
    if (entry - first < bytes && tables.entrySymbol(entry) == symbol) return entry;
    slot = (slot + 1) & followersMask;
  }
}

export function entryCost(entry: usize): u32 {
  return load<u16>(costAt(entry));
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

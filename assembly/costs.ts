// What each choice of the encoder costs, in 1/256 bit, and where a context lists a follower.
import { reserve, reserveZeroed } from './memory';
import * as format from './registry/format';
import * as tables from './registry/tables';

const UNIT: f64 = 256;

let entryCosts: usize = 0; // u16 by entry
let symbolCosts: usize = 0; // u16 by symbol, within its class
let followers: usize = 0; // u32 entry + 1, open addressing by context and symbol
let followersMask: u32 = 0;

function costOf(share: u32, bits: u32): u32 {
  return <u32>Math.round((<f64>bits - Math.log2(<f64>share)) * UNIT);
}

/** Prepares the costs of the registry that is loaded; false when there is no memory. */
export function prepareCosts(): bool {
  let entries: u32 = 0;
  let listed: u32 = 0;
  const contexts = tables.contextCount();
  for (let context: u32 = 0; context < contexts; context++) {
    const record = tables.contextRecord(context);
    if (tables.recordFirst(record) == tables.NONE) continue;
    const end = tables.recordFirst(record) + tables.recordFollowers(record) + 1;
    if (end > entries) entries = end;
    if (context <= tables.unseenContext()) listed += tables.recordFollowers(record);
  }
  let slots: u32 = 16;
  while (slots < listed + (listed >>> 1)) slots <<= 1;
  entryCosts = reserve((<usize>entries) << 1);
  symbolCosts = reserve((<usize>tables.symbols) << 1);
  followers = reserveZeroed((<usize>slots) << 2);
  followersMask = slots - 1;
  if (!entryCosts || !symbolCosts || !followers) return false;
  for (let context: u32 = 0; context < contexts; context++) {
    const record = tables.contextRecord(context);
    const first = tables.recordFirst(record);
    if (first == tables.NONE) continue;
    for (let entry = first; entry < first + tables.recordFollowers(record); entry++) {
      const share = tables.entryStart(entry + 1) - tables.entryStart(entry);
      store<u16>(entryCosts + ((<usize>entry) << 1), costOf(share, format.TABLE_BITS));
      if (context <= tables.unseenContext() && entry > first) list(record, entry);
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

export function classOf(symbol: u32): u32 {
  return load<u8>(tables.symbolRecord(symbol), 12);
}

function slotOf(record: usize, symbol: u32): u32 {
  const mixed = (<u32>(record >>> 4) * 0x85eb_ca6b) ^ (symbol * 0x9e37_79b1);
  return mixed ^ (mixed >>> 14);
}

function list(record: usize, entry: u32): void {
  let slot = slotOf(record, tables.entrySymbol(entry)) & followersMask;
  while (load<u32>(followers + ((<usize>slot) << 2)) != 0) slot = (slot + 1) & followersMask;
  store<u32>(followers + ((<usize>slot) << 2), entry + 1);
}

/** The entry at which the context lists the symbol, or NONE. */
export function findFollower(record: usize, symbol: u32): u32 {
  const first = tables.recordFirst(record);
  if (first == tables.NONE) return tables.NONE;
  const count = tables.recordFollowers(record);
  let slot = slotOf(record, symbol) & followersMask;
  while (true) {
    const entry = load<u32>(followers + ((<usize>slot) << 2)) - 1;
    if (entry == tables.NONE) return tables.NONE;
    if (entry - first < count && tables.entrySymbol(entry) == symbol) return entry;
    slot = (slot + 1) & followersMask;
  }
}

export function entryCost(entry: u32): u32 {
  return load<u16>(entryCosts + ((<usize>entry) << 1));
}

/** Of a value in one of the fixed tables. */
export function tableCost(context: u32, value: u32): u32 {
  return entryCost(tables.recordFirst(tables.contextRecord(context)) + value);
}

/** What a symbol that the context does not list costs before its class. */
export function escapeCost(record: usize): u32 {
  const first = tables.recordFirst(record);
  return first == tables.NONE ? 0 : entryCost(first);
}

export function symbolCost(record: usize, symbol: u32): u32 {
  const entry = findFollower(record, symbol);
  if (entry != tables.NONE) return entryCost(entry);
  return escapeCost(record) + unlistedCost(record, symbol);
}

/** What a symbol costs by its class, after the escape. */
export function unlistedCost(record: usize, symbol: u32): u32 {
  const table = tables.classTable(tables.recordClass(record));
  return tableCost(table, classOf(symbol)) + load<u16>(symbolCosts + ((<usize>symbol) << 1));
}

export function bitsCost(bits: u32): u32 {
  return bits << 8;
}

export function unseenCost(record: usize, token: u32): u32 {
  const bits = format.bitLength(token);
  const raw = bits == 0 ? 0 : bits - 1;
  return symbolCost(record, format.UNSEEN) + tableCost(tables.unseenTable(), bits) + bitsCost(raw);
}

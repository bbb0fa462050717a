// A loaded registry: who follows whom, and how often. Filled by loader.ts, read by encoder and decoder.
//
// A context record tells what comes after one token: 16 bytes { first u32, index u32, followers u16,
// shift u8, class u8, unused u32 }. `first` is the entry at which its followers begin, or NONE.
// An entry is a symbol (u32) and where its share of the 2^12 slots begins (u16); after the last
// follower a sentinel begins at 2^12. `index` is the address of u16 shortcuts into them.
// A symbol record tells what a symbol stands for: 16 bytes { tokens address u32, length u32, context
// record of its last token u32, class u8, definition u24 }.
import { CLASSES, TABLE_BITS } from './format';

export const NONE: u32 = 0xffff_ffff;
/** Among the followers: something that is not listed, by class. */
export const ESCAPE: u32 = 0xffff_fffe;
export const RECORD_BYTES: usize = 16;

export let registryId: u32 = 0;
export let tokens: u32 = 0;
export let symbols: u32 = 0;
export let contexts: usize = 0;
export let entrySymbols: usize = 0;
export let entryStarts: usize = 0;
export let symbolRecords: usize = 0;
/** Of class c: its symbols are [classFirst[c], classFirst[c + 1]). */
export let classFirst: usize = 0;
/** u32 by symbol + class (a sentinel ends each class): where its share of the 2^20 slots begins. */
export let symbolStarts: usize = 0;
/** Of class c: { address of u32 shortcuts u32, shift u32 }. */
export let classIndexes: usize = 0;
/** Raw token (u32) to its index: open addressing of { token u32, index + 1 u32 }. */
export let tokenMap: usize = 0;
export let tokenMapMask: u32 = 0;

export function setIdentity(id: u32, tokenCount: u32, symbolCount: u32): void {
  registryId = id;
  tokens = tokenCount;
  symbols = symbolCount;
}

export function setContexts(address: usize): void {
  contexts = address;
}

export function setEntries(symbolsAddress: usize, startsAddress: usize): void {
  entrySymbols = symbolsAddress;
  entryStarts = startsAddress;
}

export function setSymbols(records: usize, first: usize, starts: usize, indexes: usize): void {
  symbolRecords = records;
  classFirst = first;
  symbolStarts = starts;
  classIndexes = indexes;
}

export function setTokenMap(address: usize, mask: u32): void {
  tokenMap = address;
  tokenMapMask = mask;
}

/** Contexts are the tokens by index, then these. */
export function startContext(): u32 {
  return tokens;
}
export function unseenContext(): u32 {
  return tokens + 1;
}
/** The table of the classes that follow a context of class `c`. */
export function classTable(c: u32): u32 {
  return tokens + 2 + c;
}
export function distanceTable(): u32 {
  return tokens + 2 + CLASSES;
}
export function lengthTable(): u32 {
  return tokens + 3 + CLASSES;
}
export function unseenTable(): u32 {
  return tokens + 4 + CLASSES;
}
export function contextCount(): u32 {
  return tokens + 5 + CLASSES;
}

export function contextRecord(context: u32): usize {
  return contexts + <usize>context * RECORD_BYTES;
}
export function recordFirst(record: usize): u32 {
  return load<u32>(record);
}
export function recordFollowers(record: usize): u32 {
  return load<u16>(record, 8);
}
export function recordClass(record: usize): u32 {
  return load<u8>(record, 11);
}

export function entrySymbol(entry: u32): u32 {
  return load<u32>(entrySymbols + ((<usize>entry) << 2));
}
export function entryStart(entry: u32): u32 {
  return load<u16>(entryStarts + ((<usize>entry) << 1));
}

/** The entry of the context's table in whose share `slot` lies. */
export function findEntry(record: usize, slot: u32): u32 {
  const index = <usize>load<u32>(record, 4);
  let entry = load<u32>(record) + <u32>load<u16>(index + ((<usize>(slot >>> load<u8>(record, 10))) << 1));
  while (entryStart(entry + 1) <= slot) entry++;
  return entry;
}

export function symbolRecord(symbol: u32): usize {
  return symbolRecords + <usize>symbol * RECORD_BYTES;
}
export function firstOfClass(c: u32): u32 {
  return load<u32>(classFirst + ((<usize>c) << 2));
}
export function symbolStart(position: u32): u32 {
  return load<u32>(symbolStarts + ((<usize>position) << 2));
}

/** The symbol of class `c` in whose share `slot` lies; the class must not be empty. */
export function findSymbol(c: u32, slot: u32): u32 {
  const index = classIndexes + ((<usize>c) << 3);
  let symbol = load<u32>(<usize>load<u32>(index) + ((<usize>(slot >>> load<u32>(index, 4))) << 2));
  while (symbolStart(symbol + c + 1) <= slot) symbol++;
  return symbol;
}

export function hashToken(token: u32): u32 {
  const mixed = token * 0x9e37_79b1;
  return mixed ^ (mixed >>> 15);
}

/** The index of a raw token, or that of the unseen context. */
export function tokenIndex(token: u32): u32 {
  let slot = hashToken(token) & tokenMapMask;
  while (true) {
    const at = tokenMap + ((<usize>slot) << 3);
    const index = load<u32>(at, 4);
    if (index == 0) return unseenContext();
    if (load<u32>(at) == token) return index - 1;
    slot = (slot + 1) & tokenMapMask;
  }
}

/** Bits of a table's slots that choose a shortcut, for a table of `count` entries. */
export function shortcutBits(count: u32): u32 {
  if (count <= 4) return 0;
  const bits: u32 = 32 - <u32>clz(count - 1);
  return bits < TABLE_BITS ? bits : TABLE_BITS;
}

/** Which definition of the registry the symbol is: tokens by index, then phrases in their order. */
export function symbolDefinition(symbol: u32): u32 {
  return load<u32>(symbolRecord(symbol), 12) >>> 8;
}

// A loaded registry: who follows whom, and how often. Filled by loader.ts, read by encoder and decoder.
//
// A block tells what comes after one context: { entries u32, followers u16, shift u8, class u8 }, then
// u16 shortcuts, then entries. `entries` is the address of the first, or 0 when nothing is listed. An
// entry (u32) is where its share of the 2^12 slots begins, in the upper 12 bits, and a symbol; they rise,
// and SENTINEL ends them. A shortcut is the number of the entry at which 2^shift slots begin.
// A symbol record tells what a symbol stands for: 16 bytes { address of its tokens u32, length u32, block
// of its last token u32, class u8, definition u24 }.
import { CLASSES, TABLE_BITS } from './format';

/** Among the followers: something that is not listed, by class. */
export const ESCAPE: u32 = 0xf_fffe;
export const SENTINEL: u32 = 0xffff_ffff;
export const ENTRY_SYMBOL_BITS: u32 = 20;
export const BLOCK_HEAD_BYTES: usize = 8;
export const RECORD_BYTES: usize = 16;
/** No symbol. */
export const NONE: u32 = 0xffff_ffff;

export let registryId: u32 = 0;
export let tokens: u32 = 0;
export let symbols: u32 = 0;
/** u32 by context: its block. */
export let contexts: usize = 0;
/** All blocks, in a row. */
export let blocks: usize = 0;
export let blocksEnd: usize = 0;
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

/** The tokens that matches may reach before the segment, as words: [text, textEnd). */
export let text: usize = 0;
export let textEnd: usize = 0;

export function setText(from: usize, to: usize): void {
  text = from;
  textEnd = to;
}

export function setIdentity(id: u32, tokenCount: u32, symbolCount: u32): void {
  registryId = id;
  tokens = tokenCount;
  symbols = symbolCount;
}

export function setContexts(address: usize): void {
  contexts = address;
}

export function setBlocks(from: usize, to: usize): void {
  blocks = from;
  blocksEnd = to;
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
/** The same for matches of the text. */
export function textLengthTable(): u32 {
  return tokens + 4 + CLASSES;
}
export function unseenTable(): u32 {
  return tokens + 5 + CLASSES;
}
export function contextCount(): u32 {
  return tokens + 6 + CLASSES;
}

export function blockOf(context: u32): usize {
  return load<u32>(contexts + ((<usize>context) << 2));
}
/** The address of the first entry, or 0. */
export function firstEntry(block: usize): usize {
  return load<u32>(block);
}
/** Entries of the block, the escape among them. */
export function entryCount(block: usize): u32 {
  return load<u16>(block, 4);
}
export function blockClass(block: usize): u32 {
  return load<u8>(block, 7);
}

export function entrySymbol(entry: usize): u32 {
  return load<u32>(entry) & ((1 << ENTRY_SYMBOL_BITS) - 1);
}
export function entryStart(entry: usize): u32 {
  const word = load<u32>(entry);
  return word == SENTINEL ? (<u32>1) << TABLE_BITS : word >>> ENTRY_SYMBOL_BITS;
}

/** The entry of the block in whose share `slot` lies; there must be entries. */
export function findEntry(block: usize, slot: u32): usize {
  const shortcut = block + BLOCK_HEAD_BYTES + ((<usize>(slot >>> load<u8>(block, 6))) << 1);
  let entry = <usize>load<u32>(block) + ((<usize>load<u16>(shortcut)) << 2);
  const last = (slot << ENTRY_SYMBOL_BITS) | ESCAPE;
  while (load<u32>(entry, 4) <= last) entry += 4;
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

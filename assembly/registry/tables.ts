// A loaded registry: how often each symbol follows each context. Filled by the loader, read by encoder and
// decoder.
//
// A table maps each of a state's 2^bits slots to a value. It begins with u16 shortcuts, one for each 2^shift
// slots: the offset, from the table's address, of the last slot of the value at which they begin. No such
// stride spans more than WINDOW values. Then -1, as if a share had ended before the first, and i16 by value:
// its last slot. Then u32 by value: the address of its record (see records.ts), or 0.
//
// A link to a table is 12 bytes { its address u32; the number to which twice the address of a last slot is
// added to get the address of the record's u32; 2^bits - 1 u16; shift u8; bits u8 }. Each context has a link,
// and so has each record.
import { CLASSES } from './format';

/** Number of values that two vectors of last slots distinguish. */
export const WINDOW: u32 = 16;

export const LINK_BYTES: usize = 12;
export const TABLE: usize = 0;
export const RECORDS: usize = 4;
export const MASK: usize = 8;
export const SHIFT: usize = 10;
export const BITS: usize = 11;

export let registryId: u32 = 0;
export let tokens: u32 = 0;
export let symbols: u32 = 0;
/** Table by context: the link to its table, or to its class's table if it lists no followers. */
let links: usize = 0;
/** u8 by context: its class. */
let contextClasses: usize = 0;
/** First symbol by class: class c has the symbols [classFirst[c], classFirst[c + 1]). */
let classFirst: usize = 0;
/** Index of a raw token (u32): open addressing of { token u32, index + 1 u32 }. */
export let tokenMap: usize = 0;
export let tokenMapMask: u32 = 0;

/** Tokens before the segment that matches may reach, as words: [text, textEnd). */
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

export function setContexts(address: usize, classes: usize): void {
  links = address;
  contextClasses = classes;
}

export function setClasses(first: usize): void {
  classFirst = first;
}

export function setTokenMap(address: usize, mask: u32): void {
  tokenMap = address;
  tokenMapMask = mask;
}

/** Numbers of contexts: the tokens by index, then these. */
export function startContext(): u32 {
  return tokens;
}
export function unseenContext(): u32 {
  return tokens + 1;
}
/** Returns the table of the classes that follow a context of class `c`. */
export function classTable(c: u32): u32 {
  return tokens + 2 + c;
}
/** Returns the table of the symbols of class `c`; there is none if it has fewer than two. */
export function memberTable(c: u32): u32 {
  return tokens + 2 + CLASSES + c;
}
export function distanceTable(): u32 {
  return tokens + 2 + 2 * CLASSES;
}
export function lengthTable(): u32 {
  return tokens + 3 + 2 * CLASSES;
}
/** Returns the table of the lengths of matches in the text. */
export function textLengthTable(): u32 {
  return tokens + 4 + 2 * CLASSES;
}
export function unseenTable(): u32 {
  return tokens + 5 + 2 * CLASSES;
}
export function contextCount(): u32 {
  return tokens + 6 + 2 * CLASSES;
}

export function linkOf(context: u32): usize {
  return links + <usize>context * LINK_BYTES;
}
export function contextClass(context: u32): u32 {
  return load<u8>(contextClasses + context);
}
export function listsFollowers(context: u32): bool {
  return load<u32>(linkOf(context)) != load<u32>(linkOf(classTable(contextClass(context))));
}

export function firstOfClass(c: u32): u32 {
  return load<u32>(classFirst + ((<usize>c) << 2));
}
export function classSize(c: u32): u32 {
  return firstOfClass(c + 1) - firstOfClass(c);
}

/**
 * Returns the value of a class in the tables of classes: the class of END, the last one, is the first value.
 */
export function classValue(c: u32): u32 {
  return (c + 1) % CLASSES;
}

/** Returns the bits of a context's table, which has 2^bits slots. */
export function slotBits(context: u32): u32 {
  return load<u8>(linkOf(context), BITS);
}
/** Returns the address of the last slot of a value of a context's table. */
export function lastSlotAt(context: u32, value: u32): usize {
  const link = linkOf(context);
  const bits = load<u8>(link, BITS) - load<u8>(link, SHIFT);
  const shortcuts = (<usize>1) << bits;
  return <usize>load<u32>(link, TABLE) + ((shortcuts + 1 + <usize>value) << 1);
}
/** Returns the location of the address of the record whose value has its last slot at `last`. */
export function recordSlot(context: u32, last: usize): usize {
  return <usize>load<u32>(linkOf(context), RECORDS) + (last << 1);
}
export function recordAt(context: u32, value: u32): usize {
  return load<u32>(recordSlot(context, lastSlotAt(context, value)));
}
export function valueCount(context: u32): u32 {
  let count: u32 = 1;
  const last = load<u16>(linkOf(context), MASK);
  while (load<u16>(lastSlotAt(context, count - 1)) != last) count++;
  return count;
}
/**
 * Returns the first slot of the value whose last one is at `last`; the next function their number, which is
 * never all.
 */
export function firstSlot(last: usize): u32 {
  return <u32>load<i16>(last - 2) + 1;
}
export function slotCount(last: usize): u32 {
  return <u32>load<i16>(last) - <u32>load<i16>(last - 2);
}

export function hashToken(token: u32): u32 {
  const mixed = token * 0x9e37_79b1;
  return mixed ^ (mixed >>> 15);
}

/** Returns the index of a raw token, or that of the unseen context. */
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

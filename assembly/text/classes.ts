// Classes of code points: what the patterns of tokenizers distinguish. The host gives the table, which is
// that of one version of Unicode for good: ids must not change with the program that runs this.
import { reserve } from '../memory';

/** Bits of a class. A code point may have several. */
export const LETTER: u32 = 1;
export const NUMBER: u32 = 2;
export const SPACE: u32 = 4;
/** Lu, Lt, Lm, Lo, M: what may begin a word in mixed case. */
export const UPPER: u32 = 8;
/** Ll, Lm, Lo, M: what may go on with it. */
export const LOWER: u32 = 16;
export const MARK: u32 = 32;
/** P, S. */
export const SIGN: u32 = 64;
/** The ranges of Han and kana that DeepSeek's tokenizers split off. */
export const HAN: u32 = 128;

const CODE_POINTS: u32 = 0x11_0000;

/** u8 by code point. */
let table: usize = 0;
/** Code point that classOf() read last, and its bytes. */
export let codePoint: u32 = 0;
export let size: u32 = 0;

/** Takes runs in order: the code point at which each ends, u32, and its class, u32. False: no memory. */
export function setClasses(runs: usize, count: u32): bool {
  table = reserve(CODE_POINTS);
  if (table == 0) return false;
  let from: u32 = 0;
  for (const end = runs + ((<usize>count) << 3); runs < end; runs += 8) {
    const to = load<u32>(runs);
    assert(to > from && to <= CODE_POINTS);
    memory.fill(table + from, load<u8>(runs, 4), to - from);
    from = to;
  }
  assert(from == CODE_POINTS);
  return true;
}

/** Returns the class of the code point at `at`, which is valid UTF-8; sets codePoint and size. */
export function classOf(at: usize): u32 {
  const lead: u32 = load<u8>(at);
  if (lead < 0x80) {
    size = 1;
    codePoint = lead;
    return load<u8>(table + lead);
  }
  return classOfLong(at, lead);
}

function classOfLong(at: usize, lead: u32): u32 {
  const second = (<u32>load<u8>(at, 1)) & 0x3f;
  if (lead < 0xe0) {
    codePoint = ((lead & 0x1f) << 6) | second;
    size = 2;
  } else if (lead < 0xf0) {
    codePoint = ((lead & 0xf) << 12) | (second << 6) | ((<u32>load<u8>(at, 2)) & 0x3f);
    size = 3;
  } else {
    const third = (<u32>load<u8>(at, 2)) & 0x3f;
    codePoint = ((lead & 7) << 18) | (second << 12) | (third << 6) | ((<u32>load<u8>(at, 3)) & 0x3f);
    size = 4;
  }
  return load<u8>(table + codePoint);
}

/** Returns where the code points with any of these bits end. */
export function endOf(at: usize, end: usize, bits: u32): usize {
  while (at < end && (classOf(at) & bits) != 0) at += size;
  return at;
}

/** Returns where the code points with none of these bits end. */
export function endOfOthers(at: usize, end: usize, bits: u32): usize {
  while (at < end && (classOf(at) & bits) == 0) at += size;
  return at;
}

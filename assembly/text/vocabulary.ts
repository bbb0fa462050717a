// Tokens of a tokenizer: their bytes, and the table that finds a token by its bytes.
import { reserve } from '../memory';

/** No token. */
export const NONE: u32 = 0xffff_ffff;
/** Bytes that may be read behind any token and any text. */
export const ROOM: u32 = 16;

/** Ids are below this. */
export let count: u32 = 0;
/** Bytes of all tokens, one after the other, and u32 by id: where they begin, with one more at the end. */
let bytes: usize = 0;
let starts: usize = 0;
/** u8 by id: 0; 1 if text never becomes this token; or OF_BYTE. */
let isSpecial: usize = 0;
/** A token of a byte that is in no other token, where merges begin with characters. */
const OF_BYTE: u8 = 2;
/** True: merges begin with characters, and with bytes where there is no token of a character. */
export let byCharacters: bool = false;
/** u32 by byte: the token of this byte alone. */
const ofByte: usize = memory.data(4 * 256, 16);
/** Open addressing: u32 of the hash, u32 id. */
let slots: usize = 0;
let slotMask: u32 = 0;

/** Takes memory of the host that stays as it is. False: no memory. */
export function setVocabulary(
  tokenCount: u32,
  tokenBytes: usize,
  tokenStarts: usize,
  special: usize,
  characters: bool,
): bool {
  byCharacters = characters;
  count = tokenCount;
  bytes = tokenBytes;
  starts = tokenStarts;
  isSpecial = special;
  slotMask = powerOfTwo(count + (count >>> 1)) - 1;
  slots = reserve((<usize>(slotMask + 1)) << 3);
  if (slots == 0) return false;
  memory.fill(slots, 0xff, (<usize>(slotMask + 1)) << 3);
  memory.fill(ofByte, 0xff, 4 * 256);
  for (let id: u32 = 0; id < count; id++) {
    const length = sizeOf(id);
    const isOfByte = load<u8>(isSpecial + id) == OF_BYTE;
    if (isOfByte || (isOrdinary(id) && length == 1 && !characters))
      store<u32>(ofByte + ((<usize>load<u8>(bytesOf(id))) << 2), id);
    if (!isOrdinary(id)) continue;
    const hash = hashOf(bytesOf(id), length);
    let slot = (<u32>hash) & slotMask;
    while (load<u32>(slots + ((<usize>slot) << 3), 4) != NONE) slot = (slot + 1) & slotMask;
    store<u64>(slots + ((<usize>slot) << 3), (hash >>> 32) | ((<u64>id) << 32));
  }
  return true;
}

/** Returns the least power of two that is not below `least`. */
export function powerOfTwo(least: u32): u32 {
  return least < 16 ? 16 : (<u32>1) << (32 - clz(least - 1));
}

/** True if there is such a token, and text may become it. */
export function isOrdinary(id: u32): bool {
  return sizeOf(id) != 0 && load<u8>(isSpecial + id) == 0;
}

export function sizeOf(id: u32): u32 {
  const at = starts + ((<usize>id) << 2);
  return load<u32>(at, 4) - load<u32>(at);
}

export function bytesOf(id: u32): usize {
  return bytes + load<u32>(starts + ((<usize>id) << 2));
}

export function tokenOfByte(byte: u32): u32 {
  return load<u32>(ofByte + ((<usize>byte) << 2));
}

/** Returns the token with these bytes, or NONE. Reads up to ROOM bytes behind them. */
export function tokenOf(at: usize, length: u32): u32 {
  const hash = hashOf(at, length);
  const check = <u32>(hash >>> 32);
  let slot = (<u32>hash) & slotMask;
  while (true) {
    const entry = load<u64>(slots + ((<usize>slot) << 3));
    const id = <u32>(entry >>> 32);
    if (id == NONE) return NONE;
    if (<u32>entry == check && sizeOf(id) == length && areEqual(bytesOf(id), at, length)) return id;
    slot = (slot + 1) & slotMask;
  }
}

function hashOf(at: usize, length: u32): u64 {
  let hash: u64 = <u64>length * 0xff51_afd7_ed55_8ccd;
  let i: u32 = 0;
  for (; i + 8 <= length; i += 8) hash = mix(hash ^ load<u64>(at + i));
  if (i < length) hash = mix(hash ^ (load<u64>(at + i) & lowest(length - i)));
  return mix(hash);
}

function areEqual(a: usize, b: usize, length: u32): bool {
  let i: u32 = 0;
  for (; i + 8 <= length; i += 8) if (load<u64>(a + i) != load<u64>(b + i)) return false;
  return i == length || ((load<u64>(a + i) ^ load<u64>(b + i)) & lowest(length - i)) == 0;
}

/** Mask of the lowest 1 to 7 bytes. */
function lowest(byteCount: u32): u64 {
  return ((<u64>1) << (<u64>byteCount * 8)) - 1;
}

function mix(hash: u64): u64 {
  const product = hash * 0x9e37_79b9_7f4a_7c15;
  return product ^ (product >>> 32);
}

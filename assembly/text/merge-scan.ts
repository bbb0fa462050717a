// Byte-pair encoding of a short piece: looks at all pairs for every merge, four at a time.
import { rankAt, slotOf, slotOfBytes, tokenAt } from './pairs';
import { symbolsOf } from './symbols';
import { byCharacters, NONE, tokenOfByte } from './vocabulary';

/** Bytes of a piece up to which this is faster than a heap. */
export const SCAN_MAX: u32 = 96;

/**
 * u32 by place: the token; the rank of the pair with the one after it; what that pair becomes. Ranks behind
 * the last pair are NONE, as far as four of them are looked at together.
 */
const tokens: usize = memory.data(4 * 128, 16);
const ranks: usize = memory.data(4 * 128, 16);
const merged: usize = memory.data(4 * 128, 16);

/** Place of the pair that merges first, by least(). */
let best: usize = 0;

/** Writes the tokens of `length` bytes at `out`, u32 each, and returns their end. */
export function mergeByScan(at: usize, length: u32, out: usize): usize {
  assert(length <= SCAN_MAX);
  let left = (<usize>(byCharacters ? fillWithCharacters(at, length) : fillWithBytes(at, length))) << 2;
  while (least(left)) {
    left -= 4;
    merge(best, left);
  }
  memory.copy(out, tokens, left);
  return out + left;
}

/** Returns the number of tokens. */
function fillWithBytes(at: usize, length: u32): u32 {
  let before: u32 = load<u8>(at);
  const last = (<usize>(length - 1)) << 2;
  store<u32>(tokens, tokenOfByte(before));
  for (let place: usize = 0; place < last; place += 4) {
    const byte: u32 = load<u8>(at + (place >> 2), 1);
    store<u32>(tokens + place, tokenOfByte(byte), 4);
    const slot = slotOfBytes(before, byte);
    store<u32>(ranks + place, rankAt(slot));
    store<u32>(merged + place, tokenAt(slot));
    before = byte;
  }
  endRanks(last);
  return length;
}

/** Returns the number of tokens. */
function fillWithCharacters(at: usize, length: u32): u32 {
  const count = symbolsOf(at, length, tokens);
  const last = (<usize>(count - 1)) << 2;
  for (let place: usize = 0; place < last; place += 4)
    look(place, load<u32>(tokens + place), load<u32>(tokens + place, 4));
  endRanks(last);
  return count;
}

function endRanks(last: usize): void {
  const none = i32x4.splat(<i32>NONE);
  v128.store(ranks + last, none);
  v128.store(ranks + last, none, 16);
}

/** Finds the leftmost pair of the lowest rank. `left`: bytes of the tokens. False: none merges. */
function least(left: usize): bool {
  let low = v128.load(ranks);
  const end = ranks + left;
  for (let at = ranks + 16; at < end; at += 16) low = i32x4.min_u(low, v128.load(at));
  low = i32x4.min_u(low, v128.shuffle<i32>(low, low, 2, 3, 0, 1));
  low = i32x4.min_u(low, v128.shuffle<i32>(low, low, 1, 0, 3, 2));
  if (i32x4.extract_lane(low, 0) == <i32>NONE) return false;
  let at = ranks;
  let bits = i32x4.bitmask(i32x4.eq(v128.load(at), low));
  while (bits == 0) {
    at += 16;
    bits = i32x4.bitmask(i32x4.eq(v128.load(at), low));
  }
  best = at - ranks + ((<usize>ctz(bits)) << 2);
  return true;
}

/** Merges the pair at `place`; `left`: bytes of the tokens afterwards. */
function merge(place: usize, left: usize): void {
  const token = load<u32>(merged + place);
  store<u32>(tokens + place, token);
  // Up to three that are not there move too.
  for (let at = place + 4; at < left; at += 16) {
    v128.store(tokens + at, v128.load(tokens + at, 4));
    v128.store(ranks + at, v128.load(ranks + at, 4));
    v128.store(merged + at, v128.load(merged + at, 4));
  }
  if (place + 4 < left) look(place, token, load<u32>(tokens + place, 4));
  else store<u32>(ranks + place, NONE);
  if (place > 0) look(place - 4, load<u32>(tokens + place - 4), token);
}

function look(place: usize, left: u32, right: u32): void {
  const slot = slotOf(left, right);
  store<u32>(ranks + place, rankAt(slot));
  store<u32>(merged + place, tokenAt(slot));
}

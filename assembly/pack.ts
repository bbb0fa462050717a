// Packs words to varints, four at a time: each word is spread to 7 bits a byte, and unneeded bytes are
// removed by a shuffle that depends on the sizes of the four.
import { reserve } from './memory';

/** v128 by shuffle: bit i, whether word i takes a second byte; bit 4 + i, a third. */
const shuffles: usize = reserve(256 * 16);
for (let lengths: usize = 0; lengths < 256; lengths++) {
  let to = shuffles + (lengths << 4);
  for (let word: usize = 0; word < 4; word++) {
    const bytes: usize = 1 + ((lengths >>> word) & 1) + ((lengths >>> (4 + word)) & 1);
    for (let byte: usize = 0; byte < bytes; byte++) store<u8>(to++, (word << 2) + byte);
  }
}

/**
 * Packs the `count` words at `words` to varints at `start`, overrunning the end by up to 16 bytes. Returns
 * their bytes.
 */
export function packTo(words: usize, count: i32, start: usize): i32 {
  const end = words + ((<usize>count) << 2);
  const one = i32x4.splat(0x7f);
  const two = i32x4.splat(0x3fff);
  let to = start;
  let from = words;
  for (; from + 16 <= end; from += 16) {
    const word = v128.load(from);
    if (v128.any_true(v128.and(word, i32x4.splat(<i32>0xffe0_0000)))) {
      for (let i: usize = 0; i < 16; i += 4) to = writeVarint(to, load<u32>(from + i));
      continue;
    }
    const overOne = i32x4.gt_s(word, one);
    const overTwo = i32x4.gt_s(word, two);
    const spread = v128.or(
      v128.or(v128.and(word, one), v128.and(i32x4.shl(word, 1), i32x4.splat(0x7f00))),
      v128.or(
        v128.and(i32x4.shl(word, 2), i32x4.splat(0x7f_0000)),
        v128.or(v128.and(overOne, i32x4.splat(0x80)), v128.and(overTwo, i32x4.splat(0x8000))),
      ),
    );
    const lengths = i32x4.bitmask(overOne) | (i32x4.bitmask(overTwo) << 4);
    v128.store(to, i8x16.swizzle(spread, v128.load(shuffles + ((<usize>lengths) << 4))));
    to += <usize>(4 + popcnt(lengths));
  }
  for (; from < end; from += 4) to = writeVarint(to, load<u32>(from));
  return <i32>(to - start);
}

/** Writes one canonical varint; returns the address of the next one. */
export function writeVarint(to: usize, value: u32): usize {
  if (value < 0x80) {
    store<u8>(to, value);
    return to + 1;
  }
  if (value < 0x4000) {
    store<u16>(to, (value & 0x7f) | 0x80 | ((value >>> 7) << 8));
    return to + 2;
  }
  store<u8>(to, value | 0x80);
  store<u8>(to, (value >>> 7) | 0x80, 1);
  if (value < 0x20_0000) {
    store<u8>(to, value >>> 14, 2);
    return to + 3;
  }
  store<u8>(to, (value >>> 14) | 0x80, 2);
  if (value < 0x1000_0000) {
    store<u8>(to, value >>> 21, 3);
    return to + 4;
  }
  store<u8>(to, (value >>> 21) | 0x80, 3);
  store<u8>(to, value >>> 28, 4);
  return to + 5;
}

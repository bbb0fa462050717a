// Counts and validates canonical varints without unpacking them: 64 bytes at a time, one bit a byte.
import { INPUT, MALFORMED } from './varint';

let wholeBytes: i32 = 0;

/**
 * Bytes of INPUT in whole varints, at the last call; the rest begins a varint that the piece's end splits.
 */
export function measured(): i32 {
  return wholeBytes;
}

/**
 * Returns one bit for each of the 64 bytes at `from`: whether the byte is greater than `limit`, as a signed
 * number.
 */
function above(from: usize, limit: v128): u64 {
  return (
    (<u64>i8x16.bitmask(i8x16.gt_s(v128.load(from), limit))) |
    ((<u64>i8x16.bitmask(i8x16.gt_s(v128.load(from, 16), limit))) << 16) |
    ((<u64>i8x16.bitmask(i8x16.gt_s(v128.load(from, 32), limit))) << 32) |
    ((<u64>i8x16.bitmask(i8x16.gt_s(v128.load(from, 48), limit))) << 48)
  );
}

/** Returns the number of varints in INPUT[0, length), or MALFORMED if one is over-long or over 32 bits. */
export function measure(length: i32): i32 {
  const minusOne = i8x16.splat(-1);
  const zero = i8x16.splat(0);
  const fifteen = i8x16.splat(15);
  let before: u64 = 0; // Bits of those of the last 64 bytes that continue a varint.
  let count: i32 = 0;
  let refused: u64 = 0;
  for (let at = 0; at < length; at += 64) {
    const left = length - at;
    // Bytes past the end have arbitrary values: they are masked out.
    const mask: u64 = left >= 64 ? u64.MAX_VALUE : ((<u64>1) << left) - 1;
    const from = INPUT + <usize>at;
    const ends = above(from, minusOne) & mask;
    const continues = ~ends & mask;
    const nonZero = above(from, zero);
    const p1 = (continues << 1) | (before >>> 63);
    const p2 = (continues << 2) | (before >>> 62);
    const p4 = p2 & ((continues << 3) | (before >>> 61)) & ((continues << 4) | (before >>> 60)) & p1;
    // Refused: five in a row that continue; a last byte of zero after another; a fifth byte of more than four
    // bits.
    refused |= (continues & p4) | (ends & p1 & ~nonZero) | (ends & p4 & above(from, fifteen));
    count += <i32>popcnt(ends);
    before = continues;
  }
  let end = length;
  while (end > 0 && load<u8>(INPUT + <usize>end - 1) >= 0x80) end--;
  wholeBytes = end;
  return refused != 0 ? MALFORMED : count;
}

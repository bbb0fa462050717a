// LEB128 varints of u32 tokens: canonicalise, pack, unpack, count. Everything is in two fixed blocks, INPUT
// and OUTPUT; a long sequence passes through them piece by piece.
import { reserve } from './memory';
import { packTo, writeVarint } from './pack';

/** Limit of the bytes of INPUT for one call. */
export const INPUT_BYTES: i32 = 64 * 1024;
/** Longest varint that is read; protobuf writers pad no further. */
const VARINT_BYTES_MAX: usize = 10;

/**
 * Block to which the host writes a piece. Some bytes after the piece are overwritten, and belong to INPUT.
 */
export const INPUT: usize = reserve(INPUT_BYTES + 16);
/** Block of the results: as little-endian words (4 bytes for each byte of input), or as varints. */
export const OUTPUT: usize = reserve(INPUT_BYTES * 4 + 16);

export const MALFORMED: i32 = -1;

let tokensRead: i32 = 0;
let bytesRead: i32 = 0;

/** Returns the tokens read by the last call. (The host reads a function's result faster than a global.) */
export function tokenCount(): i32 {
  return tokensRead;
}

/** Returns the bytes of INPUT read by the last call; the rest begins a varint that the piece's end splits. */
export function consumed(): i32 {
  return bytesRead;
}

/**
 * Writes bytes after a piece that end every varint, so that reading needs no bound check: past the end means
 * truncated.
 */
function terminate(end: usize): void {
  store<u64>(end, 0);
  store<u64>(end, 0, 8);
}

/**
 * Rewrites INPUT[0, length) in place in canonical form. Accepts over-long varints of up to ten bytes.
 * @returns the canonical length, or MALFORMED for a value over 32 bits
 */
export function canonicalise(length: i32): i32 {
  const end = INPUT + <usize>length;
  terminate(end);
  let from = INPUT;
  let to = INPUT;
  let count = 0;
  while (from < end) {
    const b0 = load<u8>(from);
    if (b0 < 0x80) {
      store<u8>(to, b0);
      from += 1;
      to += 1;
      count++;
      continue;
    }
    const b1 = load<u8>(from, 1);
    if (b1 - 1 < 0x7f) {
      if (from + 2 > end) break;
      store<u16>(to, load<u16>(from));
      from += 2;
      to += 2;
      count++;
      continue;
    }
    let value: u64 = 0;
    let size: usize = 0;
    let byte: u64;
    do {
      if (size == VARINT_BYTES_MAX) return MALFORMED;
      byte = load<u8>(from + size);
      const bits = byte & 0x7f;
      // The shift would lose bits past the 64th.
      if (size == VARINT_BYTES_MAX - 1 && bits > 1) return MALFORMED;
      value |= bits << (7 * size);
      size++;
    } while (byte >= 0x80);
    if (from + size > end) break;
    if (value > <u64>u32.MAX_VALUE) return MALFORMED;
    from += size;
    to = writeVarint(to, <u32>value);
    count++;
  }
  tokensRead = count;
  bytesRead = <i32>(from - INPUT);
  return <i32>(to - INPUT);
}

/** Packs the `count` little-endian words in INPUT into varints in OUTPUT; returns their bytes. */
export function packLe32(count: i32): i32 {
  return packTo(INPUT, count, OUTPUT);
}

/**
 * Unpacks the canonical varints in INPUT[0, length) into little-endian words in OUTPUT.
 * @returns the number of tokens, or MALFORMED for a varint that is over-long or over 32 bits
 */
export function unpackLe32(length: i32): i32 {
  return unpack(INPUT, length, OUTPUT);
}

/** Unpacks varints at any address. The 16 bytes after them are overwritten. */
export function unpack(varints: usize, length: i32, words: usize): i32 {
  const end = varints + <usize>length;
  terminate(end);
  let from = varints;
  let to = words;
  while (from < end) {
    let value = <u32>load<u8>(from);
    if (value < 0x80) {
      from += 1;
    } else {
      const b1 = <u32>load<u8>(from, 1);
      value = (value & 0x7f) | ((b1 & 0x7f) << 7);
      if (b1 < 0x80) {
        if (from + 2 > end) break;
        if (b1 == 0) return MALFORMED;
        from += 2;
      } else {
        const b2 = <u32>load<u8>(from, 2);
        value |= (b2 & 0x7f) << 14;
        if (b2 < 0x80) {
          if (from + 3 > end) break;
          if (b2 == 0) return MALFORMED;
          from += 3;
        } else {
          const b3 = <u32>load<u8>(from, 3);
          value |= (b3 & 0x7f) << 21;
          if (b3 < 0x80) {
            if (from + 4 > end) break;
            if (b3 == 0) return MALFORMED;
            from += 4;
          } else {
            const b4 = <u32>load<u8>(from, 4);
            if (from + 5 > end) break;
            if (b4 - 1 > 14) return MALFORMED;
            value |= b4 << 28;
            from += 5;
          }
        }
      }
    }
    store<u32>(to, value);
    to += 4;
  }
  tokensRead = <i32>((to - words) >>> 2);
  bytesRead = <i32>(from - varints);
  return tokensRead;
}

/**
 * Returns the bytes of the first `tokens` varints of INPUT[0, length); if there are fewer, tokenCount is the
 * number of those that end in the piece. The varints must be canonical.
 */
export function skip(length: i32, tokens: i32): i32 {
  const end = INPUT + <usize>length;
  let from = INPUT;
  let left = tokens;
  // A varint ends with each byte whose high bit is clear.
  while (from + 8 <= end) {
    const ends = <i32>popcnt(~load<u64>(from) & 0x8080808080808080);
    if (ends >= left) break;
    left -= ends;
    from += 8;
  }
  while (from < end && left > 0) {
    left -= <i32>(load<u8>(from) < 0x80);
    from += 1;
  }
  tokensRead = tokens - left;
  return <i32>(from - INPUT);
}

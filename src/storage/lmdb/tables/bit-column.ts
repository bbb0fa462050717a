/** Greatest width of a number in a column. */
export const COLUMN_BITS_MAX = 32;

const powers = Float64Array.from({ length: COLUMN_BITS_MAX + 1 }, (_, bits) => 2 ** bits);

/** Returns how many bits a number takes, at least one. */
export function bitsOf(number: number): number {
  let bits = 1;
  while (powers[bits]! <= number) bits += 1;
  return bits;
}

/** Bytes of the word by which most numbers are read and written. */
const WORD_BYTES = 4;
const WORD_BITS = 8 * WORD_BYTES;

/**
 * Returns the number of so many bits, at most 32, that begins at a bit: bits are counted from the least
 * significant one of the first byte. The caller knows that the bytes are there.
 */
export function readBits(bytes: Uint8Array, at: number, width: number): number {
  let byte = at >>> 3;
  const shift = at & 7;
  if (shift + width < WORD_BITS && byte + WORD_BYTES <= bytes.length) {
    const word = bytes[byte]! | (bytes[byte + 1]! << 8) | (bytes[byte + 2]! << 16) | (bytes[byte + 3]! << 24);
    return (word >>> shift) & ((1 << width) - 1);
  }
  let got = 8 - shift;
  let value = bytes[byte]! >>> shift;
  for (; got < width; got += 8) value += bytes[++byte]! * powers[got]!;
  return value % powers[width]!;
}

/** Adds a number of so many bits, at most 32, where all bits are zero. */
export function writeBits(bytes: Uint8Array, at: number, width: number, value: number): void {
  let byte = at >>> 3;
  const shift = at & 7;
  if (shift + width < WORD_BITS && byte + WORD_BYTES <= bytes.length) {
    const word = value << shift;
    bytes[byte]! |= word & 0xff;
    bytes[byte + 1]! |= (word >>> 8) & 0xff;
    bytes[byte + 2]! |= (word >>> 16) & 0xff;
    bytes[byte + 3]! |= word >>> 24;
    return;
  }
  let rest = value * powers[shift]!;
  for (let left = width + shift; left > 0; left -= 8) {
    const high = Math.floor(rest / 256);
    bytes[byte++]! |= rest - high * 256;
    rest = high;
  }
}

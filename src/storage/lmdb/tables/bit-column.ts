/** Greatest width of a number in a column. */
export const COLUMN_BITS_MAX = 32;

const powers = Float64Array.from({ length: COLUMN_BITS_MAX + 1 }, (_, bits) => 2 ** bits);

/** Returns how many bits a number takes, at least one. */
export function bitsOf(number: number): number {
  let bits = 1;
  while (powers[bits]! <= number) bits += 1;
  return bits;
}

/**
 * Returns the number of so many bits, at most 32, that begins at a bit: bits are counted from the least
 * significant one of the first byte. The caller knows that the bytes are there.
 */
export function readBits(bytes: Uint8Array, at: number, width: number): number {
  let byte = at >>> 3;
  let got = 8 - (at & 7);
  let value = bytes[byte]! >>> (at & 7);
  for (; got < width; got += 8) value += bytes[++byte]! * powers[got]!;
  return value % powers[width]!;
}

/** Adds a number of so many bits, at most 32, where all bits are zero. */
export function writeBits(bytes: Uint8Array, at: number, width: number, value: number): void {
  let byte = at >>> 3;
  const shift = at & 7;
  let rest = value * powers[shift]!;
  for (let left = width + shift; left > 0; left -= 8) {
    const high = Math.floor(rest / 256);
    bytes[byte++]! |= rest - high * 256;
    rest = high;
  }
}

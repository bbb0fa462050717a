// Rice codes one after the other, from the lowest bit of the first byte on: as many zeros as the number has
// in its high bits, a one, its low bits. Behind sixteen zeros the number stands in full, in 32 bits.
import { StowkenError } from '../../../model/index.js';
import { readBits, writeBits } from './bit-column.js';

const ZEROS_MAX = 16;
const FULL_BITS = 32;
/** Room that a code takes at most, in bytes. */
const CODE_BYTES_MAX = 8;

/** Greatest number of low bits. */
export const LOW_BITS_MAX = 24;

/** Returns the bits of the Rice code of a number below 2^32. */
export function riceBits(value: number, lowBits: number): number {
  const high = value >>> lowBits;
  return high < ZEROS_MAX ? high + 1 + lowBits : ZEROS_MAX + FULL_BITS;
}

/** Returns the low bits with which the codes of these numbers are shortest. */
export function bestLowBits(numbers: readonly number[]): number {
  let best = { lowBits: 0, bits: Infinity };
  for (let lowBits = 0; lowBits <= LOW_BITS_MAX; lowBits += 1) {
    const bits = numbers.reduce((sum, number) => sum + riceBits(number, lowBits), 0);
    if (bits < best.bits) best = { lowBits, bits };
  }
  return best.lowBits;
}

/** Returns an integer as one that is not negative: those near zero stay small. */
export function zigzag(value: number): number {
  return value < 0 ? -2 * value - 1 : 2 * value;
}

export function unzigzag(value: number): number {
  return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
}

/** Writes Rice codes. */
export class BitWriter {
  #bytes = Buffer.alloc(256);
  #bits = 0;

  get bits(): number {
    return this.#bits;
  }

  /** Appends a number below 2^32. */
  rice(value: number, lowBits: number): void {
    this.#reserve();
    const high = value >>> lowBits;
    if (high < ZEROS_MAX) {
      writeBits(this.#bytes, this.#bits + high, 1, 1);
      this.#bits += high + 1;
      writeBits(this.#bytes, this.#bits, lowBits, value - (high << lowBits));
      this.#bits += lowBits;
    } else {
      this.#bits += ZEROS_MAX;
      writeBits(this.#bytes, this.#bits, FULL_BITS, value);
      this.#bits += FULL_BITS;
    }
  }

  /** Removes everything written after this many bits. */
  truncate(bits: number): void {
    const end = Math.ceil(this.#bits / 8);
    const last = bits >>> 3;
    if (last < end) {
      this.#bytes[last]! &= (1 << (bits & 7)) - 1;
      this.#bytes.fill(0, last + 1, end);
    }
    this.#bits = bits;
  }

  /** Returns the bytes written, the last one filled up with zeros; a view until the next write. */
  finish(): Uint8Array {
    return this.#bytes.subarray(0, Math.ceil(this.#bits / 8));
  }

  #reserve(): void {
    if ((this.#bits >>> 3) + CODE_BYTES_MAX < this.#bytes.length) return;
    this.#bytes = Buffer.concat([this.#bytes, Buffer.alloc(this.#bytes.length)]);
  }
}

/** Bits of a word from any bit of its first byte on. */
const WORD_BITS = 25;
const WORD_BYTES = 4;

/** Reads what BitWriter wrote. */
export class BitReader {
  #at: number;
  readonly #end: number;

  constructor(
    private readonly bytes: Uint8Array,
    firstBit: number,
  ) {
    this.#at = firstBit;
    this.#end = 8 * bytes.length;
  }

  /** Next bit. */
  get bit(): number {
    return this.#at;
  }

  /** Offset of the first byte of which nothing was read. */
  get position(): number {
    return (this.#at + 7) >>> 3;
  }

  /** Goes to a bit. */
  seek(bit: number): void {
    this.#at = bit;
  }

  /** @throws StowkenError CORRUPT_STORE past the end */
  rice(lowBits: number): number {
    const { bytes } = this;
    const at = this.#at;
    const byte = at >>> 3;
    if (byte + WORD_BYTES > bytes.length) return this.#nearEnd(lowBits);
    const word =
      (bytes[byte]! | (bytes[byte + 1]! << 8) | (bytes[byte + 2]! << 16) | (bytes[byte + 3]! << 24)) >>>
      (at & 7);
    const high = 31 - Math.clz32(word & -word);
    const width = high + 1 + lowBits;
    if (word === 0 || width > WORD_BITS || high >= ZEROS_MAX) return this.#nearEnd(lowBits);
    this.#at = at + width;
    return (high << lowBits) | ((word >>> (high + 1)) & ((1 << lowBits) - 1));
  }

  #nearEnd(lowBits: number): number {
    const window = readBits(this.bytes, this.#at, Math.min(ZEROS_MAX, this.#end - this.#at));
    if (window === 0) {
      this.#read(ZEROS_MAX);
      return this.#read(FULL_BITS);
    }
    const high = 31 - Math.clz32(window & -window);
    this.#at += high + 1;
    return (high << lowBits) + this.#read(lowBits);
  }

  #read(width: number): number {
    if (this.#at + width > this.#end)
      throw new StowkenError('CORRUPT_STORE', 'a stored record does not decode: it ends too early');
    const value = width === 0 ? 0 : readBits(this.bytes, this.#at, width);
    this.#at += width;
    return value;
  }
}

import { crc32 } from 'node:zlib';

/**
 * Length below which values have the short checksum. A whole chunk of an index, with its checksum, is below
 * it.
 */
const SHORT_VALUE_BYTES = 513;
const SHORT_BYTES = 2;
const LONG_BYTES = 4;

/** CRC-32 (IEEE 802.3), as in zlib, and CRC-16/CCITT, both with the least significant bit first. */
const POLYNOMIAL_32 = 0xedb88320;
const POLYNOMIAL_16 = 0x8408;

const [table32] = tablesOf(POLYNOMIAL_32, 1) as [Uint32Array];
const [table16, table16b, table16c, table16d] = tablesOf(POLYNOMIAL_16, 4) as [
  Uint32Array,
  Uint32Array,
  Uint32Array,
  Uint32Array,
];

/** Returns the size of a value together with its checksum. */
export function sealedBytes(valueBytes: number): number {
  return valueBytes + (valueBytes < SHORT_VALUE_BYTES ? SHORT_BYTES : LONG_BYTES);
}

/** Returns the length of the longest value that takes at most this many bytes together with its checksum. */
export function valueBytesIn(storedBytes: number): number {
  const long = storedBytes - LONG_BYTES;
  return long >= SHORT_VALUE_BYTES ? long : Math.min(storedBytes - SHORT_BYTES, SHORT_VALUE_BYTES - 1);
}

/** Returns the length of the value in a stored record, whether or not its checksum is right. */
export function valueBytesOf(storedBytes: number): number {
  return Math.max(
    0,
    storedBytes - (storedBytes < SHORT_VALUE_BYTES + SHORT_BYTES ? SHORT_BYTES : LONG_BYTES),
  );
}

/**
 * Checksums of one table's records, over the table's name, the key and the value: a value stored under
 * another key, or in another table, does not have the right one. docs/formats/storage.md lists the errors
 * that they detect.
 */
export class RecordChecksum {
  readonly #start32: number;
  readonly #start16: number;

  constructor(table: string) {
    const name = Buffer.from(table, 'utf8');
    this.#start32 = ~crc32(name) >>> 0;
    this.#start16 = update16(0xffff, name, 0, name.length);
  }

  /** Returns the value as it is stored: followed by its checksum. */
  seal(key: number | Buffer, value: Uint8Array): Buffer {
    const { length } = value;
    const stored = Buffer.allocUnsafe(sealedBytes(length));
    stored.set(value);
    if (length < SHORT_VALUE_BYTES) stored.writeUInt16LE(this.#short(key, value, length), length);
    else stored.writeUInt32LE(this.#long(key, value), length);
    return stored;
  }

  /**
   * Returns the length of the value stored in the first bytes of a buffer, which may be longer (lmdb-js's own
   * buffer is). Returns -1 if the checksum is wrong.
   */
  open(key: number | Buffer, stored: Uint8Array, storedBytes: number): number {
    if (storedBytes < SHORT_VALUE_BYTES + SHORT_BYTES) {
      const length = storedBytes - SHORT_BYTES;
      if (length < 0) return -1;
      const kept = stored[length]! | (stored[length + 1]! << 8);
      return this.#short(key, stored, length) === kept ? length : -1;
    }
    const length = storedBytes - LONG_BYTES;
    if (length < SHORT_VALUE_BYTES) return -1;
    const kept =
      (stored[length]! |
        (stored[length + 1]! << 8) |
        (stored[length + 2]! << 16) |
        (stored[length + 3]! << 24)) >>>
      0;
    const value = new Uint8Array(stored.buffer, stored.byteOffset, length);
    return this.#long(key, value) === kept ? length : -1;
  }

  #short(key: number | Buffer, value: Uint8Array, length: number): number {
    let sum = this.#start16;
    if (typeof key === 'number') {
      sum = (sum >>> 8) ^ table16[(sum ^ key) & 0xff]!;
      sum = (sum >>> 8) ^ table16[(sum ^ (key >>> 8)) & 0xff]!;
      sum = (sum >>> 8) ^ table16[(sum ^ (key >>> 16)) & 0xff]!;
      sum = (sum >>> 8) ^ table16[(sum ^ (key >>> 24)) & 0xff]!;
    } else {
      sum = update16(sum, key, 0, key.length);
      // Without the length, a byte could pass from the key to the value.
      sum = (sum >>> 8) ^ table16[(sum ^ key.length) & 0xff]!;
      sum = (sum >>> 8) ^ table16[(sum ^ (key.length >>> 8)) & 0xff]!;
    }
    return update16(sum, value, 0, length) ^ 0xffff;
  }

  #long(key: number | Buffer, value: Uint8Array): number {
    let sum = this.#start32;
    if (typeof key === 'number') {
      sum = (sum >>> 8) ^ table32[(sum ^ key) & 0xff]!;
      sum = (sum >>> 8) ^ table32[(sum ^ (key >>> 8)) & 0xff]!;
      sum = (sum >>> 8) ^ table32[(sum ^ (key >>> 16)) & 0xff]!;
      sum = (sum >>> 8) ^ table32[(sum ^ (key >>> 24)) & 0xff]!;
    } else {
      for (let at = 0; at < key.length; at++) sum = (sum >>> 8) ^ table32[(sum ^ key[at]!) & 0xff]!;
      sum = (sum >>> 8) ^ table32[(sum ^ key.length) & 0xff]!;
      sum = (sum >>> 8) ^ table32[(sum ^ (key.length >>> 8)) & 0xff]!;
    }
    return crc32(value, ~sum >>> 0);
  }
}

/** Processes four bytes at a time; a call of zlib costs more than the work on short values. */
function update16(sum: number, bytes: Uint8Array, from: number, to: number): number {
  let at = from;
  for (; at + 4 <= to; at += 4) {
    const first = sum ^ (bytes[at]! | (bytes[at + 1]! << 8));
    sum =
      table16d[first & 0xff]! ^ table16c[first >>> 8]! ^ table16b[bytes[at + 2]!]! ^ table16[bytes[at + 3]!]!;
  }
  for (; at < to; at++) sum = (sum >>> 8) ^ table16[(sum ^ bytes[at]!) & 0xff]!;
  return sum;
}

/** Returns tables for one byte, and for one byte followed by one, two and three others. */
function tablesOf(polynomial: number, count: number): Uint32Array[] {
  const tables = Array.from({ length: count }, () => new Uint32Array(256));
  for (let byte = 0; byte < 256; byte++) {
    let sum = byte;
    for (let bit = 0; bit < 8; bit++) sum = sum & 1 ? (sum >>> 1) ^ polynomial : sum >>> 1;
    tables[0]![byte] = sum;
  }
  for (let more = 1; more < count; more++) {
    for (let byte = 0; byte < 256; byte++) {
      const before = tables[more - 1]![byte]!;
      tables[more]![byte] = (before >>> 8) ^ tables[0]![before & 0xff]!;
    }
  }
  return tables;
}

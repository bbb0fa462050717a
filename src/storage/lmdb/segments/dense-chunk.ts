// A dense chunk of the hash index, after the bound that every chunk begins with: the bytes 80 00; varint
// entries; and unless there are none a byte bits of a segment, a byte low bits of a print, then a map, and
// columns of low bits and of segments. The map has, for each value that the other bits of a print may have in
// the chunk's range, a one for each entry with it, then a zero. Prints count from the chunk's first one.
import { StowkenError } from '../../../model/index.js';
import { ByteReader, varintBytes } from '../../shared/bytes.js';
import { bitsOf, COLUMN_BITS_MAX, readBits, writeBits } from '../tables/bit-column.js';
import type { SegmentId } from '../tables/ids.js';

/** Bits of a print: 28 of a hash's first 32 bits, its fingerprint. One of ten million is met by chance. */
export const PRINT_BITS = 28;
const FINGERPRINT_BITS = 32;
/** Fingerprints that share a print. */
const FINGERPRINTS_PER_PRINT = 2 ** (FINGERPRINT_BITS - PRINT_BITS);

/** Returns the print of a fingerprint. */
export function printOf(fingerprint: number): number {
  return fingerprint >>> (FINGERPRINT_BITS - PRINT_BITS);
}

/** Returns the least fingerprint with this print. */
export function firstWithPrint(print: number): number {
  return print * FINGERPRINTS_PER_PRINT;
}

/** Entries in the order of their prints, as columns: an object for each would cost more than all else. */
export interface Entries {
  readonly prints: Uint32Array;
  readonly ids: Uint32Array;
}

/** Prints that a chunk may have, from the first to the last. */
export interface PrintRange {
  readonly first: number;
  readonly last: number;
}

/** Returns ids of the entries with this print. */
export function idsWithPrint({ prints, ids }: Entries, print: number): readonly SegmentId[] {
  const found: SegmentId[] = [];
  for (let at = firstAtLeast(prints, print); prints[at] === print; at++) found.push(ids[at] as SegmentId);
  return found;
}

function firstAtLeast(prints: Uint32Array, print: number): number {
  let low = 0;
  let high = prints.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (prints[middle]! < print) low = middle + 1;
    else high = middle;
  }
  return low;
}

const MARK = [0x80, 0x00] as const;
const NONE: readonly SegmentId[] = [];

/** True if entries at this offset are in the dense form: no varint begins with these bytes. */
export function isDense(bytes: Uint8Array, at: number): boolean {
  return bytes[at] === MARK[0] && bytes[at + 1] === MARK[1];
}

/** Ones in each byte. */
const ones = Uint8Array.from({ length: 256 }, (_, byte) => {
  let count = 0;
  for (let rest = byte; rest > 0; rest >>= 1) count += rest & 1;
  return count;
});

/** Sizes and offsets of a chunk's parts; offsets are in bits. */
interface Layout {
  readonly count: number;
  readonly idBits: number;
  readonly lowBits: number;
  readonly mapAt: number;
  /** Zeros of the map. */
  readonly values: number;
  readonly lowsAt: number;
  readonly idsAt: number;
}

/** @throws StowkenError CORRUPT_STORE unless all parts end where the chunk ends */
function layoutOf(bytes: Uint8Array, at: number, length: number, { first, last }: PrintRange): Layout {
  const reader = new ByteReader(bytes, at + MARK.length);
  const count = reader.varint();
  const [idBits, lowBits] = count === 0 ? [0, 0] : [reader.byte(), reader.byte()];
  const values = count === 0 ? 0 : ((last - first) >>> lowBits) + 1;
  const mapAt = 8 * reader.position;
  const lowsAt = mapAt + 8 * Math.ceil((count + values) / 8);
  const idsAt = lowsAt + count * lowBits;
  const end = Math.ceil((idsAt + count * idBits) / 8);
  if (idBits > COLUMN_BITS_MAX || lowBits > PRINT_BITS || last < first || end !== length)
    throw corrupt('is not as long as its entries');
  return { count, idBits, lowBits, mapAt, values, lowsAt, idsAt };
}

/**
 * Returns ids of the entries with a print of the range. The chunk begins at this offset and ends with so many
 * of the bytes. @throws StowkenError CORRUPT_STORE
 */
export function idsInDense(
  bytes: Uint8Array,
  at: number,
  length: number,
  range: PrintRange,
  print: number,
): readonly SegmentId[] {
  const { count, idBits, lowBits, mapAt, values, lowsAt, idsAt } = layoutOf(bytes, at, length, range);
  if (count === 0) return NONE;
  const distance = print - range.first;
  const value = distance >>> lowBits;
  const low = distance - value * (1 << lowBits);
  const mapEnd = mapAt + count + values;
  let bit = afterZeros(bytes, mapAt, mapEnd, value);
  let ids: SegmentId[] | undefined;
  for (let entry = bit - mapAt - value; bit < mapEnd && isOne(bytes, bit); bit++, entry++) {
    if (entry >= count) throw corrupt('has a map of more entries');
    if (readBits(bytes, lowsAt + entry * lowBits, lowBits) !== low) continue;
    (ids ??= []).push(readBits(bytes, idsAt + entry * idBits, idBits) as SegmentId);
  }
  return ids ?? NONE;
}

/** Returns the offset after so many zeros of the map. @throws StowkenError CORRUPT_STORE if it has fewer */
function afterZeros(bytes: Uint8Array, mapAt: number, mapEnd: number, zeros: number): number {
  let left = zeros;
  let bit = mapAt;
  for (; left > 0 && bit + 8 <= mapEnd; bit += 8) {
    const here = 8 - ones[bytes[bit >>> 3]!]!;
    if (here >= left) break;
    left -= here;
  }
  for (; left > 0; bit++) {
    if (bit >= mapEnd) throw corrupt('has a map of fewer prints');
    if (!isOne(bytes, bit)) left -= 1;
  }
  return bit;
}

function isOne(bytes: Uint8Array, bit: number): boolean {
  return (bytes[bit >>> 3]! & (1 << (bit & 7))) !== 0;
}

/** Returns all entries of a chunk. @throws StowkenError CORRUPT_STORE */
export function decodeDense(bytes: Uint8Array, at: number, range: PrintRange): Entries {
  const { count, idBits, lowBits, mapAt, values, lowsAt, idsAt } = layoutOf(bytes, at, bytes.length, range);
  const prints = new Uint32Array(count);
  const ids = new Uint32Array(count);
  if (valuesInMap(bytes, mapAt, mapAt + count + values, prints) !== count)
    throw corrupt('has a map of more or fewer entries');
  let before = range.first;
  for (let entry = 0; entry < count; entry++) {
    const low = readBits(bytes, lowsAt + entry * lowBits, lowBits);
    const print = range.first + prints[entry]! * (1 << lowBits) + low;
    if (print > range.last || print < before) throw corrupt('has prints that are not in order');
    before = print;
    prints[entry] = print;
    ids[entry] = readBits(bytes, idsAt + entry * idBits, idBits);
  }
  return { prints, ids };
}

/** Reads the value of each entry from a map; returns how many entries it has. */
function valuesInMap(bytes: Uint8Array, mapAt: number, mapEnd: number, values: Uint32Array): number {
  let entry = 0;
  let value = 0;
  for (let bit = mapAt; bit < mapEnd; bit++) {
    if (isOne(bytes, bit)) values[entry++] = value;
    else value += 1;
  }
  return entry;
}

/** Returns the bytes of so many entries in a range, the greatest of whose ids is this one. */
export function denseBytes(count: number, range: PrintRange, idMax: number): number {
  if (count === 0) return MARK.length + 1;
  const lowBits = lowBitsFor(count, range);
  const values = ((range.last - range.first) >>> lowBits) + 1;
  const columns = Math.ceil((count * (lowBits + bitsOf(idMax))) / 8);
  return MARK.length + varintBytes(count) + 2 + Math.ceil((count + values) / 8) + columns;
}

/** Writes entries whose prints are in the range, at an offset of zeros; returns the offset behind them. */
export function encodeDense(
  bytes: Buffer,
  start: number,
  { prints, ids }: Entries,
  range: PrintRange,
): number {
  const count = prints.length;
  let at = start;
  for (const byte of MARK) bytes[at++] = byte;
  for (let rest = count; ; rest >>>= 7) {
    bytes[at++] = rest < 0x80 ? rest : (rest & 0x7f) | 0x80;
    if (rest < 0x80) break;
  }
  if (count === 0) return at;
  const idBits = bitsOf(maxOf(ids));
  const lowBits = lowBitsFor(count, range);
  bytes[at++] = idBits;
  bytes[at++] = lowBits;
  const values = ((range.last - range.first) >>> lowBits) + 1;
  const mapAt = 8 * at;
  const lowsAt = mapAt + 8 * Math.ceil((count + values) / 8);
  const idsAt = lowsAt + count * lowBits;
  for (let entry = 0; entry < count; entry++) {
    const distance = prints[entry]! - range.first;
    const value = distance >>> lowBits;
    const bit = mapAt + entry + value;
    bytes[bit >>> 3]! |= 1 << (bit & 7);
    writeBits(bytes, lowsAt + entry * lowBits, lowBits, distance - value * (1 << lowBits));
    writeBits(bytes, idsAt + entry * idBits, idBits, ids[entry]!);
  }
  return Math.ceil((idsAt + count * idBits) / 8);
}

export function maxOf(numbers: Uint32Array): number {
  let max = 0;
  for (let at = 0; at < numbers.length; at++) max = Math.max(max, numbers[at]!);
  return max;
}

/** Returns the low bits with which map and columns are shortest: about as many values as entries. */
function lowBitsFor(count: number, { first, last }: PrintRange): number {
  const share = (last - first + 1) / count;
  return share < 2 ? 0 : bitsOf(Math.floor(share)) - 1;
}

function corrupt(what: string): StowkenError {
  return new StowkenError('CORRUPT_STORE', `a chunk of the hash index ${what}`);
}

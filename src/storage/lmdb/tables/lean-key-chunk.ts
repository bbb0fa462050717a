// Entries of a chunk of a key index as compaction writes them: a byte 1, with which no other chunk's entries
// begin; varint entries; of the first one varint length and varint number; varint bytes of codes; three
// bytes, low bits of codes; then Rice codes for each entry: zigzag bytes that its key shares with the one
// before, less those of the one before; zigzag length of the key, less that of the one before; zigzag
// distance to the number before. The rests of all keys follow.
import { StowkenError } from '../../../model/index.js';
import { ByteReader, ByteWriter } from '../../shared/bytes.js';
import { BitReader, BitWriter, bestLowBits, LOW_BITS_MAX, unzigzag, zigzag } from './bit-stream.js';
import { commonPrefix, type KeyEntry } from './key-bytes.js';

const LEAN = 1;
const NO_KEY: Buffer = Buffer.alloc(0);
/** Numbers, and distances of them, from here on have no code. */
const NUMBERS_END = 2 ** 31;
/** Bits of an entry at least. */
const ENTRY_BITS_MIN = 3;

/** True if entries are in the lean form: the first key of others shares no bytes. */
export function isLeanChunk(entries: Uint8Array): boolean {
  return entries[0] === LEAN;
}

/** Encodes entries; undefined if there are none, or a number is too large. */
export function encodeLeanChunk(entries: readonly KeyEntry[]): Uint8Array | undefined {
  const first = entries[0];
  if (!first || entries.some(({ number }) => number < 0 || number >= NUMBERS_END)) return undefined;
  const [shares, lengths, distances]: [number[], number[], number[]] = [[], [], []];
  const rests = new ByteWriter();
  let before = { key: NO_KEY, shared: 0, length: first.key.length, number: first.number };
  for (const { key, number } of entries) {
    const shared = commonPrefix(before.key, key);
    shares.push(zigzag(shared - before.shared));
    lengths.push(zigzag(key.length - before.length));
    distances.push(zigzag(number - before.number));
    rests.raw(key.subarray(shared));
    before = { key, shared, length: key.length, number };
  }
  const lowBits = [shares, lengths, distances].map(bestLowBits) as [number, number, number];
  const codes = new BitWriter();
  for (const [at, share] of shares.entries()) {
    codes.rice(share, lowBits[0]);
    codes.rice(lengths[at]!, lowBits[1]);
    codes.rice(distances[at]!, lowBits[2]);
  }
  const coded = codes.finish();
  const writer = new ByteWriter(rests.length + coded.length + 32).byte(LEAN).varint(entries.length);
  writer.varint(first.key.length).varint(first.number).varint(coded.length).raw(Uint8Array.from(lowBits));
  return writer.raw(coded).raw(rests.finish()).finish();
}

/** An entry without the bytes that its key shares with the one before. */
export interface SpelledEntry {
  readonly shared: number;
  readonly rest: Uint8Array;
  readonly distance: number;
}

/** Walks over entries. @throws StowkenError CORRUPT_STORE */
class LeanScan {
  /** Bytes that the key shares with the one before, its length, its number. */
  shared = 0;
  length: number;
  number: number;
  /** Offset of the rest of the key, and of that of the next one. */
  rest: number;
  restEnd: number;
  #left: number;
  #lengthBefore = 0;
  readonly #bytes: Uint8Array;
  readonly #codesEnd: number;
  readonly #codes: BitReader;
  readonly #sharedBits: number;
  readonly #lengthBits: number;
  readonly #numberBits: number;

  constructor(bytes: Uint8Array) {
    const reader = new ByteReader(bytes, 1);
    this.#bytes = bytes;
    this.#left = reader.varint();
    this.length = reader.varint();
    this.number = reader.varint();
    const coded = reader.varint();
    this.#sharedBits = reader.byte();
    this.#lengthBits = reader.byte();
    this.#numberBits = reader.byte();
    this.#codes = new BitReader(bytes, 8 * reader.position);
    this.rest = this.restEnd = this.#codesEnd = reader.position + coded;
    const isCode = Math.max(this.#sharedBits, this.#lengthBits, this.#numberBits) <= LOW_BITS_MAX;
    if (!isCode || this.#left * ENTRY_BITS_MIN > 8 * coded) throw corrupt();
  }

  /** Goes to the next entry; false after the last one. */
  next(): boolean {
    if (this.#left === 0) {
      if (this.#codes.position !== this.#codesEnd || this.restEnd !== this.#bytes.length) throw corrupt();
      return false;
    }
    this.#left -= 1;
    this.shared += unzigzag(this.#codes.rice(this.#sharedBits));
    this.length += unzigzag(this.#codes.rice(this.#lengthBits));
    this.number += unzigzag(this.#codes.rice(this.#numberBits));
    this.rest = this.restEnd;
    this.restEnd += this.length - this.shared;
    const isPossible = this.shared >= 0 && this.shared <= Math.min(this.length, this.#lengthBefore);
    if (!isPossible || this.restEnd > this.#bytes.length || this.number < 0) throw corrupt();
    this.#lengthBefore = this.length;
    return true;
  }
}

/** @throws StowkenError CORRUPT_STORE */
export function decodeLeanChunk(bytes: Uint8Array): KeyEntry[] {
  const entries: KeyEntry[] = [];
  let key = NO_KEY;
  for (const scan = new LeanScan(bytes); scan.next();) {
    key = Buffer.concat([key.subarray(0, scan.shared), bytes.subarray(scan.rest, scan.restEnd)]);
    entries.push({ key, number: scan.number });
  }
  return entries;
}

/** Yields entries as another form spells them: by bytes shared, rest, and distance to the number before. */
export function* spelledEntries(bytes: Uint8Array): Generator<SpelledEntry, void, void> {
  let before = 0;
  for (const scan = new LeanScan(bytes); scan.next();) {
    const { shared, rest, restEnd, number } = scan;
    yield { shared, rest: bytes.subarray(rest, restEnd), distance: number - before };
    before = number;
  }
}

/** Returns the number of a key; undefined: it is not there. @throws StowkenError CORRUPT_STORE */
export function findInLeanChunk(bytes: Uint8Array, wanted: Uint8Array): number | undefined {
  /** Bytes shared by the key that is wanted and the one just passed. */
  let passed = 0;
  for (const scan = new LeanScan(bytes); scan.next();) {
    // It shares more with the key before than the wanted one does: both are on the same side of that.
    if (scan.shared > passed) continue;
    if (scan.shared < passed) return undefined;
    let at = scan.rest;
    let equal = passed;
    while (at < scan.restEnd && equal < wanted.length && bytes[at] === wanted[equal]) {
      at += 1;
      equal += 1;
    }
    if (equal === wanted.length) return at === scan.restEnd ? scan.number : undefined;
    if (at < scan.restEnd && bytes[at]! > wanted[equal]!) return undefined;
    passed = equal;
  }
  return undefined;
}

function corrupt(): StowkenError {
  return new StowkenError('CORRUPT_STORE', 'a chunk of a key index does not decode');
}

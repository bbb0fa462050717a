import { ByteReader, ByteWriter } from '../../shared/bytes.js';
import { commonPrefix, equalBytes, type KeyEntry } from './key-bytes.js';
import { decodeLeanChunk, findInLeanChunk, isLeanChunk, spelledEntries } from './lean-key-chunk.js';

export type { KeyEntry } from './key-bytes.js';

/** Place of a key in a chunk, present or to be inserted. */
export interface KeyPlace {
  /** Number of the key, if it is present. */
  readonly found: number | undefined;
  /** True if a new entry would be the chunk's last. */
  readonly atEnd: boolean;
  /** Offset of its own entry, or else of the first that is greater. */
  readonly cut: number;
  /** Bytes shared with the entry before the cut, and that entry's number. */
  readonly shared: number;
  readonly numberBefore: number;
  readonly next: NextEntry | undefined;
}

interface NextEntry {
  readonly sharedWithNew: number;
  /** Begin of its bytes after those shared with the new entry, and their end. */
  readonly rest: number;
  readonly restEnd: number;
  readonly number: number;
  /** Offset of the entry after it. */
  readonly end: number;
}

/**
 * Locates a key in a chunk of a key index: keys in the order of their bytes, each as the number of bytes
 * shared with the one before, the rest, and the distance to the number before. Searched and changed as bytes.
 * The chunk is a plain one.
 */
export function locateKey(chunk: Uint8Array, key: Uint8Array): KeyPlace {
  const reader = new ByteReader(chunk);
  /** Bytes shared by the key and the entry just passed. */
  let shared = 0;
  let number = 0;
  while (!reader.atEnd) {
    const cut = reader.position;
    const sharedBefore = reader.varint();
    const length = reader.varint();
    // Without a view of it: a search passes many entries.
    const rest = reader.skip(length);
    const numberBefore = number;
    number += reader.zigzag();
    // It shares more with the entry before than the key does: both are on the same side of the key.
    if (sharedBefore > shared) continue;
    const equal = sharedBefore < shared ? 0 : equalBytes(chunk, rest, rest + length, key, shared);
    const sharedWithNew = sharedBefore + equal;
    const keyEnds = sharedWithNew === key.length;
    if (sharedBefore === shared && equal === length && keyEnds) {
      return { found: number, atEnd: reader.atEnd, cut, shared, numberBefore, next: undefined };
    }
    const isGreater =
      sharedBefore < shared || keyEnds || (equal < length && chunk[rest + equal]! > key[sharedWithNew]!);
    if (isGreater) {
      const end = reader.position;
      const next = { sharedWithNew, rest: rest + equal, restEnd: rest + length, number, end };
      return { found: undefined, atEnd: false, cut, shared, numberBefore, next };
    }
    shared = sharedWithNew;
  }
  return { found: undefined, atEnd: true, cut: chunk.length, shared, numberBefore: number, next: undefined };
}

/** Returns a new chunk with the key at the place that locateKey found. */
export function insertKey(chunk: Uint8Array, place: KeyPlace, { key, number }: KeyEntry): Uint8Array {
  const { cut, shared, numberBefore, next } = place;
  const writer = new ByteWriter(chunk.length + key.length + 16);
  writer.raw(chunk.subarray(0, cut));
  writeEntry(writer, shared, key.subarray(shared), number - numberBefore);
  if (next) {
    writeEntry(writer, next.sharedWithNew, chunk.subarray(next.rest, next.restEnd), next.number - number);
    writer.raw(chunk.subarray(next.end));
  }
  return writer.finish();
}

export function encodeKeyChunk(entries: readonly KeyEntry[]): Uint8Array {
  const writer = new ByteWriter();
  let before: KeyEntry = { key: Buffer.alloc(0), number: 0 };
  for (const entry of entries) {
    const shared = commonPrefix(before.key, entry.key);
    writeEntry(writer, shared, entry.key.subarray(shared), entry.number - before.number);
    before = entry;
  }
  return writer.finish();
}

/** Returns the number of a key in a chunk of either form. @throws StowkenError CORRUPT_STORE */
export function findInChunk(chunk: Uint8Array, key: Uint8Array): number | undefined {
  return isLeanChunk(chunk) ? findInLeanChunk(chunk, key) : locateKey(chunk, key).found;
}

/** Returns a chunk's entries in the plain form, which can be changed. @throws StowkenError CORRUPT_STORE */
export function plainChunk(chunk: Uint8Array): Uint8Array {
  if (!isLeanChunk(chunk)) return chunk.slice();
  const writer = new ByteWriter(2 * chunk.length);
  for (const { shared, rest, distance } of spelledEntries(chunk)) writeEntry(writer, shared, rest, distance);
  return writer.finish();
}

/** Decodes a chunk of either form. @throws StowkenError CORRUPT_STORE */
export function decodeKeyChunk(chunk: Uint8Array): KeyEntry[] {
  if (isLeanChunk(chunk)) return decodeLeanChunk(chunk);
  return [...entriesAfter(new ByteReader(chunk), Buffer.alloc(0), 0)];
}

/** Returns the entries of a chunk of either form from a key on. @throws StowkenError CORRUPT_STORE */
export function entriesFrom(chunk: Uint8Array, key: Buffer): Iterable<KeyEntry> {
  if (isLeanChunk(chunk)) return decodeLeanChunk(chunk).filter((entry) => entry.key.compare(key) >= 0);
  const { cut, shared, numberBefore } = locateKey(chunk, key);
  return entriesAfter(new ByteReader(chunk, cut), key.subarray(0, shared), numberBefore);
}

/**
 * Returns the entries after an offset. `keyBefore` may be a prefix of the key before, of at least the length
 * that the next one shares.
 */
function* entriesAfter(
  reader: ByteReader,
  keyBefore: Buffer,
  numberBefore: number,
): Generator<KeyEntry, void, void> {
  let [key, number] = [keyBefore, numberBefore];
  while (!reader.atEnd) {
    const shared = reader.varint();
    key = Buffer.concat([key.subarray(0, shared), reader.raw(reader.varint())]);
    number += reader.zigzag();
    yield { key, number };
  }
}

function writeEntry(writer: ByteWriter, shared: number, rest: Uint8Array, numberDistance: number): void {
  writer.varint(shared).varint(rest.length).raw(rest).zigzag(numberDistance);
}

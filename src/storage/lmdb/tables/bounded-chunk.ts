import { ByteReader, ByteWriter, varintBytes } from '../../shared/bytes.js';
import { commonPrefix } from './key-bytes.js';
import { decodeKeyChunk, type KeyEntry } from './key-chunk.js';

/**
 * A chunk of a key index as its record has it. The record has the end of the chunk's keys. So a chunk whose
 * checksum is right proves for every key between its own and that end whether the index has it: no search
 * depends on other records being found.
 */
export interface BoundedChunk {
  /** Key of the next chunk; undefined: this is the last one. */
  readonly end: Buffer | undefined;
  readonly entries: Uint8Array;
}

const LAST = 0;

/**
 * Encodes a chunk: varint 0 for the last one, otherwise 1 + the bytes that key and end share at their
 * beginnings, and text of the end's rest; entries.
 */
export function encodeBoundedChunk(key: Buffer, { end, entries }: BoundedChunk): Uint8Array {
  const writer = new ByteWriter(entries.length + 64);
  if (end === undefined) writer.varint(LAST);
  else {
    const shared = commonPrefix(key, end);
    writer
      .varint(1 + shared)
      .varint(end.length - shared)
      .raw(end.subarray(shared));
  }
  return writer.raw(entries).finish();
}

/** Decodes a chunk; its entries are a view of the record. @throws StowkenError CORRUPT_STORE */
export function decodeBoundedChunk(key: Buffer, record: Uint8Array): BoundedChunk {
  const reader = new ByteReader(record);
  const shared = reader.varint() - 1;
  if (shared < 0) return { end: undefined, entries: reader.rest() };
  const length = reader.varint();
  const rest = reader.skip(length);
  // Ends are short: copied here byte by byte, without views.
  const end = Buffer.allocUnsafe(shared + length);
  for (let at = 0; at < shared; at++) end[at] = key[at]!;
  for (let at = 0; at < length; at++) end[shared + at] = record[rest + at]!;
  return { end, entries: reader.rest() };
}

/**
 * Returns a chunk's entries, a view of the record, if the chunk ends after a key, which is not below the
 * chunk's own key.
 */
export function entriesUpTo(key: Buffer, chunkKey: Buffer, record: Uint8Array): Uint8Array | undefined {
  const reader = new ByteReader(record);
  const shared = reader.varint() - 1;
  if (shared < 0) return reader.rest();
  const length = reader.varint();
  const rest = reader.skip(length);
  return isBelow(key, chunkKey, shared, record, rest, length) ? reader.rest() : undefined;
}

/** True if a key is below one that begins like another, and ends with these bytes of a record. */
function isBelow(
  key: Buffer,
  begin: Buffer,
  shared: number,
  record: Uint8Array,
  rest: number,
  length: number,
): boolean {
  const end = shared + length;
  for (let at = 0; at < end; at++) {
    // The key ends here.
    if (at >= key.length) return true;
    const distance = key[at]! - (at < shared ? begin[at]! : record[rest + at - shared]!);
    if (distance !== 0) return distance < 0;
  }
  return false;
}

/** Returns the entries of a chunk, for callers that read a whole index. */
export function entriesOfChunk(key: Buffer, record: Uint8Array): KeyEntry[] {
  return decodeKeyChunk(decodeBoundedChunk(key, record).entries);
}

/** Returns the bytes of the end in a record. */
export function endBytes(key: Buffer, end: Buffer | undefined): number {
  if (end === undefined) return 1;
  const shared = commonPrefix(key, end);
  const rest = end.length - shared;
  return varintBytes(1 + shared) + varintBytes(rest) + rest;
}

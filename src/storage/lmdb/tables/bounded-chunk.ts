import { ByteReader, ByteWriter, varintBytes } from '../../shared/bytes.js';
import { commonPrefix, decodeKeyChunk, type KeyEntry } from './key-chunk.js';

/**
 * A chunk of a key index as its record has it. The record says where the chunk's keys end, so that a chunk whose checksum
 * is right proves of every key between its own and that end whether the index has it: no search depends on other
 * records being found.
 */
export interface BoundedChunk {
  /** Key of the chunk that comes next; undefined: this is the last one. */
  readonly end: Buffer | undefined;
  readonly entries: Uint8Array;
}

const LAST = 0;

/** Varint 0 in the last chunk, else 1 + the bytes that key and end begin with alike, and text of the end's rest; entries. */
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

/** Entries are a view of the record. @throws StowkenError CORRUPT_STORE */
export function decodeBoundedChunk(key: Buffer, record: Uint8Array): BoundedChunk {
  const reader = new ByteReader(record);
  const shared = reader.varint() - 1;
  if (shared < 0) return { end: undefined, entries: reader.rest() };
  const end = Buffer.concat([key.subarray(0, shared), reader.raw(reader.varint())]);
  return { end, entries: reader.rest() };
}

/** The entries of a chunk, for those who read a whole index. @throws StowkenError CORRUPT_STORE */
export function entriesOfChunk(key: Buffer, record: Uint8Array): KeyEntry[] {
  return decodeKeyChunk(decodeBoundedChunk(key, record).entries);
}

/** Bytes that the end takes in a record. */
export function endBytes(key: Buffer, end: Buffer | undefined): number {
  if (end === undefined) return 1;
  const shared = commonPrefix(key, end);
  const rest = end.length - shared;
  return varintBytes(1 + shared) + varintBytes(rest) + rest;
}

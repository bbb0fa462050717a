import { ByteReader, ByteWriter, varintBytes } from '../../shared/bytes.js';
import { commonPrefix, decodeKeyChunk, type KeyEntry } from './key-chunk.js';

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
  const end = Buffer.concat([key.subarray(0, shared), reader.raw(reader.varint())]);
  return { end, entries: reader.rest() };
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

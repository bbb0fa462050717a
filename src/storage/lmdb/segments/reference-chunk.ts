import { StowkenError } from '../../../model/index.js';
import { ByteReader, ByteWriter, varintBytes } from '../../bytes.js';

/** An outside reference as bytes, one character each, so that strings compare as the bytes do. */
export type ReferenceBytes = string;

/** Stands between a holder and a segment's id; no UTF-8 has it. */
const SEPARATOR = '\xff';
const TAIL_BYTES = 5;

/** A holder's references lie together, in the order of the segments' ids. */
export function referenceBytes(id: number, holder: string): ReferenceBytes {
  const tail = Buffer.alloc(TAIL_BYTES - 1);
  tail.writeUInt32BE(id);
  return Buffer.from(holder, 'utf8').toString('latin1') + SEPARATOR + tail.toString('latin1');
}

/** @throws StowkenError CORRUPT_STORE */
export function referenceOfBytes(bytes: ReferenceBytes): { readonly id: number; readonly holder: string } {
  const holderBytes = bytes.length - TAIL_BYTES;
  if (holderBytes < 1 || bytes[holderBytes] !== SEPARATOR) {
    throw new StowkenError('CORRUPT_STORE', 'a stored reference does not decode');
  }
  const raw = Buffer.from(bytes, 'latin1');
  return {
    id: raw.readUInt32BE(holderBytes + 1),
    holder: raw.subarray(0, holderBytes).toString('utf8'),
  };
}

/** Each entry: the bytes that it shares with the one before, and the rest. */
export function decodeReferences(record: Uint8Array): ReferenceBytes[] {
  const reader = new ByteReader(record);
  const entries: ReferenceBytes[] = [];
  let before = '';
  while (!reader.atEnd) {
    const shared = reader.varint();
    const rest = reader.raw(reader.varint());
    before = before.slice(0, shared) + Buffer.from(rest).toString('latin1');
    entries.push(before);
  }
  return entries;
}

export interface ReferenceChunk {
  readonly first: ReferenceBytes;
  readonly last: ReferenceBytes;
  readonly record: Uint8Array;
}

/** Entries in their order as chunks of `bytesMax` bytes at most, but for an entry that is longer alone. */
export function encodeReferences(entries: readonly ReferenceBytes[], bytesMax: number): ReferenceChunk[] {
  const chunks: ReferenceChunk[] = [];
  let writer = new ByteWriter();
  let first = entries[0] ?? '';
  let before = '';
  const finish = (last: ReferenceBytes) => chunks.push({ first, last, record: writer.finish() });
  for (const entry of entries) {
    if (writer.length > 0 && writer.length + entryBytes(before, entry) > bytesMax) {
      finish(before);
      writer = new ByteWriter();
      first = entry;
      before = '';
    }
    const shared = sharedLength(before, entry);
    const rest = Buffer.from(entry.slice(shared), 'latin1');
    writer.varint(shared).varint(rest.length).raw(rest);
    before = entry;
  }
  if (writer.length > 0) finish(before);
  return chunks;
}

/** What the entries take in one chunk. */
export function encodedBytes(entries: readonly ReferenceBytes[]): number {
  return entries.reduce((sum, entry, index) => sum + entryBytes(entries[index - 1] ?? '', entry), 0);
}

function entryBytes(before: ReferenceBytes, entry: ReferenceBytes): number {
  const shared = sharedLength(before, entry);
  const rest = entry.length - shared;
  return varintBytes(shared) + varintBytes(rest) + rest;
}

export function sharedLength(a: ReferenceBytes, b: ReferenceBytes): number {
  const end = Math.min(a.length, b.length);
  let length = 0;
  while (length < end && a.charCodeAt(length) === b.charCodeAt(length)) length++;
  return length;
}

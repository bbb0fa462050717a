import { StowkenError } from '../../model/index.js';
import { ByteReader, ByteWriter } from '../bytes.js';

const ENTRY_BYTES_MAX = 16;

/** A fingerprint, which is a hash's first 32 bits, and the segment's id. */
export interface IndexEntry {
  readonly fingerprint: number;
  readonly id: number;
}

/**
 * A chunk of the hash index: entries in the order of their fingerprints, each as the distance to the
 * fingerprint before (at first to the chunk's `base`) and the id. Chunks are searched and changed as
 * bytes: they are read far more often than a list of entries could be made of them.
 */
export const emptyChunk = Buffer.alloc(0);

/** Ids of the entries with this fingerprint. Reads `chunk` during the call only. @throws StowkenError CORRUPT_STORE */
export function idsIn(chunk: Uint8Array, base: number, fingerprint: number): number[] {
  const ids: number[] = [];
  let current = base;
  let at = 0;
  // By hand, without a reader: this loop is most of what finding a segment costs.
  while (at < chunk.length) {
    let scale = 1;
    let byte: number;
    do {
      byte = chunk[at++]!;
      current += (byte & 0x7f) * scale;
      scale *= 0x80;
    } while (byte >= 0x80);
    if (current > fingerprint) return ids;
    if (current === fingerprint) ids.push(new ByteReader(chunk, at).varint());
    while (chunk[at++]! >= 0x80);
  }
  if (at > chunk.length) throw new StowkenError('CORRUPT_STORE', 'a chunk of the hash index is cut off');
  return ids;
}

/** A new chunk that has these entries more, which come in the order of their fingerprints. */
export function withEntries(chunk: Uint8Array, base: number, entries: readonly IndexEntry[]): Uint8Array {
  const writer = new ByteWriter(chunk.length + ENTRY_BYTES_MAX * entries.length);
  const reader = new ByteReader(chunk);
  /** The last fingerprints that were written and that were read, and where the bytes begin that are not copied. */
  let written = base;
  let read = base;
  let copied = 0;
  const copyRead = (end: number, last: number) => {
    if (copied === end) return;
    if (written !== read) {
      const first = new ByteReader(chunk, copied);
      writer.varint(read + first.varint() - written);
      copied = first.position;
    }
    writer.raw(chunk.subarray(copied, end));
    copied = end;
    written = read = last;
  };
  for (const { fingerprint, id } of entries) {
    let last = read;
    let end = copied;
    reader.position = copied;
    while (!reader.atEnd) {
      const current = last + reader.varint();
      if (current > fingerprint) break;
      reader.varint();
      last = current;
      end = reader.position;
    }
    copyRead(end, last);
    writer.varint(fingerprint - written).varint(id);
    written = fingerprint;
  }
  copyRead(chunk.length, read);
  return writer.finish();
}

export function encodeIndexChunk(base: number, entries: readonly IndexEntry[]): Uint8Array {
  const writer = new ByteWriter();
  let before = base;
  for (const { fingerprint, id } of entries) {
    writer.varint(fingerprint - before).varint(id);
    before = fingerprint;
  }
  return writer.finish();
}

export function decodeIndexChunk(base: number, chunk: Uint8Array): IndexEntry[] {
  const entries: IndexEntry[] = [];
  const reader = new ByteReader(chunk);
  let fingerprint = base;
  while (!reader.atEnd) {
    fingerprint += reader.varint();
    entries.push({ fingerprint, id: reader.varint() });
  }
  return entries;
}

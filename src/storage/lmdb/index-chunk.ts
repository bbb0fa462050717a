import { ByteReader, ByteWriter, varintBytes } from '../bytes.js';

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

/** Ids of the entries with this fingerprint. Reads `chunk` during the call only. */
export function idsIn(chunk: Uint8Array, base: number, fingerprint: number): number[] {
  const ids: number[] = [];
  const reader = new ByteReader(chunk);
  for (let current = base; !reader.atEnd;) {
    current += reader.varint();
    if (current > fingerprint) break;
    const id = reader.varint();
    if (current === fingerprint) ids.push(id);
  }
  return ids;
}

/** A new chunk that has one entry more. */
export function withEntry(chunk: Uint8Array, base: number, { fingerprint, id }: IndexEntry): Uint8Array {
  const reader = new ByteReader(chunk);
  let before = base;
  let cut = 0;
  let next: number | undefined;
  while (!reader.atEnd) {
    const current = before + reader.varint();
    if (current > fingerprint) {
      next = current;
      break;
    }
    reader.varint();
    before = current;
    cut = reader.position;
  }
  const writer = new ByteWriter(chunk.length + 16);
  writer
    .raw(chunk.subarray(0, cut))
    .varint(fingerprint - before)
    .varint(id);
  if (next !== undefined) {
    writer.varint(next - fingerprint).raw(chunk.subarray(cut + varintBytes(next - before)));
  }
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

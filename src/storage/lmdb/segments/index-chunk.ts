import { StowkenError } from '../../../model/index.js';
import { ByteReader, ByteWriter } from '../../shared/bytes.js';
import type { SegmentId } from '../tables/ids.js';

const ENTRY_BYTES_MAX = 16;
const NONE: readonly SegmentId[] = [];

/** Key of the first chunk: LMDB ranges leave out key 0. */
export const FIRST_KEY = 1;

/** A fingerprint, which is a hash's first 32 bits, and the segment's id. */
export interface IndexEntry {
  readonly fingerprint: number;
  readonly id: SegmentId;
}

/**
 * A chunk of the hash index: entries in the order of their fingerprints, each with the distance to the
 * fingerprint before (for the first, to the chunk's `base`) and the id. Chunks are searched and changed as
 * bytes, because decoding them to a list for each access would cost more.
 */
export const LAST_FINGERPRINT = 0xffffffff;

/** Bytes before a chunk's entries: the greatest fingerprint that it may have, a u32, little-endian. */
export const BOUND_BYTES = 4;

/**
 * Returns the greatest fingerprint that belongs to a chunk; the next chunk has those above it. So a chunk
 * whose checksum is right proves for every fingerprint between its key and this one whether the index has it.
 */
export function lastOf(record: Uint8Array): number {
  if (record.length < BOUND_BYTES) throw cutOff();
  return (record[0]! | (record[1]! << 8) | (record[2]! << 16) | (record[3]! << 24)) >>> 0;
}

export function entriesOf(record: Uint8Array): Uint8Array {
  return record.subarray(BOUND_BYTES);
}

export function encodeBounded({ last, entries }: IndexChunk): Buffer {
  const record = Buffer.allocUnsafe(BOUND_BYTES + entries.length);
  record.writeUInt32LE(last, 0);
  record.set(entries, BOUND_BYTES);
  return record;
}

/** A chunk as a write transaction changes it. */
export interface IndexChunk {
  readonly last: number;
  readonly entries: Uint8Array;
}

/**
 * Entries of a chunk of the hash index: in the order of their fingerprints, each with the distance to the
 * fingerprint before (for the first, to the chunk's `base`) and the id. Chunks are searched and changed as
 * bytes, because decoding them to a list for each access would cost more.
 */
export const emptyChunk = Buffer.alloc(0);

/**
 * Returns ids of the entries with this fingerprint, in these bytes of `chunk`.
 * @throws StowkenError CORRUPT_STORE
 */
export function idsIn(
  chunk: Uint8Array,
  base: number,
  fingerprint: number,
  start = 0,
  length = chunk.length,
): readonly SegmentId[] {
  let ids: SegmentId[] | undefined;
  let current = base;
  let at = start;
  // Decoded by hand, without a reader: this loop is most of the cost of finding a segment.
  while (at < length) {
    let scale = 1;
    let byte: number;
    do {
      byte = chunk[at++]!;
      current += (byte & 0x7f) * scale;
      scale *= 0x80;
    } while (byte >= 0x80);
    if (current > fingerprint) break;
    if (current === fingerprint) (ids ??= []).push(new ByteReader(chunk, at).varint() as SegmentId);
    while (chunk[at++]! >= 0x80);
  }
  if (at > length) throw cutOff();
  return ids ?? NONE;
}

/**
 * Entries in the order of their fingerprints, as columns: an object for each would cost more than everything
 * else.
 */
export interface IndexEntries {
  readonly fingerprints: ArrayLike<number>;
  readonly ids: ArrayLike<number>;
}

/** Returns a new chunk with more entries, which are those in a range of `entries`. */
export function withEntries(
  chunk: Uint8Array,
  base: number,
  { fingerprints, ids }: IndexEntries,
  from: number,
  to: number,
): Uint8Array {
  const writer = new ByteWriter(chunk.length + ENTRY_BYTES_MAX * (to - from));
  /** Last fingerprints written and passed, and the begin of the bytes that are not copied yet. */
  let written = base;
  let passed = base;
  let at = 0;
  let copied = 0;
  /** Copies the passed bytes; `before` is the fingerprint from which their first entry counts. */
  const copyPassed = (before: number) => {
    if (copied === at) return;
    if (written !== before) {
      const first = new ByteReader(chunk, copied);
      writer.varint(before + first.varint() - written);
      copied = first.position;
    }
    writer.raw(chunk.subarray(copied, at));
    copied = at;
    written = passed;
  };
  for (let entry = from; entry < to; entry++) {
    const fingerprint = fingerprints[entry]!;
    const before = passed;
    // Decoded by hand, without a reader: a commit passes every entry of the chunks that it changes.
    while (at < chunk.length) {
      let next = at;
      let current = passed;
      let scale = 1;
      let byte: number;
      do {
        byte = chunk[next++]!;
        current += (byte & 0x7f) * scale;
        scale *= 0x80;
      } while (byte >= 0x80);
      if (current > fingerprint) break;
      while (chunk[next++]! >= 0x80);
      at = next;
      passed = current;
    }
    if (at > chunk.length) throw cutOff();
    copyPassed(before);
    writer.varint(fingerprint - written).varint(ids[entry]!);
    written = fingerprint;
  }
  const before = passed;
  at = chunk.length;
  copyPassed(before);
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
    entries.push({ fingerprint, id: reader.varint() as SegmentId });
  }
  return entries;
}

/** Splits a chunk near its middle between two different fingerprints; undefined if it has only one. */
export function halveChunk(
  chunk: Uint8Array,
  base: number,
): { readonly left: Uint8Array; readonly right: Uint8Array; readonly rightBase: number } | undefined {
  const reader = new ByteReader(chunk);
  let fingerprint = base;
  let cut: { readonly at: number; readonly idAt: number; readonly fingerprint: number } | undefined;
  while (!reader.atEnd && !(cut && reader.position > chunk.length / 2)) {
    const at = reader.position;
    const distance = reader.varint();
    fingerprint += distance;
    if (at > 0 && distance > 0 && fingerprint > FIRST_KEY) cut = { at, idAt: reader.position, fingerprint };
    reader.varint();
  }
  if (!cut) return undefined;
  // The right part counts from its own first fingerprint.
  const right = new ByteWriter(chunk.length).varint(0).raw(chunk.subarray(cut.idAt)).finish();
  return { left: chunk.subarray(0, cut.at), right, rightBase: cut.fingerprint };
}

function cutOff(): StowkenError {
  return new StowkenError('CORRUPT_STORE', 'a chunk of the hash index is cut off');
}

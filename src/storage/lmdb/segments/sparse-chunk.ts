// A chunk as formats 2 and 3 wrote it: after the bound, entries in the order of their fingerprints: varint
// distance to the one before (for the first, to the chunk's `base`), varint segment.
import { StowkenError } from '../../../model/index.js';
import { ByteReader } from '../../shared/bytes.js';
import type { SegmentId } from '../tables/ids.js';
import { type Entries, printOf } from './dense-chunk.js';

const NONE: readonly SegmentId[] = [];

/**
 * Returns ids of the entries with this fingerprint, in these bytes of a chunk.
 * @throws StowkenError CORRUPT_STORE
 */
export function idsInSparse(
  chunk: Uint8Array,
  start: number,
  length: number,
  base: number,
  fingerprint: number,
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

/** Returns all entries. @throws StowkenError CORRUPT_STORE */
export function decodeSparse(chunk: Uint8Array, start: number, base: number): Entries {
  const prints: number[] = [];
  const ids: number[] = [];
  const reader = new ByteReader(chunk, start);
  let fingerprint = base;
  while (!reader.atEnd) {
    fingerprint += reader.varint();
    prints.push(printOf(fingerprint));
    ids.push(reader.varint());
  }
  return { prints: Uint32Array.from(prints), ids: Uint32Array.from(ids) };
}

function cutOff(): StowkenError {
  return new StowkenError('CORRUPT_STORE', 'a chunk of the hash index is cut off');
}

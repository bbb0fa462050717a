// Layout of a pack's record: a head (twice the number of entries, plus one if the last tail continues in the
// next pack), the sizes of all entries, and then their pieces. Frames' lengths and tokens are sizes; the rest
// of a tail that began in the pack before has only its own length. Sizes are plain or, as compaction writes
// them, lean. Keys: twice the first id, plus one if the pack begins with such a rest.
import { type ByteWriter, varintBytes } from '../../shared/bytes.js';
import { INLINE_VALUE_BYTES, overflowBytes, PAGE_BYTES, TAIL_BYTES_MAX } from '../tables/layout.js';
import type { SegmentId } from '../tables/ids.js';

/** Position of a pack: the first id, and whether it begins with the rest of that segment's tail. */
export interface PackPosition {
  readonly firstId: SegmentId;
  /** True if the first entry is the rest of a tail that began in the pack before. */
  readonly continues: boolean;
}

/** Sizes of an entry of a pack. */
export interface EntrySizes {
  /** Length of the whole frame; 0 if the segment is deleted, or its frame only ends here. */
  readonly frameBytes: number;
  readonly tokenCount: number;
}

/** Entry of a segment in a pack. */
export interface PackEntry extends EntrySizes {
  /** The frame's tail, or the part of it in this pack. */
  readonly piece: Uint8Array;
}

/** Returns the greatest key that a frame's first pack may have: it is the pack at or before this key. */
export function startKey(id: SegmentId): number {
  return 2 * id;
}

/** Returns the key of a pack that begins with the rest of a frame. */
export function restKey(id: SegmentId): number {
  return 2 * id + 1;
}

export function keyOfPack({ firstId, continues }: PackPosition): number {
  return continues ? restKey(firstId) : startKey(firstId);
}

export function writeHead(writer: ByteWriter, entries: number, continued: boolean): void {
  writer.varint(2 * entries + (continued ? 1 : 0));
}

/** Returns the bytes of the head of a pack with so many entries. */
export function headBytes(entries: number): number {
  return varintBytes(2 * entries + 1);
}

/** Parts of a frame: first overflow pages, then half a leaf page, then the pack. */
export interface FramePieces {
  /** Bytes in `frameOverflowPages`; 0: none. */
  readonly headBytes: number;
  /** Bytes in `frameHalfPages`; 0: none. */
  readonly halfBytes: number;
  /** Bytes in `packs`, in one pack or two. */
  readonly tailBytes: number;
}

/**
 * Computes the parts from the length only, so nothing about them has to be stored. Parts fill pages and
 * halves of pages, except for lengths just below them, which waste less than a hundred bytes.
 */
export function framePieces(frameBytes: number): FramePieces {
  const pages = Math.floor((frameBytes + PAGE_BYTES - overflowBytes(1)) / PAGE_BYTES);
  const headBytes = pages > 0 ? overflowBytes(pages) : 0;
  const rest = frameBytes - headBytes;
  if (rest > INLINE_VALUE_BYTES + TAIL_BYTES_MAX)
    return { headBytes: frameBytes, halfBytes: 0, tailBytes: 0 };
  const halfBytes = rest > TAIL_BYTES_MAX ? Math.min(rest, INLINE_VALUE_BYTES) : 0;
  return { headBytes, halfBytes, tailBytes: rest - halfBytes };
}

/** Returns the bytes of a frame of this length that are in a pack; 0 for a deleted one. */
export function tailBytesOf(frameBytes: number): number {
  return frameBytes <= TAIL_BYTES_MAX ? frameBytes : framePieces(frameBytes).tailBytes;
}

// Layout of a pack's record: a head (twice the number of entries, plus one if the last tail continues in the
// next pack), the sizes of all entries, and then their pieces. Frames' lengths and tokens are sizes; the rest
// of a tail that began in the pack before has only its own length. Keys: twice the first id, plus one if the
// pack begins with such a rest.
import { ByteReader, type ByteWriter, varintBytes } from '../../shared/bytes.js';
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

export function writeSizes(writer: ByteWriter, { frameBytes, tokenCount }: EntrySizes): void {
  writer.varint(frameBytes);
  if (frameBytes > 0) writer.varint(tokenCount);
}

/** Returns the bytes that writeSizes writes. */
export function sizesBytes({ frameBytes, tokenCount }: EntrySizes): number {
  return frameBytes === 0 ? 1 : varintBytes(frameBytes) + varintBytes(tokenCount);
}

/** Writes the size of the rest of a tail, which is a pack's first entry. */
export function writeRestSize(writer: ByteWriter, rest: Uint8Array): void {
  writer.varint(rest.length);
}

/**
 * Reads a pack's record: first the head, then the sizes, entry by entry. Readers of single entries and of
 * whole packs walk over the same sizes. @throws StowkenError CORRUPT_STORE
 */
export class PackScan implements PackPosition, EntrySizes {
  readonly firstId: SegmentId;
  readonly continues: boolean;
  /** True if the last entry's tail continues in the next pack. */
  readonly continued: boolean;
  /** Number of entries. */
  readonly entries: number;
  /** Index of the current entry; its sizes are in the fields below. */
  index = -1;
  frameBytes = 0;
  tokenCount = 0;
  /** Bytes of its piece; if its tail continues in the next pack, the piece is shorter. */
  pieceBytes = 0;
  readonly #reader: ByteReader;

  constructor(key: number, record: Uint8Array) {
    this.#reader = new ByteReader(record);
    const head = this.#reader.varint();
    this.firstId = Math.floor(key / 2) as SegmentId;
    this.continues = key % 2 === 1;
    this.continued = head % 2 === 1;
    this.entries = Math.floor(head / 2);
  }

  /** Offset of the sizes that are not read yet, and after them of the pieces. */
  get position(): number {
    return this.#reader.position;
  }

  /** Reads the sizes of the next entry. Returns false after the last one. */
  next(): boolean {
    if (++this.index >= this.entries) return false;
    const length = this.#reader.varint();
    const isRest = this.index === 0 && this.continues;
    this.frameBytes = isRest ? 0 : length;
    this.tokenCount = this.frameBytes === 0 ? 0 : this.#reader.varint();
    this.pieceBytes = isRest ? length : tailBytesOf(length);
    return true;
  }

  /**
   * Returns whether the piece of the entry at this index ends with the record, and not where its tail ends.
   */
  isOpen(index: number): boolean {
    return this.continued && index === this.entries - 1;
  }
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
function tailBytesOf(frameBytes: number): number {
  return frameBytes === 0 ? 0 : framePieces(frameBytes).tailBytes;
}

import { StowkenError } from '../../../model/index.js';
import { ByteReader, ByteWriter, varintBytes } from '../../shared/bytes.js';
import { INLINE_VALUE_BYTES, overflowBytes, PAGE_BYTES, TAIL_BYTES_MAX } from '../tables/layout.js';

/** Entry of a segment in a pack. */
export interface PackEntry {
  /** Length of the whole frame; 0 if the segment is deleted, or its frame only ends here. */
  readonly frameBytes: number;
  readonly tokenCount: number;
  /** The frame's tail, or the part of it in this pack. */
  readonly piece: Uint8Array;
}

/** Frames of segments with consecutive ids. */
export interface Pack {
  readonly firstId: number;
  /** True if the first entry is the rest of a tail that began in the pack before. */
  readonly continues: boolean;
  /** True if the last entry's tail continues in the next pack. */
  readonly continued: boolean;
  readonly entries: readonly PackEntry[];
}

export const deletedEntry: PackEntry = { frameBytes: 0, tokenCount: 0, piece: Buffer.alloc(0) };

/** Returns the greatest key that a frame's first pack may have: it is the pack at or before this key. */
export function startKey(id: number): number {
  return 2 * id;
}

/** Returns the key of a pack that begins with the rest of a frame. */
export function restKey(id: number): number {
  return 2 * id + 1;
}

export function keyOfPack({ firstId, continues }: Pick<Pack, 'firstId' | 'continues'>): number {
  return continues ? restKey(firstId) : startKey(firstId);
}

export function encodePack({ continues, continued, entries }: Omit<Pack, 'firstId'>): Uint8Array {
  const writer = new ByteWriter(INLINE_VALUE_BYTES + 16);
  writer.varint(entries.length * 2 + (continued ? 1 : 0));
  entries.forEach(({ frameBytes, tokenCount, piece }, index) => {
    if (index === 0 && continues) writer.varint(piece.length);
    else if (frameBytes === 0) writer.varint(0);
    else writer.varint(frameBytes).varint(tokenCount);
  });
  for (const { piece } of entries) writer.raw(piece);
  return writer.finish();
}

/** Decodes a pack; pieces are views of the record. */
export function decodePack(key: number, record: Uint8Array): Pack {
  const continues = key % 2 === 1;
  const reader = new ByteReader(record);
  const head = reader.varint();
  const continued = head % 2 === 1;
  const count = Math.floor(head / 2);
  const sizes: { frameBytes: number; tokenCount: number; pieceBytes: number }[] = [];
  for (let index = 0; index < count; index++) {
    const length = reader.varint();
    if (index === 0 && continues) sizes.push({ frameBytes: 0, tokenCount: 0, pieceBytes: length });
    else {
      const tokenCount = length === 0 ? 0 : reader.varint();
      sizes.push({ frameBytes: length, tokenCount, pieceBytes: tailBytesOf(length) });
    }
  }
  const entries = sizes.map(({ frameBytes, tokenCount, pieceBytes }, index) => {
    const open = continued && index === count - 1;
    return { frameBytes, tokenCount, piece: open ? reader.rest() : reader.raw(pieceBytes) };
  });
  if (!reader.atEnd) throw new StowkenError('CORRUPT_STORE', 'a pack is longer than its entries');
  return { firstId: Math.floor(key / 2), continues, continued, entries };
}

/** A stored pack whose entries are not decoded. */
export interface PackParts extends Pick<Pack, 'firstId' | 'continues' | 'continued'> {
  readonly entries: number;
  /** Lengths and tokens of the entries, and then their pieces: views of the record. */
  readonly sizes: Uint8Array;
  readonly pieces: Uint8Array;
}

/** @throws StowkenError CORRUPT_STORE */
export function partsOfPack(key: number, record: Uint8Array): PackParts {
  const continues = key % 2 === 1;
  const reader = new ByteReader(record);
  const head = reader.varint();
  const continued = head % 2 === 1;
  const entries = Math.floor(head / 2);
  const start = reader.position;
  let pieceBytes = 0;
  for (let index = 0; index < entries; index++) {
    const length = reader.varint();
    const isRest = index === 0 && continues;
    if (!isRest && length > 0) reader.varint();
    pieceBytes += isRest ? length : tailBytesOf(length);
  }
  const sizes = record.subarray(start, reader.position);
  const pieces = record.subarray(reader.position);
  if (!continued && pieces.length !== pieceBytes) {
    throw new StowkenError('CORRUPT_STORE', 'a pack is not as long as its entries');
  }
  return { firstId: Math.floor(key / 2), continues, continued, entries, sizes, pieces };
}

/** Returns a pack without deleted segments at its end; undefined if nothing is left of it. */
export function trimPack(pack: Pack): Pack | undefined {
  const entries = [...pack.entries];
  while (entries.length > 0 && isEmpty(entries.at(-1))) entries.pop();
  if (entries.length === 0) return undefined;
  return { ...pack, entries, continued: pack.continued && entries.length === pack.entries.length };
}

/** Returns the bytes of an entry besides its piece. */
export function entryBytes({ frameBytes, tokenCount }: Omit<PackEntry, 'piece'>): number {
  return frameBytes === 0 ? 1 : varintBytes(frameBytes) + varintBytes(tokenCount);
}

/** A tail may be empty if the frame is in whole pages: only an entry without a length is deleted. */
function isEmpty(entry: PackEntry | undefined): boolean {
  return entry === undefined || (entry.frameBytes === 0 && entry.piece.length === 0);
}

/** An entry found in a pack that is not decoded: most readers want few of its frames. */
export interface PackPlace extends PackEntry {
  /** True if the tail continues in the next pack. */
  readonly open: boolean;
}

/** A pack as bytes, in which single segments are found. */
export class PackView {
  readonly #firstId: number;
  readonly #count: number;
  readonly #continues: boolean;
  readonly #continued: boolean;
  readonly #headBytes: number;

  constructor(
    key: number,
    private readonly record: Uint8Array,
  ) {
    const reader = new ByteReader(record);
    const head = reader.varint();
    this.#firstId = Math.floor(key / 2);
    this.#count = Math.floor(head / 2);
    this.#continues = key % 2 === 1;
    this.#continued = head % 2 === 1;
    this.#headBytes = reader.position;
  }

  /** True if the segment, if it is stored, begins here. */
  covers(id: number): boolean {
    const index = id - this.#firstId;
    return index >= (this.#continues ? 1 : 0) && index < this.#count;
  }

  /** Returns undefined if it does not begin here or is not stored. The piece is a view of the record. */
  find(id: number): PackPlace | undefined {
    if (!this.covers(id)) return undefined;
    const wanted = id - this.#firstId;
    const reader = new ByteReader(this.record, this.#headBytes);
    let before = 0;
    let frameBytes = 0;
    let tokenCount = 0;
    for (let index = 0; index < this.#count; index++) {
      const length = reader.varint();
      const isRest = index === 0 && this.#continues;
      const tokens = isRest || length === 0 ? 0 : reader.varint();
      if (index < wanted) before += isRest ? length : tailBytesOf(length);
      else if (index === wanted) [frameBytes, tokenCount] = [length, tokens];
    }
    if (frameBytes === 0) return undefined;
    reader.position += before;
    const open = this.#continued && wanted === this.#count - 1;
    return {
      frameBytes,
      tokenCount,
      piece: open ? reader.rest() : reader.raw(tailBytesOf(frameBytes)),
      open,
    };
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
export function tailBytesOf(frameBytes: number): number {
  return frameBytes === 0 ? 0 : framePieces(frameBytes).tailBytes;
}

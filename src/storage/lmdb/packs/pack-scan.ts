import { StowkenError } from '../../../model/index.js';
import { ByteReader } from '../../shared/bytes.js';
import type { SegmentId } from '../tables/ids.js';
import { GROUP, LEAN, type LeanForm, LeanSizesReader } from './lean-sizes.js';
import { type EntrySizes, type PackPosition, tailBytesOf } from './pack-layout.js';

/** Place of an entry's piece. */
export interface PiecePlace {
  readonly index: number;
  readonly bytesBefore: number;
  readonly pieceBytes: number;
  readonly lacksFirst: boolean;
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
  /** Offset of the sizes of a plain pack. */
  readonly sizesAt: number;
  /** Index of the current entry; its sizes are in the fields below. */
  index = -1;
  frameBytes = 0;
  tokenCount = 0;
  /** Bytes of its piece; if its tail continues in the next pack, the piece is shorter. */
  pieceBytes = 0;
  /** Bytes of the pieces before it. */
  bytesBefore = 0;
  readonly #record: Uint8Array;
  readonly #reader: ByteReader;
  readonly #lean: LeanSizesReader | undefined;

  constructor(key: number, record: Uint8Array) {
    this.#record = record;
    this.#reader = new ByteReader(record);
    const isLean = record[0] === LEAN;
    if (isLean) this.#reader.byte();
    const head = this.#reader.varint();
    this.firstId = Math.floor(key / 2) as SegmentId;
    this.continues = key % 2 === 1;
    this.continued = head % 2 === 1;
    this.entries = Math.floor(head / 2);
    this.sizesAt = this.#reader.position;
    const hasRest = this.continues && this.entries > 0;
    this.#lean = isLean ? new LeanSizesReader(record, this.#reader, this.entries, hasRest) : undefined;
  }

  /** Values by which sizes are spelled; undefined: the pack is plain. */
  get form(): LeanForm | undefined {
    return this.#lean?.form;
  }

  /** Offset of the first piece, when all sizes have been read or the pack is lean. */
  get piecesAt(): number {
    return this.#lean?.piecesAt ?? this.#reader.position;
  }

  /** Reads the sizes of the next entry. Returns false after the last one. */
  next(): boolean {
    if (++this.index >= this.entries) return false;
    this.bytesBefore += this.pieceBytes;
    const isRest = this.index === 0 && this.continues;
    if (this.#lean) this.#readLean(this.#lean, isRest);
    else this.#readPlain(isRest);
    return true;
  }

  /** Reads the sizes of an entry, before any other. */
  seek(wanted: number): void {
    const group = Math.floor(wanted / GROUP);
    if (this.#lean && group > 0) {
      this.bytesBefore = this.#lean.seek(group);
      this.index = group * GROUP - 1;
      this.pieceBytes = 0;
    }
    while (this.index < wanted) this.next();
  }

  /** Returns where the piece of the current entry is. */
  place(): PiecePlace {
    const { index, bytesBefore, pieceBytes } = this;
    return { index, bytesBefore, pieceBytes, lacksFirst: this.#lean?.lacksFirst ?? false };
  }

  /**
   * Returns a piece, if all sizes have been read or the pack is lean. It is a view of the record, if that has
   * all of it.
   */
  pieceAt({ index, bytesBefore, pieceBytes, lacksFirst }: PiecePlace): Uint8Array {
    const start = this.piecesAt + bytesBefore;
    const end = this.isOpen(index) ? this.#record.length : start + pieceBytes;
    if (start > end || end > this.#record.length) throw corrupt('is shorter than its entries');
    const stored = this.#record.subarray(start, end);
    return lacksFirst ? withFirst(this.#lean!.form.first, stored) : stored;
  }

  /**
   * Returns whether the piece of the entry at this index ends with the record, and not where its tail ends.
   */
  isOpen(index: number): boolean {
    return this.continued && index === this.entries - 1;
  }

  /** @throws StowkenError CORRUPT_STORE unless all sizes were read and the last piece ends with the record */
  assertExact(): void {
    const end = this.piecesAt + this.bytesBefore + this.pieceBytes;
    const isExact = this.entries === 0 || this.continued || end === this.#record.length;
    if (!isExact || this.#lean?.atEnd === false) throw corrupt('is not as long as its entries');
  }

  #readPlain(isRest: boolean): void {
    const length = this.#reader.varint();
    this.frameBytes = isRest ? 0 : length;
    this.tokenCount = this.frameBytes === 0 ? 0 : this.#reader.varint();
    this.pieceBytes = isRest ? length : tailBytesOf(length);
  }

  #readLean(lean: LeanSizesReader, isRest: boolean): void {
    const { index } = this;
    if (index > 0 && index % GROUP === 0 && !lean.isAt(index / GROUP, this.bytesBefore))
      throw corrupt('says of a group that it begins elsewhere');
    if (isRest) {
      this.pieceBytes = lean.restBytes;
      return;
    }
    lean.next();
    this.frameBytes = lean.frameBytes;
    this.tokenCount = lean.tokenCount;
    this.pieceBytes = tailBytesOf(lean.frameBytes) - (lean.lacksFirst ? 1 : 0);
  }
}

function withFirst(first: number, rest: Uint8Array): Uint8Array {
  const piece = Buffer.allocUnsafe(1 + rest.length);
  piece[0] = first;
  piece.set(rest, 1);
  return piece;
}

function corrupt(what: string): StowkenError {
  return new StowkenError('CORRUPT_STORE', `a pack ${what}`);
}

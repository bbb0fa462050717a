import { StowkenError } from '../../../model/index.js';
import { ByteWriter } from '../../shared/bytes.js';
import { INLINE_VALUE_BYTES } from '../tables/layout.js';
import { headBytes, type PackEntry, PackScan, writeHead, writeRestSize, writeSizes } from './pack-layout.js';

/**
 * Builds the record of a pack, entry by entry. Sizes and pieces are kept as bytes, since an object for each
 * entry would cost more than everything else. Deleted entries at the end are left out.
 */
export class PackBuilder {
  /** Entries so far, and those up to the last one that is not deleted. */
  #entries = 0;
  #entriesKept = 0;
  readonly #sizes = new ByteWriter();
  #sizesKept = 0;
  readonly #pieces = new ByteWriter(INLINE_VALUE_BYTES);
  readonly #record = new ByteWriter(INLINE_VALUE_BYTES);

  get entries(): number {
    return this.#entries;
  }

  /** Bytes of the record if it had one more entry without sizes or a piece. */
  get bytesWithNext(): number {
    return headBytes(this.#entries + 1) + this.#sizes.length + this.#pieces.length;
  }

  /** Begins an empty pack. */
  clear(): void {
    this.#entries = this.#entriesKept = this.#sizesKept = 0;
    this.#sizes.truncate(0);
    this.#pieces.truncate(0);
  }

  /** Continues a stored pack, whose last tail is complete. @throws StowkenError CORRUPT_STORE */
  resume(key: number, record: Uint8Array): void {
    const scan = new PackScan(key, record);
    const sizesAt = scan.position;
    let pieceBytes = 0;
    while (scan.next()) pieceBytes += scan.pieceBytes;
    if (scan.continued || scan.position + pieceBytes !== record.length) {
      throw new StowkenError('CORRUPT_STORE', 'a pack is not as long as its entries');
    }
    this.clear();
    this.#sizes.raw(record.subarray(sizesAt, scan.position));
    this.#pieces.raw(record.subarray(scan.position));
    // No stored pack ends with a deleted entry.
    this.#entries = this.#entriesKept = scan.entries;
    this.#sizesKept = this.#sizes.length;
  }

  add(entry: PackEntry): void {
    writeSizes(this.#sizes, entry);
    // The piece may be empty if the frame is in whole pages: only an entry without a length is deleted.
    this.#addPiece(entry.piece, entry.frameBytes > 0);
  }

  /** Adds the rest of a tail, as the first entry. */
  addRest(rest: Uint8Array): void {
    writeRestSize(this.#sizes, rest);
    this.#addPiece(rest, rest.length > 0);
  }

  /**
   * Returns the record, a view until the next one; undefined if nothing is left in the pack. `continued` is
   * true if the tail of the last entry continues in the next pack.
   */
  finish(continued: boolean): Uint8Array | undefined {
    if (this.#entriesKept === 0) return undefined;
    this.#sizes.truncate(this.#sizesKept);
    this.#record.truncate(0);
    writeHead(this.#record, this.#entriesKept, continued && this.#entriesKept === this.#entries);
    return this.#record.raw(this.#sizes.finish()).raw(this.#pieces.finish()).finish();
  }

  #addPiece(piece: Uint8Array, isKept: boolean): void {
    this.#pieces.raw(piece);
    this.#entries += 1;
    if (!isKept) return;
    this.#entriesKept = this.#entries;
    this.#sizesKept = this.#sizes.length;
  }
}

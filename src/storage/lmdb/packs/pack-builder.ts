import { StowkenError } from '../../../model/index.js';
import { ByteWriter } from '../../shared/bytes.js';
import { INLINE_VALUE_BYTES } from '../tables/layout.js';
import { type LeanForm, LeanSizes, lacksFirst } from './lean-sizes.js';
import type { PackEntry } from './pack-layout.js';
import { PackScan } from './pack-scan.js';
import { PlainSizes, type SizesWriter } from './plain-sizes.js';

/**
 * Builds the record of a pack, entry by entry. Sizes and pieces are kept as bytes, since an object for each
 * entry would cost more than everything else. Deleted entries at the end are left out.
 */
export class PackBuilder {
  /** Entries so far, and those up to the last one that is not deleted. */
  #entries = 0;
  #entriesKept = 0;
  readonly #sizes: SizesWriter;
  readonly #pieces = new ByteWriter(INLINE_VALUE_BYTES);
  readonly #record = new ByteWriter(INLINE_VALUE_BYTES);

  /** Without a form, packs are plain. */
  constructor(private readonly form?: LeanForm) {
    this.#sizes = form ? new LeanSizes(form) : new PlainSizes();
  }

  get entries(): number {
    return this.#entries;
  }

  /** Returns the bytes that a record of so many has for one more entry's piece. */
  room(capacityBytes: number, entry: PackEntry): number {
    const bytes = this.#sizes.bytesWith(this.#entries + 1, entry) + this.#pieces.length;
    return capacityBytes - bytes + (this.form && lacksFirst(entry, this.form) ? 1 : 0);
  }

  /** Begins an empty pack. */
  clear(): void {
    this.#entries = this.#entriesKept = 0;
    this.#sizes.clear();
    this.#pieces.truncate(0);
  }

  /** Continues a stored plain pack, whose last tail is complete. @throws StowkenError CORRUPT_STORE */
  resume(key: number, record: Uint8Array): void {
    const scan = new PackScan(key, record);
    const sizes = this.#sizes;
    if (!(sizes instanceof PlainSizes) || scan.form || scan.continued)
      throw new StowkenError('CORRUPT_STORE', 'a pack is not as long as its entries');
    while (scan.next());
    scan.assertExact();
    const { sizesAt, piecesAt, entries } = scan;
    this.clear();
    sizes.resume(record.subarray(sizesAt, piecesAt));
    this.#pieces.raw(record.subarray(piecesAt));
    // No stored pack ends with a deleted entry.
    this.#entries = this.#entriesKept = entries;
  }

  add(entry: PackEntry): void {
    // The piece may be empty if the frame is in whole pages: only an entry without a length is deleted.
    this.#addPiece(this.#sizes.add(entry), entry.frameBytes > 0);
  }

  /** Adds the rest of a tail, as the first entry. */
  addRest(rest: Uint8Array): void {
    this.#sizes.addRest(rest);
    this.#addPiece(rest, rest.length > 0);
  }

  /**
   * Returns the record, a view until the next one; undefined if nothing is left in the pack. `continued` is
   * true if the tail of the last entry continues in the next pack.
   */
  finish(continued: boolean): Uint8Array | undefined {
    if (this.#entriesKept === 0) return undefined;
    this.#sizes.dropUnkept();
    this.#record.truncate(0);
    this.#sizes.write(this.#record, this.#entriesKept, continued && this.#entriesKept === this.#entries);
    return this.#record.raw(this.#pieces.finish()).finish();
  }

  #addPiece(piece: Uint8Array, isKept: boolean): void {
    this.#pieces.raw(piece);
    this.#entries += 1;
    if (!isKept) return;
    this.#entriesKept = this.#entries;
    this.#sizes.keep();
  }
}

// Sizes of a plain pack, to which stores append: for each entry varint frame length and, unless that is 0
// because it is deleted, varint tokens. The rest of a tail at the beginning has its length here alone.
import { ByteWriter, varintBytes } from '../../shared/bytes.js';
import { headBytes, type PackEntry, writeHead } from './pack-layout.js';

/** Writes the head and the sizes of a pack, entry by entry. */
export interface SizesWriter {
  clear(): void;
  /** Returns the bytes of head and sizes if they had so many entries, the last of which is this one. */
  bytesWith(entries: number, entry: PackEntry): number;
  /** Adds an entry; returns what is stored of its piece. */
  add(entry: PackEntry): Uint8Array;
  /** Adds the rest of a tail, as the first entry. */
  addRest(rest: Uint8Array): void;
  /** Keeps the entries so far when later ones are dropped. */
  keep(): void;
  dropUnkept(): void;
  write(record: ByteWriter, entries: number, continued: boolean): void;
}

export class PlainSizes implements SizesWriter {
  readonly #sizes = new ByteWriter();
  #kept = 0;

  clear(): void {
    this.#sizes.truncate(0);
    this.#kept = 0;
  }

  /** Takes up the sizes of a stored pack. */
  resume(sizes: Uint8Array): void {
    this.clear();
    this.#sizes.raw(sizes);
    this.keep();
  }

  bytesWith(entries: number, { frameBytes, tokenCount }: PackEntry): number {
    const own = frameBytes === 0 ? 1 : varintBytes(frameBytes) + varintBytes(tokenCount);
    return headBytes(entries) + this.#sizes.length + own;
  }

  add({ frameBytes, tokenCount, piece }: PackEntry): Uint8Array {
    this.#sizes.varint(frameBytes);
    if (frameBytes > 0) this.#sizes.varint(tokenCount);
    return piece;
  }

  addRest(rest: Uint8Array): void {
    this.#sizes.varint(rest.length);
  }

  keep(): void {
    this.#kept = this.#sizes.length;
  }

  dropUnkept(): void {
    this.#sizes.truncate(this.#kept);
  }

  write(record: ByteWriter, entries: number, continued: boolean): void {
    writeHead(record, entries, continued);
    record.raw(this.#sizes.finish());
  }
}

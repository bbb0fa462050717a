import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { PAGE_BYTES } from '../tables/layout.js';
import {
  checkOverflowHeader,
  HEADER_BYTES,
  assertIntact,
  PageDamage,
  type Place,
  TreePage,
} from './tree-page.js';

/**
 * Pages of a data file, read with pread and never through a map: damaged or missing pages are reported, while
 * LMDB would end the process. The file is opened for reading only.
 */
export class PageFile {
  private constructor(
    private readonly descriptor: number,
    /** Number of whole pages of the file. */
    readonly pages: number,
    readonly bytes: number,
  ) {}

  static open(path: string): PageFile {
    const descriptor = openSync(path, 'r');
    const { size } = fstatSync(descriptor);
    return new PageFile(descriptor, Math.floor(size / PAGE_BYTES), size);
  }

  close(): void {
    closeSync(this.descriptor);
  }

  /** Reads consecutive pages, into `buffer` if it has room for them. @throws PageDamage */
  read(number: number, count = 1, buffer?: Buffer): Buffer {
    assertIntact(number >= 0 && count >= 1 && number + count <= this.pages, number, () =>
      count === 1 ? 'is not in the file' : `${count} pages from it are not in the file`,
    );
    const wanted = count * PAGE_BYTES;
    const bytes = buffer && buffer.length >= wanted ? buffer.subarray(0, wanted) : Buffer.allocUnsafe(wanted);
    for (let at = 0; at < wanted;) {
      const got = this.#pread(bytes, at, number);
      assertIntact(got > 0, number, () => 'is not in the file any more');
      at += got;
    }
    return bytes;
  }

  /** A disk that cannot read a sector is damage like any other. */
  #pread(bytes: Buffer, at: number, number: number): number {
    try {
      return readSync(this.descriptor, bytes, at, bytes.length - at, number * PAGE_BYTES + at);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EIO') throw new PageDamage(number, 'cannot be read');
      throw error;
    }
  }

  /** @throws PageDamage */
  treePage(number: number, buffer?: Buffer): TreePage {
    return TreePage.decode(this.read(number, 1, buffer), number);
  }

  /** Reads a value in overflow pages. @throws PageDamage */
  valueAt(place: Place): Buffer {
    const pages = this.read(place.page, place.pages);
    checkOverflowHeader(pages, place);
    return pages.subarray(HEADER_BYTES, HEADER_BYTES + place.bytes);
  }
}

/** A set of pages, one bit each. */
export class PageSet {
  readonly #bits: Uint8Array;
  #size = 0;

  /** Creates a set of pages below `end`. */
  constructor(readonly end: number) {
    this.#bits = new Uint8Array(Math.ceil(end / 8));
  }

  get size(): number {
    return this.#size;
  }

  has(page: number): boolean {
    return ((this.#bits[page >>> 3] ?? 0) & (1 << (page & 7))) !== 0;
  }

  /** Returns false if it was in the set already, or is not below the end. */
  add(page: number): boolean {
    if (page >= this.end || this.has(page)) return false;
    this.#bits[page >>> 3]! |= 1 << (page & 7);
    this.#size += 1;
    return true;
  }
}

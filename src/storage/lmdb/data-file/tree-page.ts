import { PAGE_BYTES } from '../tables/layout.js';

/**
 * A page of a tree, as liblmdb 1.0 (which lmdb-js includes) writes it. All numbers are little-endian.
 *
 *     offset  bytes
 *          0      8  the page's own number
 *          8      8  transaction that wrote it
 *         16      2  padding
 *         18      2  kind: 1 branch, 2 leaf, 4 overflow, 8 meta
 *         20      2  lower: end of the pointers } counted from the end of this header;
 *         22      2  upper: start of the nodes  } of an overflow page both are one u32, its number of pages
 *         24      2  pointer to node 0, 1, ...: ascending keys; counted from the end of the header
 *        ...         free
 *      upper         nodes, without gaps, each of an even number of bytes
 *
 *     node of a branch                        node of a leaf
 *      0  2  child, bits 0 to 15               0  4  bytes of the value
 *      2  2  child, bits 16 to 31              4  2  kind: 0 value, 1 place of the value, 2 record of a tree
 *      4  2  child, bits 32 to 47              6  2  bytes of the key
 *      6  2  bytes of the key                  8     the key, then the value
 *      8     the key: no key of the child is
 *            below it; that of node 0 is not used
 *
 *     place of a value                        record of a tree
 *      0  8  first of its overflow pages       0  4  padding; in the free list's: the page size
 *      8  8  transaction that wrote them       4  2  flags: 8 keys are integers
 *     16  8  number of pages                   6  2  depth: 0 no page, 1 a leaf alone
 *                                              8  8  branch pages;  16  8  leaf pages;  24  8  overflow pages
 *                                             32  8  entries;       40  8  root, all ones in an empty tree
 */
export const HEADER_BYTES = 24;
const NODE_BYTES = 8;
const PLACE_BYTES = 24;
const TREE_RECORD_BYTES = 48;

export const pageKinds = { branch: 1, leaf: 2, overflow: 4, meta: 8 } as const;

/** Kinds of a leaf's node. */
export const nodeKinds = { value: 0, place: 1, tree: 2 } as const;

/** Place of a value that is too long for a leaf. */
export interface Place {
  readonly page: number;
  readonly pages: number;
  readonly bytes: number;
}

export interface TreeRecord {
  readonly padding: number;
  readonly flags: number;
  readonly depth: number;
  readonly branchPages: number;
  readonly leafPages: number;
  readonly overflowPages: number;
  readonly entries: number;
  /** Undefined for an empty tree. */
  readonly root: number | undefined;
}

/** Reads a u64; a value that is not a safe integer becomes too large for any file. */
export function readNumber(bytes: Buffer, at: number): number {
  return bytes.readUInt32LE(at) + bytes.readUInt32LE(at + 4) * 0x1_0000_0000;
}

export function readTreeRecord(bytes: Buffer, at: number): TreeRecord {
  return {
    padding: bytes.readUInt32LE(at),
    flags: bytes.readUInt16LE(at + 4),
    depth: bytes.readUInt16LE(at + 6),
    branchPages: readNumber(bytes, at + 8),
    leafPages: readNumber(bytes, at + 16),
    overflowPages: readNumber(bytes, at + 24),
    entries: readNumber(bytes, at + 32),
    root: bytes.readBigInt64LE(at + 40) === -1n ? undefined : readNumber(bytes, at + 40),
  };
}

/** Returns how many overflow pages a value of this many bytes needs. */
function pagesOf(valueBytes: number): number {
  return Math.floor((HEADER_BYTES - 1 + valueBytes) / PAGE_BYTES) + 1;
}

/** Header of every page. */
export interface PageHeader {
  readonly number: number;
  readonly transaction: number;
  readonly kind: number;
}

export function readHeader(bytes: Buffer): PageHeader {
  return {
    number: readNumber(bytes, 0),
    transaction: readNumber(bytes, 8),
    kind: bytes.readUInt16LE(18),
  };
}

/**
 * Compares the header of a value's first overflow page with the leaf's node that names it.
 * @throws PageDamage
 */
export function checkOverflowHeader(bytes: Buffer, place: Place): void {
  const { number, kind } = readHeader(bytes);
  assertIntact(number === place.page, place.page, () => `has the number ${number}`);
  assertIntact(kind === pageKinds.overflow, place.page, () => `is no overflow page (kind ${kind})`);
  const pages = bytes.readUInt32LE(20);
  assertIntact(
    pages === place.pages,
    place.page,
    () => `begins ${pages} pages, and its value has ${place.pages}`,
  );
}

/** A branch or leaf page with all offsets checked. Keys and values are views of the page's bytes. */
export class TreePage {
  private constructor(
    private readonly bytes: Buffer,
    readonly number: number,
    readonly transaction: number,
    readonly isLeaf: boolean,
    /** Number of nodes. */
    readonly count: number,
  ) {}

  /** @throws PageDamage if the bytes are not a branch or leaf page with this number */
  static decode(bytes: Buffer, number: number): TreePage {
    const header = readHeader(bytes);
    assertIntact(header.number === number, number, () => `has the number ${header.number}`);
    const { kind, transaction } = header;
    const isLeaf = kind === pageKinds.leaf;
    assertIntact(isLeaf || kind === pageKinds.branch, number, () => `is no page of a tree (kind ${kind})`);
    const lower = bytes.readUInt16LE(20);
    const upper = bytes.readUInt16LE(22);
    const room = PAGE_BYTES - HEADER_BYTES;
    assertIntact(
      lower % 2 === 0 && upper % 2 === 0 && lower <= upper && upper <= room,
      number,
      () => `its free part is from ${lower} to ${upper}`,
    );
    const page = new TreePage(bytes, number, transaction, isLeaf, lower / 2);
    page.#checkNodes(upper, room);
    return page;
  }

  /** Checks the nodes, which lie one after the other between `upper` and the page's end, in any order. */
  #checkNodes(upper: number, room: number): void {
    let total = 0;
    for (let index = 0; index < this.count; index += 1) {
      const at = this.bytes.readUInt16LE(HEADER_BYTES + 2 * index);
      const inside = at >= upper && at % 2 === 0 && at + NODE_BYTES <= room;
      const bytes = inside ? this.#nodeBytes(HEADER_BYTES + at) : Infinity;
      assertIntact(at + bytes <= room, this.number, () => `node ${index} does not lie inside it`);
      total += bytes + (bytes % 2);
    }
    assertIntact(
      upper + total === room,
      this.number,
      () => `its nodes have ${total} bytes, not ${room - upper}`,
    );
  }

  #nodeBytes(at: number): number {
    const keyBytes = this.bytes.readUInt16LE(at + 6);
    if (!this.isLeaf) return NODE_BYTES + keyBytes;
    const place = (this.bytes.readUInt16LE(at + 4) & nodeKinds.place) !== 0;
    return NODE_BYTES + keyBytes + (place ? PLACE_BYTES : this.bytes.readUInt32LE(at));
  }

  #at(index: number): number {
    return HEADER_BYTES + this.bytes.readUInt16LE(HEADER_BYTES + 2 * index);
  }

  key(index: number): Buffer {
    const at = this.#at(index);
    return this.bytes.subarray(at + NODE_BYTES, at + NODE_BYTES + this.bytes.readUInt16LE(at + 6));
  }

  /** Returns the child page of a branch's node. */
  child(index: number): number {
    const at = this.#at(index);
    return this.bytes.readUInt32LE(at) + this.bytes.readUInt16LE(at + 4) * 0x1_0000_0000;
  }

  /** Returns the kind, one of nodeKinds, of an intact leaf's node. */
  nodeKind(index: number): number {
    return this.bytes.readUInt16LE(this.#at(index) + 4);
  }

  /** Returns the value inside a leaf's node. */
  value(index: number): Buffer {
    const at = this.#at(index);
    const start = at + NODE_BYTES + this.bytes.readUInt16LE(at + 6);
    return this.bytes.subarray(start, start + this.bytes.readUInt32LE(at));
  }

  /**
   * Returns the place of the value of a leaf's node. It may have more pages than it needs: LMDB keeps all of
   * them if a value becomes shorter in the transaction that wrote it.
   * @throws PageDamage if the value is longer than its pages
   */
  place(index: number): Place {
    const at = this.#at(index);
    const start = at + NODE_BYTES + this.bytes.readUInt16LE(at + 6);
    const bytes = this.bytes.readUInt32LE(at);
    const place = { page: readNumber(this.bytes, start), pages: readNumber(this.bytes, start + 16), bytes };
    assertIntact(
      place.pages >= pagesOf(bytes),
      this.number,
      () => `node ${index} has ${bytes} bytes in ${place.pages} pages`,
    );
    return place;
  }

  /** Returns the record of a tree in a leaf's node. @throws PageDamage if it has another size */
  treeRecord(index: number): TreeRecord {
    const value = this.value(index);
    assertIntact(
      value.length === TREE_RECORD_BYTES,
      this.number,
      () => `node ${index} has ${value.length} bytes for a tree's record`,
    );
    return readTreeRecord(value, 0);
  }
}

/**
 * Damage found on a page of a data file: the only error of everything that reads pages in this folder. `page`
 * is undefined if no page can be named.
 */
export class PageDamage extends Error {
  override readonly name = 'PageDamage';

  constructor(
    readonly page: number | undefined,
    readonly what: string,
  ) {
    super(page === undefined ? what : `page ${page}: ${what}`);
  }
}

/** @throws PageDamage if the condition does not hold */
export function assertIntact(condition: boolean, page: number, what: () => string): asserts condition {
  if (!condition) throw new PageDamage(page, what());
}

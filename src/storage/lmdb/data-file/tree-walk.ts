import { PAGE_BYTES } from '../tables/layout.js';
import {
  checkOverflowHeader,
  assertIntact,
  nodeKinds,
  PageDamage,
  readNumber,
  type TreePage,
  type TreeRecord,
} from './tree-page.js';
import type { PageFile } from './page-file.js';

/** Format of a tree's keys: u32 or u64 in the machine's byte order, or bytes. */
export type KeyKind = 'u32' | 'u64' | 'bytes';

/** LMDB's own limit of a tree's depth. */
const DEPTH_MAX = 32;

export interface TreeVisitor {
  /** Called for every page that the tree refers to, before it is read. @throws PageDamage to refuse it */
  reach(page: number, count: number, from: number): void;
  /** Called for every leaf that is read. */
  leaf?(page: TreePage): void;
}

export interface WalkOptions {
  readonly keys: KeyKind;
  /** True to read leaves, and the headers of their overflow pages; the root is always read. */
  readonly leaves: boolean;
  /** Kinds of nodes that leaves of this tree may have. */
  readonly nodes?: readonly number[];
  /** Newest transaction: no page can be of a later one. */
  readonly transaction: number;
}

/**
 * Walks a tree from its root and compares it with the tree's record:
 * - each page has its own number, and lies inside the file;
 * - branches and leaves are at their proper depths;
 * - keys ascend, inside a page and between the keys of the branch above it;
 * - no page is newer than the branch that refers to it, which is rewritten with it;
 * - the numbers of pages and entries are those of the record (of entries and overflow pages, if leaves are
 *   read).
 * @throws PageDamage
 */
export class TreeWalk {
  readonly #counts = { branchPages: 0, leafPages: 0, overflowPages: 0, entries: 0 };
  readonly #buffers: Buffer[] = [];
  readonly #compare: (one: Buffer, other: Buffer) => number;

  constructor(
    private readonly file: PageFile,
    private readonly name: string,
    private readonly record: TreeRecord,
    private readonly visitor: TreeVisitor,
    private readonly options: WalkOptions,
  ) {
    this.#compare = comparators[options.keys];
  }

  /** `from` is the page of the record. */
  walk(from: number): void {
    const { depth, root } = this.record;
    assertIntact(
      depth <= DEPTH_MAX && (depth === 0) === (root === undefined),
      from,
      () => `${this.name} has depth ${depth} and root ${root ?? 'none'}`,
    );
    if (root !== undefined) {
      this.visitor.reach(root, 1, from);
      this.#page(root, 1, undefined, undefined, this.options.transaction);
    }
    this.#compareCounts(from);
  }

  #page(
    number: number,
    level: number,
    low: Buffer | undefined,
    high: Buffer | undefined,
    newest: number,
  ): void {
    const isLeaf = level === this.record.depth;
    this.#counts[isLeaf ? 'leafPages' : 'branchPages'] += 1;
    if (isLeaf && level > 1 && !this.options.leaves) return;
    const page = this.file.treePage(number, (this.#buffers[level] ??= Buffer.alloc(PAGE_BYTES)));
    assertIntact(
      page.isLeaf === isLeaf,
      number,
      () => `is ${page.isLeaf ? 'a leaf' : 'a branch'} at depth ${level}`,
    );
    const { transaction } = page;
    assertIntact(
      transaction <= newest,
      number,
      () => `is of transaction ${transaction}, later than ${newest}`,
    );
    if (isLeaf) this.#leaf(page, low, high);
    else this.#branch(page, level, low, high);
  }

  #branch(page: TreePage, level: number, low: Buffer | undefined, high: Buffer | undefined): void {
    const { number, count, transaction } = page;
    assertIntact(
      count >= 2 || (this.options.keys === 'u64' && count === 1),
      number,
      () => `leads to ${count} pages`,
    );
    // The key of node 0 is not used: the branch above gives its bound.
    this.#checkKeys(page, 1, low, high);
    for (let index = 0; index < count; index += 1) {
      const child = page.child(index);
      this.visitor.reach(child, 1, number);
      const from = index === 0 ? low : page.key(index);
      const to = index + 1 === count ? high : page.key(index + 1);
      this.#page(child, level + 1, from, to, transaction);
    }
  }

  #leaf(page: TreePage, low: Buffer | undefined, high: Buffer | undefined): void {
    const { number, count } = page;
    assertIntact(count > 0, number, () => 'is empty');
    this.#checkKeys(page, 0, low, high);
    this.#counts.entries += count;
    const { nodes = [nodeKinds.value, nodeKinds.place] } = this.options;
    for (let index = 0; index < count; index += 1) {
      const kind = page.nodeKind(index);
      assertIntact(nodes.includes(kind), number, () => `node ${index} is of kind ${kind}`);
      if (kind === nodeKinds.place) this.#overflow(page, index);
    }
    this.visitor.leaf?.(page);
  }

  #overflow(page: TreePage, index: number): void {
    const place = page.place(index);
    this.visitor.reach(place.page, place.pages, page.number);
    this.#counts.overflowPages += place.pages;
    checkOverflowHeader(
      this.file.read(place.page, 1, (this.#buffers[0] ??= Buffer.alloc(PAGE_BYTES))),
      place,
    );
  }

  /** Checks that keys ascend from `low` to below `high`; only a leaf's first key may be equal to `low`. */
  #checkKeys(page: TreePage, first: number, low: Buffer | undefined, high: Buffer | undefined): void {
    let before = low;
    for (let index = first; index < page.count; index += 1) {
      const key = page.key(index);
      this.#checkKey(key, page.number, index);
      const order = before === undefined ? -1 : this.#compare(before, key);
      assertIntact(
        order < 0 || (order === 0 && index === 0),
        page.number,
        () => `key ${index} is out of order`,
      );
      before = key;
    }
    const ends =
      before === undefined || high === undefined || before === low || this.#compare(before, high) < 0;
    assertIntact(ends, page.number, () => 'its last key belongs behind it');
  }

  #checkKey(key: Buffer, page: number, index: number): void {
    const bytes = keyBytes[this.options.keys];
    assertIntact(
      bytes === undefined ? key.length > 0 : key.length === bytes,
      page,
      () => `key ${index} has ${key.length} bytes`,
    );
  }

  #compareCounts(from: number): void {
    for (const figure of ['branchPages', 'leafPages', 'overflowPages', 'entries'] as const) {
      const isOfLeaves = figure === 'overflowPages' || figure === 'entries';
      if (isOfLeaves && !this.options.leaves && this.record.depth > 1) continue;
      const [counted, kept] = [this.#counts[figure], this.record[figure]];
      if (counted === kept) continue;
      throw new PageDamage(from, `${this.name} has ${counted} ${words[figure]}, and ${kept} by its record`);
    }
  }
}

const words = {
  branchPages: 'branch pages',
  leafPages: 'leaf pages',
  overflowPages: 'overflow pages',
  entries: 'entries',
} as const;

const keyBytes: Record<KeyKind, number | undefined> = { u32: 4, u64: 8, bytes: undefined };

const comparators: Record<KeyKind, (one: Buffer, other: Buffer) => number> = {
  u32: (one, other) => one.readUInt32LE(0) - other.readUInt32LE(0),
  u64: (one, other) => readNumber(one, 0) - readNumber(other, 0),
  bytes: (one, other) => Buffer.compare(one, other),
};

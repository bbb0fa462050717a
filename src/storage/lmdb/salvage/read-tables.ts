import { nodeKinds, PageDamage, type TreePage, type TreeRecord } from '../data-file/tree-page.js';
import { readFreeRuns } from '../data-file/free-list.js';
import { type Meta, META_PAGES, readMeta } from '../data-file/meta-pages.js';
import { type PageFile, PageSet } from '../data-file/page-file.js';
import { RecordChecksum, valueBytesOf } from '../tables/checksum.js';
import { tableKeys, type TableName } from '../tables/table-keys.js';

/** A record without its checksum. */
export interface SalvagedRecord {
  readonly table: TableName;
  readonly key: Buffer;
  readonly value: Buffer;
  /** False if the checksum is wrong: the value may be anything. */
  readonly whole: boolean;
  /** True if no page leads to the record's page. */
  readonly orphaned: boolean;
}

/** A page that could not be read, and its table, if that is known. */
export interface LostPage {
  readonly page: number | undefined;
  readonly what: string;
  readonly table: string | undefined;
}

/** Keys from `low` to before `high` that are on unreadable pages; undefined: to the end. */
interface Gap {
  readonly low: Buffer | undefined;
  readonly high: Buffer | undefined;
}

/**
 * Reads the records of a damaged data file, page by page, without LMDB:
 *
 * 1. The newest readable meta page leads to the trees. All readable pages of each tree are read, and the keys
 *    on the others are recorded as gaps.
 * 2. If there are gaps, all leaves of the file that nothing leads to and that are not free are read. The
 *    checksum of a record is over its table and key, and so proves its identity. It is taken if its key is in
 *    a gap of that table, and if several pages have it, from the page of the latest transaction.
 *
 * Nothing is trusted but checksums; nothing is written.
 */
export class TableReader {
  readonly lost: LostPage[] = [];
  readonly #gaps = new Map<TableName, Gap[]>();
  readonly #reached: PageSet;
  readonly #free: PageSet;
  readonly #checksums = new Map<TableName, RecordChecksum>();

  constructor(private readonly file: PageFile) {
    this.#reached = new PageSet(file.pages);
    this.#free = new PageSet(file.pages);
    for (const name of tableNames) this.#checksums.set(name, new RecordChecksum(name));
  }

  /** Yields the records of these tables, one table after the other. To be called once. */
  *records(names: readonly TableName[] = tableNames): Generator<SalvagedRecord, void, void> {
    const meta = this.#newestMeta();
    const roots = meta ? this.#tables(meta) : new Map<TableName, TreeRecord>();
    if (meta) this.#readFreeList(meta);
    for (const name of names) {
      const record = roots.get(name);
      if (record?.root !== undefined) yield* this.#tree(name, record.root);
      else if (!record) this.#gap(name, { low: undefined, high: undefined });
    }
    if (this.#gaps.size > 0) yield* this.#orphans();
  }

  /** Returns the newest one whose main tree has a readable root, or else the newest. */
  #newestMeta(): Meta | undefined {
    const metas: Meta[] = [];
    for (let page = 0; page < META_PAGES; page += 1) {
      const meta = this.#attempt(undefined, () => readMeta(this.file, page));
      if (meta) metas.push(meta);
    }
    metas.sort((one, other) => other.transaction - one.transaction);
    const leads = ({ main }: Meta) =>
      main.root === undefined || this.#attempt(undefined, () => this.file.treePage(main.root!)) !== undefined;
    return metas.find(leads) ?? metas[0];
  }

  #tables({ main }: Meta): Map<TableName, TreeRecord> {
    const found = new Map<TableName, TreeRecord>();
    if (main.root === undefined) return found;
    for (const page of this.#leaves('the list of tables', main.root, undefined, undefined)) {
      if (page instanceof TreeGap) continue;
      for (let index = 0; index < page.count; index += 1) {
        const name = page.key(index).toString('latin1').replace(/\0$/, '');
        if (!isTable(name) || page.nodeKind(index) !== nodeKinds.tree) continue;
        const record = this.#attempt(name, () => page.treeRecord(index));
        if (record) found.set(name, record);
      }
    }
    return found;
  }

  /** Free pages have no records, however intact they look. An unreadable free list excludes no page. */
  #readFreeList({ freeList, lastPage }: Meta): void {
    if (freeList.root === undefined) return;
    for (const page of this.#leaves('the free list', freeList.root, undefined, undefined)) {
      if (page instanceof TreeGap) continue;
      for (let index = 0; index < page.count; index += 1) {
        const runs = this.#attempt('the free list', () => {
          const isPlace = page.nodeKind(index) === nodeKinds.place;
          const record = isPlace ? this.file.valueAt(page.place(index)) : page.value(index);
          return readFreeRuns(record, page.number, lastPage);
        });
        for (const { first, count } of runs ?? []) {
          for (let free = first; free < Math.min(first + count, this.file.pages); free += 1)
            this.#free.add(free);
        }
      }
    }
  }

  *#tree(name: TableName, root: number): Generator<SalvagedRecord, void, void> {
    for (const page of this.#leaves(name, root, undefined, undefined)) {
      if (page instanceof TreeGap) this.#gap(name, page);
      else
        for (let index = 0; index < page.count; index += 1) {
          const stored = this.#stored(name, page, index);
          if (!stored) this.#gap(name, exactly(page.key(index)));
          else yield this.#record(name, Buffer.from(page.key(index)), stored, false);
        }
    }
  }

  /** Yields the leaves of a tree, and gaps in place of unreadable pages. No page is read twice. */
  *#leaves(
    name: string,
    number: number,
    low: Buffer | undefined,
    high: Buffer | undefined,
  ): Generator<TreePage | TreeGap, void, void> {
    const page = this.#attempt(name, () => {
      const read = this.file.treePage(number);
      if (!this.#reached.add(number)) throw new PageDamage(number, 'is led to twice');
      return read;
    });
    if (!page) yield new TreeGap(low, high);
    else if (page.isLeaf) yield page;
    else {
      for (let index = 0; index < page.count; index += 1) {
        const from = index === 0 ? low : Buffer.from(page.key(index));
        const to = index + 1 === page.count ? high : Buffer.from(page.key(index + 1));
        yield* this.#leaves(name, page.child(index), from, to);
      }
    }
  }

  /** Returns a node's value with its checksum; undefined if it cannot be read. */
  #stored(name: string | undefined, page: TreePage, index: number): Buffer | undefined {
    return this.#attempt(name, () => {
      const kind = page.nodeKind(index);
      if (kind === nodeKinds.value) return Buffer.from(page.value(index));
      if (kind !== nodeKinds.place) throw new PageDamage(page.number, `node ${index} is of kind ${kind}`);
      return this.file.valueAt(page.place(index));
    });
  }

  #record(table: TableName, key: Buffer, stored: Buffer, orphaned: boolean): SalvagedRecord {
    const length = this.#open(table, key, stored);
    const value = length < 0 ? stored.subarray(0, valueBytesOf(stored.length)) : stored.subarray(0, length);
    return { table, key, value, whole: length >= 0, orphaned };
  }

  /** Returns the length of the value, or -1. */
  #open(table: TableName, key: Buffer, stored: Buffer): number {
    if (tableKeys[table] === 'u32' && key.length !== 4) return -1;
    const checked = tableKeys[table] === 'u32' ? key.readUInt32LE(0) : key;
    return this.#checksums.get(table)!.open(checked, stored, stored.length);
  }

  *#orphans(): Generator<SalvagedRecord, void, void> {
    /** Place of the latest version of each record. */
    const places = new Map<string, { table: TableName; page: number; index: number; transaction: number }>();
    for (let number = META_PAGES; number < this.file.pages; number += 1) {
      if (this.#reached.has(number) || this.#free.has(number)) continue;
      const page = this.#quietly(() => this.file.treePage(number));
      if (!page?.isLeaf) continue;
      for (let index = 0; index < page.count; index += 1) {
        const table = this.#tableOf(page, index);
        if (!table) continue;
        const name = `${table}:${page.key(index).toString('latin1')}`;
        const known = places.get(name);
        if (known && known.transaction >= page.transaction) continue;
        places.set(name, { table, page: number, index, transaction: page.transaction });
      }
    }
    for (const { table, page: number, index } of places.values()) {
      const page = this.file.treePage(number);
      const stored = this.#quietly(() => this.#nodeValue(page, index));
      if (stored) yield this.#record(table, Buffer.from(page.key(index)), stored, true);
    }
  }

  #nodeValue(page: TreePage, index: number): Buffer {
    const isPlace = page.nodeKind(index) === nodeKinds.place;
    return isPlace ? this.file.valueAt(page.place(index)) : Buffer.from(page.value(index));
  }

  /** Returns the table that has a gap at this key and whose checksum the record has. */
  #tableOf(page: TreePage, index: number): TableName | undefined {
    const key = Buffer.from(page.key(index));
    let stored: Buffer | undefined;
    for (const [table, gaps] of this.#gaps) {
      if (!gaps.some((gap) => isIn(table, key, gap))) continue;
      stored ??= this.#quietly(() => this.#nodeValue(page, index));
      if (!stored) return undefined;
      if (this.#open(table, key, stored) >= 0) return table;
    }
    return undefined;
  }

  #gap(name: TableName, gap: Gap): void {
    const gaps = this.#gaps.get(name);
    if (gaps) gaps.push(gap);
    else this.#gaps.set(name, [gap]);
  }

  /** Returns the result of `read`; records damage, once per page. */
  #attempt<T>(table: string | undefined, read: () => T): T | undefined {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof PageDamage)) throw error;
      const { page, what } = error;
      if (!this.lost.some((lost) => lost.page === page && lost.what === what))
        this.lost.push({ page, what, table });
      return undefined;
    }
  }

  #quietly<T>(read: () => T): T | undefined {
    try {
      return read();
    } catch (error) {
      if (error instanceof PageDamage) return undefined;
      throw error;
    }
  }
}

class TreeGap implements Gap {
  constructor(
    readonly low: Buffer | undefined,
    readonly high: Buffer | undefined,
  ) {}
}

export const tableNames = Object.keys(tableKeys) as TableName[];

export function isTable(name: string): name is TableName {
  return Object.hasOwn(tableKeys, name);
}

function isIn(table: TableName, key: Buffer, { low, high }: Gap): boolean {
  const compare = tableKeys[table] === 'u32' ? compareNumbers : compareBytes;
  return (low === undefined || compare(low, key) <= 0) && (high === undefined || compare(key, high) < 0);
}

/** Keys that are not as long as a number do not belong to the table, and sort below all others. */
function compareNumbers(one: Buffer, other: Buffer): number {
  const [a, b] = [one, other].map((key) => (key.length === 4 ? key.readUInt32LE(0) : -1)) as [number, number];
  return a - b;
}

/** Returns the gap of one key. */
function exactly(key: Buffer): Gap {
  const low = Buffer.from(key);
  if (low.length !== 4) return { low, high: Buffer.concat([low, Buffer.of(0)]) };
  const high = Buffer.alloc(4);
  const next = low.readUInt32LE(0) + 1;
  if (next > 0xffff_ffff) return { low, high: undefined };
  high.writeUInt32LE(next);
  return { low, high };
}

function compareBytes(one: Buffer, other: Buffer): number {
  return one.compare(other);
}

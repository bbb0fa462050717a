import { isStowkenError, limits, StowkenError } from '../../../model/index.js';
import { lockedFolder, ownershipOf } from '../../shared/folder-lock.js';
import { dataFileIn } from '../tables/environment.js';
import { tableKeys } from '../tables/table-keys.js';
import { readFreeRuns } from './free-list.js';
import { type Meta, META_PAGES, readNewestMeta } from './meta-pages.js';
import { PageFile, PageSet } from './page-file.js';
import { assertIntact, nodeKinds, PageDamage, type TreePage, type TreeRecord } from './tree-page.js';
import { type TreeVisitor, TreeWalk, type WalkOptions } from './tree-walk.js';

/** Limit of the reads of a file that another process changes meanwhile. */
const ATTEMPTS = 5;

/**
 * Checks the data file of a vault that nobody has open, before LMDB maps it: LMDB trusts its pages, and ends
 * the process if they are wrong. Only reads: a refused file is unchanged. `owned` is true if the folder may
 * have an owner who writes meanwhile. After an owner that was killed, leaves of larger files are read, too:
 * one that is damaged may have ended it, and shall not end the next.
 * @throws StowkenError CORRUPT_STORE, STORE_LOCKED
 */
export async function checkBeforeOpening(folder: string, owned: boolean): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    const ownership = owned ? await ownershipOf(folder) : 'free';
    if (ownership === 'owned') throw lockedFolder(folder);
    const { openedLeavesBytesMax, reopenedLeavesBytesMax } = limits;
    const leavesBytesMax = ownership === 'left' ? reopenedLeavesBytesMax : openedLeavesBytesMax;
    const finding = check(dataFileIn(folder), leavesBytesMax);
    if (!finding) return;
    if (!finding.changed) throw damagedFile(folder, finding.damage);
    // Another process is opening it at the moment, and writes.
    if (attempt === ATTEMPTS) throw lockedFolder(folder);
  }
}

function check(
  path: string,
  leavesBytesMax: number,
): { readonly damage: PageDamage; readonly changed: boolean } | undefined {
  const file = PageFile.open(path);
  try {
    const before = metaPages(file);
    try {
      checkDataFile(file, { leaves: file.bytes <= leavesBytesMax });
      return undefined;
    } catch (error) {
      if (!(error instanceof PageDamage)) throw error;
      return { damage: error, changed: !before.equals(metaPages(file)) };
    }
  } finally {
    file.close();
  }
}

/** Returns the bytes that every commit changes; none for a file without them. */
function metaPages(file: PageFile): Buffer {
  try {
    return file.read(0, META_PAGES);
  } catch (error) {
    if (error instanceof PageDamage) return Buffer.alloc(0);
    throw error;
  }
}

/** Adds what to do to an error of a vault that does not open; other errors are returned as they are. */
export function withSalvage(folder: string, error: unknown): unknown {
  if (!isStowkenError(error, 'CORRUPT_STORE')) return error;
  const command = salvageOf(folder);
  return new StowkenError(
    'CORRUPT_STORE',
    `${error.message}. To copy what can be read of ${folder} to a new vault: ${command}`,
    { ...error.metadata, command },
    { cause: error },
  );
}

function salvageOf(folder: string): string {
  return `stowken salvage ${quoted(folder)} --to NEW`;
}

function damagedFile(folder: string, damage: PageDamage): StowkenError {
  const command = salvageOf(folder);
  return new StowkenError(
    'CORRUPT_STORE',
    `the data file ${dataFileIn(folder)} is damaged: ${damage.message}. Nothing was changed. ` +
      `To copy what can be read of it to a new vault: ${command}`,
    { command, ...(damage.page === undefined ? {} : { page: String(damage.page) }) },
    { cause: damage },
  );
}

/** Quotes a path for a shell. */
function quoted(path: string): string {
  return /^[\w./+,:@-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`;
}

/** Limit of the pages missing at a file's end that are checked one by one for being free. */
const MISSING_PAGES_MAX = 2 ** 20;

/** LMDB's flag of a tree with integer keys. */
const INTEGER_KEYS = 8;

export interface CheckedDataFile {
  readonly transaction: number;
  /** Number of pages of the newest state. */
  readonly pages: number;
  /** Pages of trees, and of long values if leaves were read, with the two meta pages. */
  readonly used: number;
  readonly free: number;
}

/**
 * Checks the pages of the newest state before LMDB maps the file:
 *
 * 1. Both meta pages are intact, and have consecutive transactions.
 * 2. The free list's tree is intact; each page is free once. Pages missing at the file's end are free.
 * 3. The main tree has only records of the tables that this version knows.
 * 4. The trees of all tables are intact: their branches, and their leaves too if `leaves` is true (see
 *    TreeWalk).
 * 5. No page is reached twice, and no reached page is free.
 *
 * A page that is neither reached nor free is lost space, not damage.
 * @throws PageDamage
 */
export function checkDataFile(file: PageFile, { leaves }: { readonly leaves: boolean }): CheckedDataFile {
  const meta = readNewestMeta(file);
  return new DataFileCheck(file, meta, leaves).check();
}

class DataFileCheck {
  readonly #used: PageSet;
  readonly #free: PageSet;
  readonly #visitor: TreeVisitor = {
    reach: (page, count, from) => this.#reach(page, count, from),
  };

  constructor(
    private readonly file: PageFile,
    private readonly meta: Meta,
    private readonly leaves: boolean,
  ) {
    const pages = meta.lastPage + 1;
    // Checked before memory is reserved by a number of a damaged meta page.
    if (pages - file.pages > MISSING_PAGES_MAX) throw this.#tooShort();
    this.#used = new PageSet(pages);
    this.#free = new PageSet(pages);
  }

  check(): CheckedDataFile {
    for (let page = 0; page < META_PAGES; page += 1) this.#used.add(page);
    this.#freeList();
    this.#missingPages();
    for (const { name, record, page } of this.#tables()) {
      this.#walk(name, record, page, {
        keys: tableKeys[name as keyof typeof tableKeys],
        leaves: this.leaves,
      });
    }
    const { size: used } = this.#used;
    const { size: free } = this.#free;
    return { transaction: this.meta.transaction, pages: this.meta.lastPage + 1, used, free };
  }

  #freeList(): void {
    const { freeList, lastPage, transaction } = this.meta;
    const leaf = (page: TreePage) => {
      for (let index = 0; index < page.count; index += 1) {
        const isPlace = page.nodeKind(index) === nodeKinds.place;
        const record = isPlace ? this.file.valueAt(page.place(index)) : page.value(index);
        for (const { first, count } of readFreeRuns(record, page.number, lastPage)) {
          for (let free = first; free < first + count; free += 1) this.#addFree(free, page.number);
        }
      }
    };
    this.#walk('the free list', freeList, transaction % META_PAGES, { keys: 'u64', leaves: true }, leaf);
    // The list's own pages were reached before all free pages were known.
    for (let page = META_PAGES; page <= lastPage; page += 1) {
      if (this.#used.has(page))
        assertIntact(!this.#free.has(page), page, () => 'is in use, and in the free list');
    }
  }

  #addFree(page: number, from: number): void {
    assertIntact(this.#free.add(page), from, () => `has page ${page} in the free list, which has it twice`);
  }

  /** A page that was allocated and freed in one transaction was never written. */
  #missingPages(): void {
    for (let page = this.file.pages; page <= this.meta.lastPage; page += 1) {
      if (!this.#free.has(page)) throw this.#tooShort();
    }
  }

  #tables(): { readonly name: string; readonly record: TreeRecord; readonly page: number }[] {
    const found: { name: string; record: TreeRecord; page: number }[] = [];
    const leaf = (page: TreePage) => {
      for (let index = 0; index < page.count; index += 1) {
        // LMDB's names end with a zero byte.
        const name = page.key(index).toString('latin1').replace(/\0$/, '');
        const keys = Object.hasOwn(tableKeys, name) ? tableKeys[name as keyof typeof tableKeys] : undefined;
        assertIntact(
          keys !== undefined,
          page.number,
          () => `has a table ${JSON.stringify(name)}, which there is not`,
        );
        const record = page.treeRecord(index);
        const flags = keys === 'u32' ? INTEGER_KEYS : 0;
        assertIntact(
          record.flags === flags && record.padding === 0,
          page.number,
          () => `says of table ${name} that its keys are of kind ${record.flags}`,
        );
        found.push({ name, record, page: page.number });
      }
    };
    const options = { keys: 'bytes', leaves: true, nodes: [nodeKinds.tree] } as const;
    this.#walk('the list of tables', this.meta.main, this.meta.transaction % META_PAGES, options, leaf);
    return found;
  }

  #walk(
    name: string,
    record: TreeRecord,
    from: number,
    options: Omit<WalkOptions, 'transaction'>,
    leaf?: (page: TreePage) => void,
  ): void {
    const visitor = leaf ? { ...this.#visitor, leaf } : this.#visitor;
    const { transaction } = this.meta;
    new TreeWalk(this.file, name, record, visitor, { ...options, transaction }).walk(from);
  }

  #reach(page: number, count: number, from: number): void {
    const { lastPage } = this.meta;
    assertIntact(
      page >= META_PAGES && page + count - 1 <= lastPage,
      from,
      () => `leads to page ${page + count - 1}, and the last page is ${lastPage}`,
    );
    for (let reached = page; reached < page + count; reached += 1) {
      assertIntact(this.#used.add(reached), from, () => `leads to page ${reached}, and so does another page`);
      assertIntact(!this.#free.has(reached), from, () => `leads to page ${reached}, which is free`);
    }
  }

  #tooShort(): PageDamage {
    const { pages, bytes } = this.file;
    return new PageDamage(
      undefined,
      `it was cut off: it has ${bytes} bytes (${pages} pages), and ${this.meta.lastPage + 1} pages by its newest meta page`,
    );
  }
}

import { readFreeRuns, type FreeRun } from '../data-file/free-list.js';
import { type Meta, META_PAGES } from '../data-file/meta-pages.js';
import { type PageFile, PageSet } from '../data-file/page-file.js';
import { assertIntact, nodeKinds, readHeader, readNumber, type TreePage } from '../data-file/tree-page.js';
import { TreeWalk } from '../data-file/tree-walk.js';

/**
 * Reads which pages of a data file are free, and may be used again: those that were freed by transactions
 * before a bound. LMDB's own rule has the same bound, the oldest state that anybody may still read
 * (mdb_find_oldest): pages freed by transaction n are part of states before n alone.
 *
 * The list is checked as a file is before it is opened: a record that is not as expected, or a page that is
 * free twice, is damage, and nothing is done with any page.
 */
export class FreeList {
  /** Long records by key, page and transaction, which no record shares with an earlier one. */
  #known = new Map<string, readonly FreeRun[]>();

  /**
   * Returns the pages freed before transaction `end`.
   * @throws PageDamage
   */
  read(file: PageFile, meta: Meta, end: number): PageSet {
    const free = new PageSet(meta.lastPage + 1);
    const known = new Map<string, readonly FreeRun[]>();
    const leaf = (page: TreePage): void => {
      for (let index = 0; index < page.count; index += 1) {
        if (readNumber(page.key(index), 0) >= end) continue;
        for (const { first, count } of this.#runs(file, meta, page, index, known)) {
          for (let number = first; number < first + count; number += 1)
            assertIntact(free.add(number), page.number, () => `has page ${number} in the free list twice`);
        }
      }
    };
    walkFreeList(file, meta, () => undefined, leaf);
    this.#known = known;
    return free;
  }

  #runs(
    file: PageFile,
    { lastPage }: Meta,
    page: TreePage,
    index: number,
    known: Map<string, readonly FreeRun[]>,
  ): readonly FreeRun[] {
    if (page.nodeKind(index) !== nodeKinds.place)
      return readFreeRuns(page.value(index), page.number, lastPage);
    const place = page.place(index);
    const { transaction } = readHeader(file.read(place.page));
    const id = `${readNumber(page.key(index), 0)}:${place.page}:${transaction}`;
    const runs = this.#known.get(id) ?? readFreeRuns(file.valueAt(place), page.number, lastPage);
    known.set(id, runs);
    return runs;
  }
}

/** Walks the tree of the free list. @throws PageDamage */
function walkFreeList(
  file: PageFile,
  { freeList, transaction, lastPage }: Meta,
  reach: (page: number, count: number) => void,
  leaf: (page: TreePage) => void,
): void {
  const visitor = {
    reach(page: number, count: number, from: number) {
      assertIntact(
        page >= META_PAGES && page + count - 1 <= lastPage,
        from,
        () => `leads to page ${page + count - 1}, and the last page is ${lastPage}`,
      );
      reach(page, count);
    },
    leaf,
  };
  const options = { keys: 'u64', leaves: true, transaction } as const;
  new TreeWalk(file, 'the free list', freeList, visitor, options).walk(transaction % META_PAGES);
}

import { META_PAGES } from './meta-pages.js';
import { assertIntact, readNumber } from './tree-page.js';

/** Consecutive pages. */
export interface FreeRun {
  readonly first: number;
  readonly count: number;
}

/**
 * Reads a record of the free list, as lmdb-js writes it (stock LMDB writes another form): eight bytes a
 * number.
 *
 *     0      n, the number of entries in use; the record may have room for more
 *     8 * i  entry i, from 1 to n:   p > 0         page p
 *                                    -c, then p    c pages from p
 *                                    0             a gap
 *
 * @param page the page of the record, named in a report of damage
 * @throws PageDamage
 */
export function readFreeRuns(record: Buffer, page: number, lastPage: number): FreeRun[] {
  const room = Math.floor(record.length / 8) - 1;
  assertIntact(room >= 0, page, () => 'a record of the free list is too short');
  const entries = readNumber(record, 0);
  assertIntact(
    entries <= room,
    page,
    () => `a record of the free list has ${entries} entries, and room for ${room}`,
  );
  const runs: FreeRun[] = [];
  for (let entry = 1; entry <= entries; entry += 1) {
    const value = Number(record.readBigInt64LE(8 * entry));
    if (value === 0) continue;
    if (value > 0) {
      runs.push(checked(value, 1, page, lastPage));
      continue;
    }
    entry += 1;
    assertIntact(entry <= entries, page, () => 'a record of the free list ends inside a run');
    runs.push(checked(Number(record.readBigInt64LE(8 * entry)), -value, page, lastPage));
  }
  return runs;
}

function checked(first: number, count: number, page: number, lastPage: number): FreeRun {
  assertIntact(
    first >= META_PAGES && first + count - 1 <= lastPage,
    page,
    () => `the free list has ${count} pages from ${first}, and the last page is ${lastPage}`,
  );
  return { first, count };
}

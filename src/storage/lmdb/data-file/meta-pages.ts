import { PAGE_BYTES } from '../tables/layout.js';
import {
  HEADER_BYTES,
  assertIntact,
  PageDamage,
  pageKinds,
  readHeader,
  readNumber,
  readTreeRecord,
  type TreeRecord,
} from './tree-page.js';
import type { PageFile } from './page-file.js';

/**
 * Meta pages: pages 0 and 1, the roots of everything. Transaction n writes page n mod 2, so that the state
 * before it stays readable until the next one; the newest counts.
 *
 *     offset  bytes
 *          0     24  page header (see tree-page.ts)
 *         24      4  magic be ef c0 de
 *         28      4  version of the layout, 2
 *         32      8  address of the map, 0
 *         40      8  bytes that the map may have
 *         48     48  record of the free list's tree; its padding is the page size
 *         96     48  record of the main tree, which leads to the tables
 *        144      8  last page
 *        152      8  transaction
 *        160      8  boot id
 */
export interface Meta {
  readonly transaction: number;
  readonly lastPage: number;
  readonly freeList: TreeRecord;
  readonly main: TreeRecord;
}

export const META_PAGES = 2;
const MAGIC = 0xbeefc0de;
const VERSION = 2;
/** Limit of a map's size, and so of a file's: 64 TiB. */
const MAP_BYTES_MAX = 2 ** 46;
const INTEGER_KEYS = 8;
/** Flags of the format of keys and values; the others are the environment's, and change nothing. */
const TREE_FLAGS = 0x207f;

/** Reads one meta page. @throws PageDamage if it is not one */
export function readMeta(file: PageFile, number: number): Meta {
  const bytes = file.read(number);
  const header = readHeader(bytes);
  assertIntact(header.number === number, number, () => `has the number ${header.number}`);
  assertIntact(header.kind === pageKinds.meta, number, () => `is no meta page (kind ${header.kind})`);
  const body = HEADER_BYTES;
  assertIntact(bytes.readUInt32LE(body) === MAGIC, number, () => 'does not begin as a meta page must');
  const version = bytes.readUInt32LE(body + 4);
  assertIntact(version === VERSION, number, () => `has layout ${version}, not ${VERSION}`);
  assertIntact(readNumber(bytes, body + 8) === 0, number, () => 'wants the map at an address');
  const mapBytes = readNumber(bytes, body + 16);
  assertIntact(
    mapBytes <= MAP_BYTES_MAX && mapBytes % PAGE_BYTES === 0,
    number,
    () => `maps ${mapBytes} bytes`,
  );
  const freeList = readTreeRecord(bytes, body + 24);
  assertIntact(
    freeList.padding === PAGE_BYTES,
    number,
    () => `says that pages have ${freeList.padding} bytes`,
  );
  assertIntact(
    (freeList.flags & TREE_FLAGS) === INTEGER_KEYS,
    number,
    () => `says of the free list's keys that they are of kind ${freeList.flags}`,
  );
  const main = readTreeRecord(bytes, body + 72);
  assertIntact(
    main.flags === 0 && main.padding === 0,
    number,
    () => `says of the tables' names that they are of kind ${main.flags}`,
  );
  const lastPage = readNumber(bytes, body + 120);
  assertIntact(
    lastPage >= META_PAGES - 1 && lastPage < MAP_BYTES_MAX / PAGE_BYTES,
    number,
    () => `ends at ${lastPage}`,
  );
  const transaction = readNumber(bytes, body + 128);
  assertIntact(
    transaction === 0 || transaction % META_PAGES === number,
    number,
    () => `is of transaction ${transaction}`,
  );
  if (transaction === 0) checkEmpty(number, freeList, main, lastPage);
  return { transaction, lastPage, freeList, main };
}

/** Checks a meta page that no transaction has written: it is that of an empty file. */
function checkEmpty(number: number, freeList: TreeRecord, main: TreeRecord, lastPage: number): void {
  assertIntact(
    freeList.root === undefined && main.root === undefined && lastPage === META_PAGES - 1,
    number,
    () => 'is of no transaction, and not empty',
  );
}

/**
 * Returns the newest meta page's content.
 * @throws PageDamage if one of them is damaged, or they are not consecutive
 */
export function readNewestMeta(file: PageFile): Meta {
  if (file.pages < META_PAGES) throw new PageDamage(undefined, `it has ${file.bytes} bytes`);
  const metas = [readMeta(file, 0), readMeta(file, 1)] as const;
  const newest = metas[0].transaction >= metas[1].transaction ? metas[0] : metas[1];
  const other = newest === metas[0] ? metas[1] : metas[0];
  // A copy has one page that no transaction has written.
  if (newest.transaction !== other.transaction + 1 && other.transaction !== 0) {
    throw new PageDamage(
      undefined,
      `its meta pages are of transactions ${metas[0].transaction} and ${metas[1].transaction}, which do not follow each other`,
    );
  }
  return newest;
}

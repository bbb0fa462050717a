import { BackgroundTurns } from '../../shared/background.js';
import type { Tables } from '../tables/environment.js';
import type { RadixNames } from '../radix/nodes.js';
import { codeApplications, gatherablePages, gatherNodes } from './gather-nodes.js';
import { LEAF_BYTES, leafBytes, DEFRAGMENT_PAGES_MIN, PAGE_BYTES } from '../tables/layout.js';
import type { Entry, Table } from '../tables/table.js';
import { reclaimableHashPages, refillHashIndex, type Rewrite } from './defragment-hashes.js';
import {
  defragmentPacks,
  reclaimablePackPages,
  reclaimablePointerPages,
  rewritePointers,
} from './defragment-packs.js';
import { refillKeyIndex } from './refill-key-index.js';
import { shortenRecords } from './shorten.js';

/** Tables of short records, or of records that share a page. In the others they are longer, or few. */
const defragmented = [
  'frameHalfPages',
  'refCounts',
  'blockCounts',
  'conversations',
  'ids',
  'references',
  'garbage',
  'requests',
  'requestIds',
  'radixNodes',
  'radixEdges',
  'radixEnds',
  'conversationNodes',
  'postings',
  'usage',
] as const satisfies readonly (keyof Tables)[];

/** Estimates the bytes of the pages that defragment() would free. */
export async function reclaimableBytes(tables: Tables, signal: AbortSignal): Promise<number> {
  const turns = new BackgroundTurns(signal);
  let pages = reclaimableHashPages(tables) + gatherablePages(tables);
  pages += (await reclaimablePackPages(tables, turns)) + reclaimablePointerPages(tables.packs);
  for (const table of tablesIn(tables)) pages += (await findSparse(table, turns))?.pages ?? 0;
  return pages * PAGE_BYTES;
}

/**
 * Rewrites records in half-empty pages, in their order, so that they fill their pages. Their content does not
 * change. `write` and `rewrite` run one write transaction of some milliseconds; others have their turns
 * between them.
 */
export async function defragment(
  tables: Tables,
  write: <T>(action: () => T) => Promise<T>,
  rewrite: Rewrite,
  names: RadixNames,
  signal: AbortSignal,
): Promise<void> {
  const turns = new BackgroundTurns(signal);
  await refillHashIndex(tables, rewrite, turns);
  await gatherNodes(tables, names, write, turns);
  await codeApplications(tables, names, write, turns);
  await shortenRecords(tables, write, turns);
  for (const index of [tables.ids, tables.radixEdges]) await refillChunks(index, write, turns);
  const { packs } = tables;
  if ((await reclaimablePackPages(tables, turns)) > 0)
    await eachStretch((after) => defragmentPacks(packs, after), write, turns);
  if (reclaimablePointerPages(packs) > 0)
    await eachStretch((after) => rewritePointers(packs, after), write, turns);
  for (const table of tablesIn(tables)) {
    let after = (await findSparse(table, turns))?.after;
    while (after !== undefined) {
      const from: number | Buffer = after;
      after = await write(() => rewriteStretch(table, from));
      await turns.pause();
    }
  }
}

async function refillChunks(
  index: Table<Buffer>,
  write: <T>(action: () => T) => Promise<T>,
  turns: BackgroundTurns,
): Promise<void> {
  let from: Buffer | undefined;
  do {
    const start: Buffer | undefined = from;
    from = await write(() => refillKeyIndex(index, start));
    await turns.pause();
  } while (from !== undefined);
}

/** Runs a step over a table, a write transaction each, from the key on that it returns. */
async function eachStretch(
  step: (after: number) => number | undefined,
  write: <T>(action: () => T) => Promise<T>,
  turns: BackgroundTurns,
): Promise<void> {
  for (let after: number | undefined = 0; after !== undefined;) {
    const from: number = after;
    after = await write(() => step(from));
    await turns.pause();
  }
}

function tablesIn(tables: Tables): Table<number | Buffer>[] {
  return defragmented.map(
    (name) =>
      (name === 'conversations' ? tables.conversations.hot : tables[name]) as unknown as Table<
        number | Buffer
      >,
  );
}

/** Fill factor that rewriting a table achieves at least. A table whose pages are as full is left. */
const DENSE = 0.92;
/** Average record above which LMDB leaves too much room at the end of a page, unless it only appends. */
const RECORD_BYTES_MAX = LEAF_BYTES / 8;
/** Fill below which LMDB merges a page with a neighbour. */
const JOINED_BYTES = LEAF_BYTES / 4;

/** Bytes and records that one write transaction rewrites. Each of its ends may leave a page half empty. */
const STRETCH_BYTES = 256 * 1024;
const STRETCH_RECORDS = 2048;
/** Extension of a range whose pages did not become full, and the number of extensions. */
const EXTENSION_BYTES = 1300;
const EXTENSIONS_MAX = 3;

/** Records that are examined before others have a turn. */
const SLICE = 256;

type Key = number | Buffer;

/** A table to be rewritten. */
export interface SparseTable {
  /**
   * The first records stay in place. An emptied page is merged with the page before it; but a table's first
   * page is merged with the one after it, whose records would then be in the way of the rewritten ones.
   */
  readonly after: Key;
  /** Estimate of the pages that become free. */
  readonly pages: number;
}

/** Returns undefined if the table needs no defragmentation. */
async function findSparse(table: Table<Key>, turns: BackgroundTurns): Promise<SparseTable | undefined> {
  let first: Key | undefined;
  let last: Key | undefined;
  let [bytes, records] = [0, 0];
  do {
    const before = records;
    for (const { key, value } of table.range({ ...startAfter(last), limit: SLICE })) {
      bytes += leafBytes(key, value);
      records += 1;
      last = key;
      if (bytes > JOINED_BYTES) first ??= key;
    }
    if (records === before) break;
    await turns.pause();
  } while (last !== undefined);
  const pages = table.leafPages();
  if (first === undefined || pages < DEFRAGMENT_PAGES_MIN) return undefined;
  const free = pages - pagesNeeded(bytes, records);
  return free > 0 ? { after: first, pages: free } : undefined;
}

/** Returns the pages that rewritten records take at most. */
function pagesNeeded(bytes: number, records: number): number {
  if (bytes <= RECORD_BYTES_MAX * records) return Math.ceil(bytes / (DENSE * LEAF_BYTES));
  // Appended in one transaction, as many fit a page as there is room for.
  const isOneStretch = bytes < STRETCH_BYTES && records < STRETCH_RECORDS;
  const perPage = Math.floor((LEAF_BYTES * records) / bytes);
  return isOneStretch ? Math.ceil((1.2 * records) / perPage) : Infinity;
}

/**
 * Removes the records after a key, and puts them back. LMDB fills a page completely if records are appended
 * at its end, and splits it otherwise. So full pages result if a range ends inside a page whose rest is
 * small: that rest is then merged with the page before the range. A longer range ends elsewhere. Runs in a
 * write transaction. Returns the key after which to continue; undefined at the end of the table.
 */
function rewriteStretch(table: Table<Key>, after: Key): Key | undefined {
  const stretch: Entry<Key>[] = [];
  let bytes = 0;
  const extend = (bytesMax: number, recordsMax: number): boolean => {
    for (const entry of table.range(startAfter(stretch.at(-1)?.key ?? after))) {
      if (bytes >= bytesMax || stretch.length >= recordsMax) return true;
      stretch.push(entry);
      bytes += leafBytes(entry.key, entry.value);
    }
    return false;
  };
  let more = extend(STRETCH_BYTES, STRETCH_RECORDS);
  for (let extensions = 0; ; extensions++) {
    for (const { key } of [...stretch].reverse()) table.remove(key);
    const pagesWithout = table.leafPages();
    for (const { key, value } of stretch)
      if (more) table.put(key, value);
      else table.append(key, value);
    const pages = table.leafPages() - pagesWithout;
    const isDense = pages <= 1 + (1.04 * bytes) / LEAF_BYTES;
    if (!more || isDense || extensions === EXTENSIONS_MAX) return more ? stretch.at(-1)?.key : undefined;
    more = extend(bytes + EXTENSION_BYTES, Infinity);
  }
}

function startAfter(key: Key | undefined): { readonly start?: Key } {
  if (key === undefined) return {};
  // No key lies between a key and the same key with a zero appended.
  return { start: typeof key === 'number' ? key + 1 : Buffer.concat([key, Buffer.alloc(1)]) };
}

import type { BackgroundTurns } from '../../background.js';
import { LEAF_BYTES, leafBytes, LOOSE_PAGES_MIN } from '../tables/layout.js';
import type { Entry, Table } from '../tables/table.js';

/** To this part, or better, writing a table anew fills its leaf pages. One whose pages are as full is left. */
const DENSE = 0.85;
/** Of longer records, on average, LMDB leaves too much room at the end of a page. */
const RECORD_BYTES_MAX = LEAF_BYTES / 8;
/** LMDB joins a page with a neighbour when less than this is left in it. */
const JOINED_BYTES = LEAF_BYTES / 4;

/** What one write transaction writes anew. */
const STRETCH_BYTES = 64 * 1024;
const STRETCH_RECORDS = 1024;
/** How much longer a stretch is made when it came out loose, and how often. */
const EXTENSION_BYTES = 1300;
const EXTENSIONS_MAX = 3;

/** Records that are looked at before others have a turn. */
const SLICE = 256;

type Key = number | Buffer;

/** A table that is to be written anew. */
export interface LooseTable {
  /**
   * The first records stay where they are: an emptied page is joined with the one before it, but the first of a
   * table with the one after it, whose records would then be in the way of those that come back.
   */
  readonly after: Key;
  /** Pages that come free, about. */
  readonly pages: number;
}

/** Undefined: it is dense enough. */
export async function findLoose(table: Table<Key>, turns: BackgroundTurns): Promise<LooseTable | undefined> {
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
  if (first === undefined || pages < LOOSE_PAGES_MIN || bytes > RECORD_BYTES_MAX * records) return undefined;
  const free = pages - Math.ceil(bytes / (DENSE * LEAF_BYTES));
  return free > 0 ? { after: first, pages: free } : undefined;
}

/**
 * Takes away the records that come after a key, and puts them back: LMDB fills a page to the brim when what is
 * put goes to its end, and halves it otherwise. So it comes out when a stretch ends inside of a page of which too
 * little is left: that is then joined with the page before the stretch. A longer stretch ends elsewhere.
 * In a write transaction. Returns the key after which to go on; undefined at the end of the table.
 */
export function condenseStretch(table: Table<Key>, after: Key): Key | undefined {
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
    for (const { key, value } of stretch) table.put(key, value);
    const pages = table.leafPages() - pagesWithout;
    const isDense = pages <= 1 + (1.1 * bytes) / LEAF_BYTES;
    if (!more || isDense || extensions === EXTENSIONS_MAX) return more ? stretch.at(-1)?.key : undefined;
    more = extend(bytes + EXTENSION_BYTES, Infinity);
  }
}

function startAfter(key: Key | undefined): { readonly start?: Key } {
  if (key === undefined) return {};
  // No key lies between one and the same with a zero more.
  return { start: typeof key === 'number' ? key + 1 : Buffer.concat([key, Buffer.alloc(1)]) };
}

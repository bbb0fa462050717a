import { BackgroundTurns } from '../../background.js';
import { condensePacks, loosePackPages } from './condense-packs.js';
import { condenseStretch, findLoose } from './condense-table.js';
import type { Tables } from '../tables/environment.js';
import { PAGE_BYTES } from '../tables/layout.js';
import type { Table } from '../tables/table.js';

/** Tables of many short records: in the others, records are about as long as pages, or few. */
const condensed = [
  'hashIndex',
  'refCounts',
  'pageCounts',
  'conversations',
  'ids',
  'references',
  'garbage',
  'requests',
  'requestOrder',
  'prefixRuns',
  'prefixChildren',
  'prefixEnds',
  'prefixPlaces',
] as const satisfies readonly (keyof Tables)[];

/** Bytes of the pages that condense() frees, about. */
export async function looseBytes(tables: Tables, signal: AbortSignal): Promise<number> {
  const turns = new BackgroundTurns(signal);
  let pages = loosePackPages(tables);
  for (const table of tablesIn(tables)) pages += (await findLoose(table, turns))?.pages ?? 0;
  return pages * PAGE_BYTES;
}

/**
 * Writes records that stand in half-empty pages anew, in their order, so that they fill their pages. Nothing that
 * they say changes. `write` runs one write transaction of some milliseconds; others have their turns between them.
 */
export async function condense(
  tables: Tables,
  write: <T>(action: () => T) => Promise<T>,
  signal: AbortSignal,
): Promise<void> {
  const turns = new BackgroundTurns(signal);
  if (loosePackPages(tables) > 0) {
    let after: number | undefined = 0;
    while (after !== undefined) {
      const from: number = after;
      after = await write(() => condensePacks(tables.packs, from));
      await turns.pause();
    }
  }
  for (const table of tablesIn(tables)) {
    let after = (await findLoose(table, turns))?.after;
    while (after !== undefined) {
      const from: number | Buffer = after;
      after = await write(() => condenseStretch(table, from));
      await turns.pause();
    }
  }
}

function tablesIn(tables: Tables): Table<number | Buffer>[] {
  return condensed.map((name) => tables[name] as unknown as Table<number | Buffer>);
}

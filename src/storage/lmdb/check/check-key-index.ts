import { entriesOfChunk, decodeBoundedChunk } from '../tables/bounded-chunk.js';
import type { KeyEntry } from '../tables/key-chunk.js';
import { chunkKeyOf } from '../tables/key-index.js';
import type { Table } from '../tables/table.js';
import { guarded, type Report } from './check-report.js';
import type { Invariant } from '../../contract/invariants.js';

/** End of a chunk; undefined: it is the last, null: it is damaged. */
type End = Buffer | undefined | null;

/**
 * Yields the entries of a key index. Reports chunks that do not decode, that do not follow each other, or
 * whose entries are out of order, which lookups would miss. `what` names the entries.
 */
export function* checkedEntries(
  table: Table<Buffer>,
  invariant: Invariant,
  what: string,
  report: Report,
): Generator<KeyEntry, void, void> {
  let next: End = chunkKeyOf(Buffer.alloc(0));
  let before: Buffer | undefined;
  let chunks = 0;
  for (const { key, value, damage } of table.scan()) {
    chunks += 1;
    if (next !== null && !next?.equals(key))
      report(invariant, what, 'lie in chunks that do not follow each other');
    next = null;
    if (damage) {
      report(invariant, what, damage.message);
      continue;
    }
    const chunk = { end: null as End, entries: [] as KeyEntry[] };
    guarded(report, invariant, what, () => {
      chunk.end = decodeBoundedChunk(key, value).end;
      chunk.entries = entriesOfChunk(key, value);
    });
    next = chunk.end;
    for (const entry of chunk.entries) {
      const inOrder = !before || before.compare(entry.key) < 0;
      const chunkKey = chunkKeyOf(entry.key);
      if (!inOrder || chunkKey.compare(key) < 0 || (next && next.compare(chunkKey) <= 0))
        report(invariant, what, 'are not in order');
      before = entry.key;
      yield entry;
    }
  }
  if (chunks > 0 && next) report(invariant, what, 'lie in chunks of which the last is missing');
}

/** Reads the intact entries of a key index, and reports whether that is all of it. Holds it in memory. */
export function readKeyIndex(table: Table<Buffer>): {
  readonly entries: KeyEntry[];
  readonly whole: boolean;
} {
  let whole = true;
  const entries = [...checkedEntries(table, 'record', '', () => (whole = false))];
  return { entries, whole };
}

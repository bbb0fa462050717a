import { StowkenError } from '../../../model/index.js';
import { USAGE_PERIOD_MS } from '../../shared/usage.js';
import { undefinedIfCorrupt } from '../tables/lmdb-errors.js';
import { readState } from '../tables/meta.js';
import { countedBy, decodeUsage, usageKey, type UsageTables } from './usage.js';
import {
  add,
  begunLedger,
  type Content,
  countedIn,
  emptyLedger,
  readLedger,
  writeLedger,
} from './usage-ledger.js';

/** Counters that one write transaction removes. */
const SLICE = 1000;

/**
 * Removes the counters of periods that end at a time or before, in slices. What they counted becomes a part
 * of the ledger, so that the others still add up. Groups stay: their numbers follow each other.
 */
export async function dropUsage(
  tables: UsageTables,
  write: <T>(action: () => T) => Promise<T>,
  beforeMs: number,
  signal: AbortSignal,
): Promise<number> {
  const period = Math.min(2 ** 32 - 1, Math.max(0, Math.floor(beforeMs / USAGE_PERIOD_MS)));
  const range = { start: usageKey(0, 0), end: usageKey(period, 0), limit: SLICE };
  let dropped = 0;
  // A transaction is not begun for nothing.
  while (!tables.usage.range({ ...range, limit: 1 }).next().done) {
    if (signal.aborted) throw new StowkenError('CANCELLED', 'the work was cancelled');
    const slice = await write(() => dropSlice(tables, range));
    dropped += slice;
    if (slice === 0) break;
  }
  return dropped;
}

function dropSlice(
  tables: UsageTables,
  range: { readonly start: Buffer; readonly end: Buffer; readonly limit: number },
) {
  const ledger = readLedger(tables.meta) ?? begunLedger(countedBy(tables), readState(tables.meta));
  let counted: Content = emptyLedger.gone;
  let dropped = 0;
  for (const { key, value } of [...tables.usage.scan(range)]) {
    // One that is damaged stays for verify.
    const figures = value && undefinedIfCorrupt(() => decodeUsage(value));
    if (!figures) continue;
    counted = add(counted, countedIn(figures));
    tables.usage.remove(key);
    dropped += 1;
  }
  writeLedger(tables.meta, { ...ledger, inherited: add(ledger.inherited, counted) });
  return dropped;
}

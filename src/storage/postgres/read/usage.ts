import type { UsageQuery } from '../../contract/usage.js';
import { USAGE_PERIOD_MS } from '../../shared/usage.js';
import { fold } from '../commit/fold.js';
import type { VaultParts } from '../commit/parts.js';
import { addUncounted } from '../commit/fold-usage.js';
import { bytes, int, type Row, type Statement } from '../database/driver.js';
import { figuresFrom, groupFrom, UsageSums } from '../formats/usage.js';

const columns = 'period, grp, convs, msgs, sys, usr, asst, fresh, prefix, bytes';

const periodsAtOnce = 64;

/** Periods that have usage, from one on: as many as are read at once. */
const readPeriods: Statement = {
  name: 'usage_periods',
  text: `select distinct period from usage_sum where p = $1 and period >= $2 and period < $3
    order by period limit ${periodsAtOnce}`,
};
const readSums: Statement = {
  name: 'usage_read',
  text: `select ${columns} from usage_sum where p = $1 and period >= $2 and period <= $3`,
};
const dropSums: Statement = {
  name: 'usage_drop',
  text: `delete from usage_sum where p = $1 and period < $2 returning convs, msgs, sys, usr, asst`,
};

/** Passes on usage by periods, the sums of all partitions. */
export async function readUsage(
  { database, partitions }: VaultParts,
  { fromMs, beforeMs, onRow, signal }: UsageQuery,
): Promise<void> {
  await database.transact(async (transaction) => {
    for (const p of partitions.all) await fold(transaction, p);
  });
  const end = periodAt(beforeMs + USAGE_PERIOD_MS - 1);
  for (let from = periodAt(fromMs); from < end;) {
    signal?.throwIfAborted();
    const found = await database.queries(partitions.all.map((p) => [readPeriods, [p, from, end]]));
    // A partition with more periods than are read at once has told those up to its last one.
    const lasts = found.flatMap((rows) =>
      rows.length < periodsAtOnce ? [] : [int(rows.at(-1)?.['period'])],
    );
    const last = Math.min(end - 1, ...lasts);
    const sums = new UsageSums();
    const answers = await database.queries(partitions.all.map((p) => [readSums, [p, from, last]]));
    for (const row of answers.flat()) sums.add({ period: int(row['period']), ...usageFrom(row) });
    for (const { period, group, figures } of sums.all) {
      const [application, model, tokenizer, labels] = group;
      onRow({ timeMs: period * USAGE_PERIOD_MS, application, model, tokenizer, labels, figures });
    }
    from = last + 1;
  }
}

/** Removes the usage of periods that end at a time or before. Resolves to the number of counters. */
export async function dropUsage(
  { database, partitions }: VaultParts,
  beforeMs: number,
  signal: AbortSignal,
): Promise<number> {
  let dropped = 0;
  for (const p of partitions.all) {
    signal.throwIfAborted();
    const rows = await database.transact(
      async (transaction) => {
        await fold(transaction, p);
        const gone = await transaction.query(dropSums, [p, periodAt(beforeMs)]);
        const sum = (...names: string[]) =>
          gone.reduce((all, row) => all + names.reduce((some, name) => some + int(row[name]), 0), 0);
        if (gone.length > 0)
          transaction.send(addUncounted, [p, sum('convs'), sum('msgs'), sum('sys', 'usr', 'asst')]);
        return gone;
      },
      { long: true },
    );
    dropped += rows.length;
  }
  return dropped;
}

/** Returns the group and the figures of a row of sums. */
export function usageFrom(row: Row) {
  const sums = ['convs', 'msgs', 'sys', 'usr', 'asst', 'fresh', 'prefix', 'bytes'].map((name) =>
    int(row[name]),
  );
  return { group: groupFrom(bytes(row['grp']).toString()), figures: figuresFrom(sums) };
}

/** Returns the period of a time, within what a column has. */
function periodAt(timeMs: number): number {
  return Math.min(2 ** 31 - 1, Math.max(0, Math.floor(timeMs / USAGE_PERIOD_MS)));
}

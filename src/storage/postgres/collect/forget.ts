import { setTimeout as sleep } from 'node:timers/promises';
import { type LabelValue, StowkenError } from '../../../model/index.js';
import type { Forgotten, ForgetQuery, Overwritten, OverwriteOptions } from '../../contract/erasure.js';
import { decodeResult } from '../../shared/change-results.js';
import { withoutLabels } from '../../shared/usage.js';
import { fold } from '../commit/fold.js';
import { sendUsage } from '../commit/fold-usage.js';
import type { VaultParts } from '../commit/parts.js';
import { forgetAnswered } from '../commit/requests.js';
import { bytes, int, type Statement, text } from '../database/driver.js';
import { UsageSums } from '../formats/usage.js';
import { usageFrom } from '../read/usage.js';
import { hasGoneLists, sweepPartition } from './sweep.js';

const rowsAtOnce = 512;
const waitMs = 100;
const firstUuid = '00000000-0000-0000-0000-000000000000';

const scanRequests: Statement = {
  name: 'requests_scan',
  text: `select rid, result from req where p = $1 and rid > $2::uuid order by rid limit ${rowsAtOnce}`,
};
const scanUsage: Statement = {
  name: 'usage_scan',
  text: `select period, g, grp, convs, msgs, sys, usr, asst, fresh, prefix, bytes from usage_sum
    where p = $1 and (period, g) > ($2::int4, $3::uuid) order by period, g limit ${rowsAtOnce}`,
};
const deleteUsage: Statement = {
  name: 'usage_delete',
  text: `delete from usage_sum using unnest($2::int4[], $3::uuid[]) u(period, g)
    where usage_sum.p = $1 and usage_sum.period = u.period and usage_sum.g = u.g`,
};

/** Removes what requests and usage say of conversations that are deleted. */
export async function forget(
  vault: VaultParts,
  { isForgotten, labels, signal }: ForgetQuery,
): Promise<Forgotten> {
  let requests = 0;
  const groups = new Set<string>();
  for (const p of vault.partitions.all) {
    if (isForgotten) requests += await forgetRequests(vault, p, isForgotten, signal);
    if (labels.length > 0) await forgetGroups(vault, p, labels, groups, signal);
  }
  return { requests, usageGroups: groups.size };
}

/**
 * Deletes the lists of conversations that are gone, as soon as nobody reads them. The database's files are
 * its own: what they keep of deleted rows is not known here.
 */
export async function overwriteUnused(
  vault: VaultParts,
  { waitMs: timeMs, signal }: OverwriteOptions,
): Promise<Overwritten> {
  const none = { pagesInUse: 0, pagesFree: 0, overwrittenBytes: 0, leavesRows: true };
  const untilMs = performance.now() + timeMs;
  // The first round marks what the second one deletes, if nobody reads it.
  for (let round = 1; ; round += 1, await sleep(waitMs)) {
    throwIfAborted(signal);
    for (const p of vault.partitions.all) await sweepPartition(vault, p);
    const isComplete = !(await hasGoneLists(vault));
    if (isComplete || (round > 1 && performance.now() >= untilMs)) return { ...none, isComplete };
  }
}

async function forgetRequests(
  { database }: VaultParts,
  p: number,
  isForgotten: NonNullable<ForgetQuery['isForgotten']>,
  signal: AbortSignal,
): Promise<number> {
  let forgotten = 0;
  for (let after = firstUuid; ;) {
    throwIfAborted(signal);
    const rows = await database.query(scanRequests, [p, after]);
    const about = rows.filter(({ result }) => {
      const { put, append, fork } = decodeResult(bytes(result).toString());
      const outcome = put ?? append ?? fork;
      return outcome !== undefined && isForgotten(outcome.conversation);
    });
    if (about.length > 0) await database.query(forgetAnswered, [p, about.map(({ rid }) => text(rid))]);
    forgotten += about.length;
    const last = rows.at(-1);
    if (!last || rows.length < rowsAtOnce) return forgotten;
    after = text(last['rid']);
  }
}

/** Counts groups without these values from now on, those of others that are the same with them. */
async function forgetGroups(
  { database }: VaultParts,
  p: number,
  labels: readonly LabelValue[],
  groups: Set<string>,
  signal: AbortSignal,
): Promise<void> {
  for (let after: [number, string] = [-1, firstUuid]; ;) {
    throwIfAborted(signal);
    const rows = await database.transact(async (transaction) => {
      // All that change sums wait for each other here.
      await fold(transaction, p);
      const rows = await transaction.query(scanUsage, [p, ...after]);
      const sums = new UsageSums();
      const gone: { period: number; g: string }[] = [];
      for (const row of rows) {
        const { group, figures } = usageFrom(row);
        const without = withoutLabels(group, labels);
        if (without === group) continue;
        gone.push({ period: int(row['period']), g: text(row['g']) });
        sums.add({ period: int(row['period']), group: without, figures });
        groups.add(text(row['g']));
      }
      if (gone.length > 0) {
        transaction.send(deleteUsage, [p, gone.map(({ period }) => period), gone.map(({ g }) => g)]);
        sendUsage(transaction, p, sums);
      }
      return rows;
    });
    const last = rows.at(-1);
    if (!last || rows.length < rowsAtOnce) return;
    after = [int(last['period']), text(last['g'])];
  }
}

/** @throws StowkenError CANCELLED when the signal has aborted */
export function throwIfAborted(signal: AbortSignal): void {
  if (signal.aborted) throw new StowkenError('CANCELLED', 'the work was cancelled');
}

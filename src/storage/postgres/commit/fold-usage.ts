import { usageFigures } from '../../contract/usage.js';
import type { Statement } from '../database/driver.js';
import type { Transaction } from '../database/transaction.js';
import type { Figures } from '../formats/delta.js';
import { uuidOf } from '../formats/ids.js';
import { decodeUsage, UsageSums } from '../formats/usage.js';

const columns = ['convs', 'msgs', 'sys', 'usr', 'asst', 'fresh', 'prefix', 'bytes'] as const;
const sums = columns.map((column) => `${column} = usage_sum.${column} + excluded.${column}`);

const addSums: Statement = {
  name: 'usage_add',
  text: `insert into usage_sum (p, period, g, grp, convs, msgs, sys, usr, asst, fresh, prefix, bytes)
    select $1::int, u.period, u.g, u.grp, u.convs, u.msgs, u.sys, u.usr, u.asst, u.fresh, u.prefix, u.bytes
    from unnest($2::int4[], $3::uuid[], $4::bytea[], $5::int8[], $6::int8[], $7::int8[], $8::int8[], $9::int8[],
      $10::int8[], $11::int8[], $12::int8[])
      u(period, g, grp, convs, msgs, sys, usr, asst, fresh, prefix, bytes) order by u.period, u.g
    on conflict (p, period, g) do update set ${sums.join(', ')}`,
};
export const addUncounted: Statement = {
  name: 'uncounted_add',
  text: `insert into uncounted (p, convs, msgs, toks) values ($1, $2, $3, $4) on conflict (p) do update
    set convs = uncounted.convs + excluded.convs, msgs = uncounted.msgs + excluded.msgs,
    toks = uncounted.toks + excluded.toks`,
};

/** Adds usage to the sums of a partition. */
export function sendUsage(transaction: Transaction, p: number, sums: UsageSums): void {
  const rows = sums.all;
  if (rows.length === 0) return;
  transaction.send(addSums, [
    p,
    rows.map(({ period }) => period),
    rows.map(({ text }) => uuidOf(text)),
    rows.map(({ text }) => Buffer.from(text)),
    ...usageFigures.map((figure) => rows.map((row) => row.figures[figure])),
  ]);
}

/**
 * Adds the usage that deltas have to the sums. What it does not explain of their figures is content that no
 * counter has: what forks share, and less what is deleted.
 */
export function foldUsage(
  transaction: Transaction,
  p: number,
  deltas: readonly (Uint8Array | null)[],
  figures: Pick<Figures, 'convs' | 'msgs' | 'toks'>,
): void {
  const all = new UsageSums();
  const left = { convs: figures.convs, msgs: figures.msgs, toks: figures.toks };
  for (const stored of deltas) {
    for (const each of stored ? decodeUsage(stored) : []) {
      all.add(each);
      left.convs -= each.figures.conversations;
      left.msgs -= each.figures.messages;
      left.toks -= each.figures.systemTokens + each.figures.userTokens + each.figures.assistantTokens;
    }
  }
  sendUsage(transaction, p, all);
  if (left.convs !== 0 || left.msgs !== 0 || left.toks !== 0)
    transaction.send(addUncounted, [p, left.convs, left.msgs, left.toks]);
}

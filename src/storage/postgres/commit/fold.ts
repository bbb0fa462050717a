import { int, type Row, type Statement, text } from '../database/driver.js';
import type { Transaction } from '../database/transaction.js';
import { Delta, figures } from '../formats/delta.js';
import { decodeDirectory, type PackEntry } from '../formats/pack.js';
import type { PackId } from '../formats/ids.js';
import { foldUsage } from './fold-usage.js';

/** Locks the figures of a partition, and reads the clock, which is the one of a vault's first partition. */
export const lockTotals: Statement = {
  name: 'fold_lock',
  text: 'select clock from totals where p = $1 for update',
};
const takeDeltas: Statement = {
  name: 'fold_take',
  text: 'delete from delta where p = $1 returning at, d, usage',
};
/** Sizes, and a time, are those of garbage: what has more references than before is none. */
const addReferences: Statement = {
  name: 'fold_refs',
  text: `insert into ref (p, k, slot, n, tokens, bytes, since, condemned)
    select $1::int, u.k, u.slot, 1 + u.d, null, null, case when u.d < 0 then u.at end, null
    from unnest($2::int8[], $3::int4[], $4::int4[], $5::int8[]) u(k, slot, d, at) order by u.k, u.slot
    on conflict (p, k, slot) do update
    set n = ref.n + excluded.n - 1, condemned = null,
      since = case when ref.n + excluded.n - 1 <= 0 then coalesce(excluded.since, ref.since) end
    returning k, slot, n`,
};
/** Renews what was only touched. A segment without a row needs none: it is not condemned, and no garbage. */
const touchReferences: Statement = {
  name: 'fold_touched',
  text: `update ref set condemned = null, since = case when n <= 0 then u.at end
    from unnest($2::int8[], $3::int4[], $4::int8[]) u(k, slot, at)
    where ref.p = $1 and ref.k = u.k and ref.slot = u.slot and (since is not null or condemned is not null)`,
};
const readDirectories: Statement = {
  name: 'fold_dirs',
  text: 'select k, dir from part where p = $1 and k = any($2::int8[])',
};
const sizeGarbage: Statement = {
  name: 'fold_sizes',
  text: `update ref set tokens = u.tokens, bytes = u.bytes
    from unnest($2::int8[], $3::int4[], $4::int4[], $5::int8[]) u(k, slot, tokens, bytes)
    where ref.p = $1 and ref.k = u.k and ref.slot = u.slot`,
};
const addTotals: Statement = {
  name: 'fold_totals',
  text: `update totals set convs = convs + $2, msgs = msgs + $3, toks = toks + $4, segs = segs + $5,
    utoks = utoks + $6, bytes = bytes + $7, lists = lists + $8 where p = $1`,
};
const addRegistry: Statement = {
  name: 'fold_registry',
  text: 'update registry set segs = segs + $3, toks = toks + $4, bytes = bytes + $5 where p = $1 and id = $2',
};

/**
 * Adds every delta of a partition that is visible now to its counts. All that fold wait for each other;
 * stores and appends never fold. What it takes is one statement's view: a fold never chases
 * what comes meanwhile. A segment that any delta touched is condemned no more, also if its count stays: who
 * was given it in between may still read it. Resolves to the answer of `counted`, which asks for counts.
 */
export async function fold<T = void>(
  transaction: Transaction,
  p: number,
  counted?: () => Promise<T>,
): Promise<T | undefined> {
  transaction.send(lockTotals, [p]);
  const deltas = await transaction.query(takeDeltas, [p]);
  const sum = new Delta();
  const touched = new Map<string, number>();
  for (const { at, d } of deltas) {
    const each = new Delta();
    each.add(d as Buffer);
    sum.add(d as Buffer);
    for (const { k, slot } of each.references())
      touched.set(`${k}/${slot}`, Math.max(touched.get(`${k}/${slot}`) ?? -Infinity, int(at)));
  }
  // The question about counts is sent after what changes them, and answered in the same trip.
  const [, answer] = await Promise.all([foldReferences(transaction, p, sum, touched), counted?.()]);
  const usage = deltas.map((row) => row['usage'] as Buffer | null);
  foldUsage(transaction, p, usage, sum.figures);
  if (figures.some((figure) => sum.figures[figure] !== 0))
    transaction.send(addTotals, [p, ...figures.map((figure) => sum.figures[figure])]);
  for (const [id, { segs, toks, bytes }] of sum.registries)
    transaction.send(addRegistry, [p, id, segs, toks, bytes]);
  return answer;
}

async function foldReferences(
  transaction: Transaction,
  p: number,
  sum: Delta,
  touched: ReadonlyMap<string, number>,
): Promise<void> {
  const all = [...sum.references()].map((each) => ({
    ...each,
    at: touched.get(`${each.k}/${each.slot}`) ?? 0,
  }));
  const same = all.filter(({ difference }) => difference === 0);
  if (same.length > 0)
    transaction.send(touchReferences, [
      p,
      same.map(({ k }) => k),
      same.map(({ slot }) => slot),
      same.map(({ at }) => at),
    ]);
  const changes = all.filter(({ difference }) => difference !== 0);
  if (changes.length === 0) return;
  const released = new Set<PackId>();
  for (const { k, difference } of changes) if (difference < 0) released.add(k);
  const [counted, directories] = await Promise.all([
    transaction.query(addReferences, [
      p,
      changes.map(({ k }) => k),
      changes.map(({ slot }) => slot),
      changes.map(({ difference }) => difference),
      changes.map(({ at }) => at),
    ]),
    released.size === 0 ? [] : transaction.query(readDirectories, [p, [...released]]),
  ]);
  const garbage = counted.filter(({ n }) => int(n) <= 0);
  if (garbage.length > 0) transaction.send(sizeGarbage, [p, ...sizesOf(garbage, directories)]);
}

/** Returns columns of places, tokens and bytes. */
function sizesOf(garbage: readonly Row[], directories: readonly Row[]) {
  const entries = new Map<PackId, readonly PackEntry[]>();
  for (const { k, dir } of directories) entries.set(text(k), decodeDirectory(dir as Buffer));
  const columns: [string[], number[], number[], number[]] = [[], [], [], []];
  for (const { k, slot } of garbage) {
    const entry = entries.get(text(k))?.[int(slot)];
    columns[0].push(text(k));
    columns[1].push(int(slot));
    columns[2].push(entry?.tokenCount ?? 0);
    columns[3].push(entry?.frameBytes ?? 0);
  }
  return columns;
}

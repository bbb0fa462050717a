import type { VaultParts } from '../commit/parts.js';
import { lockTotals } from '../commit/fold.js';
import { int, type Row, type Statement, text } from '../database/driver.js';
import type { Transaction } from '../database/transaction.js';
import { chunkEntriesMax } from '../schema/chunks.js';
import { passGates } from './condemn.js';
import { throwIfAborted } from './forget.js';

/** Loose entries that are put into chunks after one barrier, and in one transaction. */
const [entriesAtOnce, entriesInTransaction] = [16_384, 4_096] as const;

/** Loose entries that are worth a pass, and their share of those in chunks, all of which it writes again. */
interface Worth {
  readonly looseMin: number;
  readonly looseShare: number;
}
export const whileServing: Worth = { looseMin: 1_024, looseShare: 0.5 };
export const onDemand: Worth = { looseMin: 1, looseShare: 1 / 32 };

const firstUuid = '00000000-0000-0000-0000-000000000000';

const readLoose: Statement = {
  name: 'chunks_loose',
  text: `select h, k, slot from hx where p = $1 and h > $2 order by h limit ${entriesAtOnce}`,
};
const takeLoose: Statement = {
  name: 'chunks_take',
  text: `delete from hx using unnest($2::uuid[], $3::int8[], $4::int4[]) u(h, k, slot)
    where hx.p = $1 and hx.h = u.h and hx.k = u.k and hx.slot = u.slot
    returning hx.h, hx.r, hx.k, hx.slot, hx.tokens`,
};
/** The chunks in which entries from one head to another would be. */
const readChunks: Statement = {
  name: 'chunks_chunks',
  text: `select h, hs, rs, ks, slots, tokens from hc where p = $1 and h <= $3 and h >= coalesce(
    (select b.h from hc b where b.p = $1 and b.h <= $2 order by b.h desc limit 1), $2) order by h`,
};
const deleteChunks: Statement = {
  name: 'chunks_gone',
  text: 'delete from hc where p = $1 and h = any($2::uuid[])',
};
const insertChunk: Statement = {
  name: 'chunks_put',
  text: `insert into hc (p, h, hs, rs, ks, slots, tokens)
    values ($1, $2, $3::uuid[], $4::uuid[], $5::int8[], $6::int4[], $7::int4[])`,
};
const countEntries: Statement = {
  name: 'chunks_count',
  text: `select (select count(*) from hx where p = $1) loose, (select count(*) from hc where p = $1) chunks`,
};

/** An entry of the index by hash as its columns are. */
interface Entry {
  readonly h: string;
  readonly r: string;
  readonly k: string;
  readonly slot: number;
  readonly tokens: number;
}

/**
 * Puts the loose entries of a partition's index by hash into chunks, which take less than half of their
 * bytes.
 *
 * A store adds loose entries alone, and the primary key of these refuses one that another store added since
 * it looked. So an entry must not leave them while a change is under way that looked before the entry was
 * there.
 *
 * 1. Read: which entries there are.
 * 2. Barrier: each row of the gate is locked once, as a collector does. A change that comes later holds a
 *    gate before it looks, and sees those entries, here or there.
 * 3. Move: what is as it was read goes into chunks, in one transaction, which holds the totals as whoever
 *    deletes entries does.
 */
export async function fillChunks(vault: VaultParts, p: number, signal: AbortSignal): Promise<void> {
  const { database } = vault;
  for (let after = firstUuid; ;) {
    throwIfAborted(signal);
    const loose = await database.query(readLoose, [p, after]);
    const last = loose.at(-1);
    if (!last) return;
    after = text(last['h']);
    await passGates(database, p);
    for (let at = 0; at < loose.length; at += entriesInTransaction) {
      throwIfAborted(signal);
      const some = loose.slice(at, at + entriesInTransaction);
      await database.transact((transaction) => move(transaction, p, some));
    }
    if (loose.length < entriesAtOnce) return;
  }
}

/** Resolves to whether so many entries are loose that a pass is worth what it writes. */
export async function isWorthChunks(
  { database }: VaultParts,
  p: number,
  { looseMin, looseShare }: Worth,
): Promise<boolean> {
  const [row] = await database.query(countEntries, [p]);
  const loose = int(row?.['loose']);
  return loose >= looseMin && loose >= int(row?.['chunks']) * chunkEntriesMax * looseShare;
}

async function move(transaction: Transaction, p: number, loose: readonly Row[]): Promise<void> {
  const heads = loose.map(({ h }) => text(h));
  transaction.send(lockTotals, [p]);
  const [taken, chunks] = await Promise.all([
    transaction.query(takeLoose, [
      p,
      heads,
      loose.map(({ k }) => text(k)),
      loose.map(({ slot }) => int(slot)),
    ]),
    transaction.query(readChunks, [p, heads[0]!, heads.at(-1)!]),
  ]);
  if (taken.length === 0) return;
  const entries = [...taken.map(entryFrom), ...chunks.flatMap(entriesFrom)];
  entries.sort((one, other) => (one.h < other.h ? -1 : 1));
  transaction.send(deleteChunks, [p, chunks.map(({ h }) => text(h))]);
  for (let at = 0; at < entries.length; at += chunkEntriesMax) {
    const some = entries.slice(at, at + chunkEntriesMax);
    transaction.send(insertChunk, [p, some[0]!.h, ...columnsOf(some)]);
  }
}

function entryFrom({ h, r, k, slot, tokens }: Row): Entry {
  return { h: text(h), r: text(r), k: text(k), slot: int(slot), tokens: int(tokens) };
}

/** Returns the entries of a row of chunks. */
export function entriesFrom({ hs, rs, ks, slots, tokens }: Row): Entry[] {
  const [r, k, slot, token] = [rs, ks, slots, tokens].map((column) => column as readonly unknown[]);
  return (hs as readonly unknown[]).map((h, at) =>
    entryFrom({ h, r: r?.[at], k: k?.[at], slot: slot?.[at], tokens: token?.[at] }),
  );
}

function columnsOf(entries: readonly Entry[]) {
  return [
    entries.map(({ h }) => h),
    entries.map(({ r }) => r),
    entries.map(({ k }) => k),
    entries.map(({ slot }) => slot),
    entries.map(({ tokens }) => tokens),
  ];
}

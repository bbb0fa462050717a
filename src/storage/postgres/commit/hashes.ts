import type { SegmentHash } from '../../../model/index.js';
import type { Statement } from '../database/driver.js';
import type { Transaction } from '../database/transaction.js';
import { headOf, type Place, restOf } from '../formats/ids.js';

/** The name of the chunk in which a head of a hash would be. */
function chunkOf(head: string): string {
  return `(select b.h from hc b where b.p = $1 and b.h <= ${head} order by b.h desc limit 1)`;
}

/**
 * The entries of the index by hash that have one of these heads, as a table of a statement: loose ones, and
 * those in chunks. An entry that moves from the one to the other is in one of them, since a statement sees
 * one state of the database.
 */
export function entriesOf(heads: '$2' | '$3'): string {
  return `(
    select p, h, r, k, slot, tokens from hx where p = $1 and h = any(${heads}::uuid[])
    union all
    select y.p, y.h, y.rs[y.i], y.ks[y.i], y.slots[y.i], y.tokens[y.i] from (
      select c.p, d.h, c.rs, c.ks, c.slots, c.tokens, array_position(c.hs, d.h) i
      from (select u.h, ${chunkOf('u.h')} b from unnest(${heads}::uuid[]) u(h)) d join hc c on c.h = d.b
      where c.p = $1) y where y.i is not null)`;
}

/**
 * True of a row u(h, k, slot) of a statement if the index leads from that head to that place. Not a join:
 * each row is looked up by keys, however large the tables were when the statement was planned.
 */
export const isIndexed = `coalesce(
  (select x.k = u.k and x.slot = u.slot from hx x where x.p = $1 and x.h = u.h),
  (select c.ks[array_position(c.hs, u.h)] = u.k and c.slots[array_position(c.hs, u.h)] = u.slot
    from hc c where c.p = $1 and c.h = ${chunkOf('u.h')}),
  false)`;

const insertHashes: Statement = {
  name: 'hashes_insert',
  text: `insert into hx (p, h, r, k, slot, tokens) select $1::int, u.h, u.r, u.k, u.slot, u.tokens
    from unnest($2::uuid[], $3::uuid[], $4::int8[], $5::int4[], $6::int4[]) u(h, r, k, slot, tokens) order by u.h`,
};
const deleteLoose: Statement = {
  name: 'hashes_delete',
  text: `delete from hx using unnest($2::uuid[], $3::int8[], $4::int4[]) u(h, k, slot)
    where hx.p = $1 and hx.h = u.h and hx.k = u.k and hx.slot = u.slot`,
};
const kept = `where (e.h = any($2::uuid[]) and exists (select 1
    from unnest($2::uuid[], $3::int8[], $4::int4[]) g(h, k, slot)
    where g.h = e.h and g.k = e.k and g.slot = e.slot)) is not true`;
/** Heads are looked for in one chunk each: to compare all of them with every chunk takes seconds. */
const deleteFromChunks: Statement = {
  name: 'hashes_chunks_cut',
  text: `update hc set (hs, rs, ks, slots, tokens) = (
      select coalesce(array_agg(e.h order by e.h), '{}'), coalesce(array_agg(e.r order by e.h), '{}'),
        coalesce(array_agg(e.k order by e.h), '{}'), coalesce(array_agg(e.slot order by e.h), '{}'),
        coalesce(array_agg(e.tokens order by e.h), '{}')
      from unnest(hc.hs, hc.rs, hc.ks, hc.slots, hc.tokens) e(h, r, k, slot, tokens) ${kept})
    where hc.p = $1 and hc.h in (select (select c.h from hc c where c.p = $1 and c.h = ${chunkOf('u.h')}
      and array_position(c.hs, u.h) is not null) from unnest($2::uuid[]) u(h))`,
};
const deleteEmpty: Statement = {
  name: 'hashes_chunks_empty',
  text: `delete from hc where hc.p = $1 and cardinality(hc.hs) = 0
    and hc.h in (select ${chunkOf('u.h')} from unnest($2::uuid[]) u(h))`,
};

/** An entry of the index by hash. */
export interface HashEntry extends Place {
  readonly hash: SegmentHash;
  readonly tokenCount: number;
}

/** Adds entries, loose ones: two changes that add one hash meet there. */
export function sendHashes(transaction: Transaction, p: number, entries: readonly HashEntry[]): void {
  if (entries.length === 0) return;
  transaction.send(insertHashes, [
    p,
    entries.map(({ hash }) => headOf(hash)),
    entries.map(({ hash }) => restOf(hash)),
    entries.map(({ k }) => k),
    entries.map(({ slot }) => slot),
    entries.map(({ tokenCount }) => tokenCount),
  ]);
}

/** Removes entries. To be called after a fold, which fill-chunks.ts waits for. */
export function sendHashesGone(
  transaction: Transaction,
  p: number,
  gone: readonly (Place & { readonly hash: SegmentHash })[],
): void {
  if (gone.length === 0) return;
  const heads = gone.map(({ hash }) => headOf(hash));
  const columns = [heads, gone.map(({ k }) => k), gone.map(({ slot }) => slot)];
  transaction.send(deleteLoose, [p, ...columns]);
  transaction.send(deleteFromChunks, [p, ...columns]);
  transaction.send(deleteEmpty, [p, heads]);
}

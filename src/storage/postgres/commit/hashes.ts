import type { SegmentHash } from '../../../model/index.js';
import { type Statement, text } from '../database/driver.js';
import type { Transaction } from '../database/transaction.js';
import { headOf, type Place, restOf } from '../formats/ids.js';

/** The name of the chunk in which a head of a hash would be. */
function chunkOf(head: string): string {
  return `(select b.h from hc b where b.p = $1 and b.h <= ${head} order by b.h desc limit 1)`;
}

/**
 * The entries of the index by hash that have one of these heads, as a table of a statement: loose ones, and
 * those in chunks. An entry that moves from the one to the other is in one of them, since a statement sees
 * one state of the database. Neither is joined: the columns of an entry are one value, found by keys, and
 * `offset 0` keeps it from being asked for once a column.
 */
export function entriesOf(heads: '$2' | '$3'): string {
  return `(
    select $1::int p, y.h, y.e[1]::uuid r, y.e[2]::int8 k, y.e[3]::int4 slot, y.e[4]::int4 tokens from (
      select u.h, coalesce((
        select array[l.r::text, l.k::text, l.slot::text, l.tokens::text] from hx l
        where l.p = $1 and l.h = u.h), (
        select array[x.rs[x.i]::text, x.ks[x.i]::text, x.slots[x.i]::text, x.tokens[x.i]::text] from (
          select c.rs, c.ks, c.slots, c.tokens, array_position(c.hs, u.h) i
          from hc c where c.p = $1 and c.h = ${chunkOf('u.h')} offset 0) x where x.i is not null)) e
      from unnest(${heads}::uuid[]) u(h) offset 0) y where y.e is not null)`;
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
/** The chunks in which these heads would be, each with its columns in one value: none is found by a join. */
const readChunks: Statement = {
  name: 'hashes_chunks',
  text: `select d.h, (
      select array[c.hs::text, c.rs::text, c.ks::text, c.slots::text, c.tokens::text] from hc c
      where c.p = $1 and c.h = d.h) arrays
    from (select distinct ${chunkOf('u.h')} h from unnest($2::uuid[]) u(h)) d where d.h is not null`,
};
/** A change of one chunk: a statement about several might look at all of them. */
const updateChunk: Statement = {
  name: 'hashes_chunk_cut',
  text: `update hc set hs = $3::uuid[], rs = $4::uuid[], ks = $5::int8[], slots = $6::int4[],
    tokens = $7::int4[] where p = $1 and h = $2`,
};
const deleteChunk: Statement = {
  name: 'hashes_chunk_gone',
  text: 'delete from hc where p = $1 and h = $2',
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

/**
 * Removes entries. To be called after a fold, which fill-chunks.ts waits for: nobody else changes chunks
 * until the transaction ends.
 */
export async function removeHashes(
  transaction: Transaction,
  p: number,
  gone: readonly (Place & { readonly hash: SegmentHash })[],
): Promise<void> {
  if (gone.length === 0) return;
  const heads = gone.map(({ hash }) => headOf(hash));
  transaction.send(deleteLoose, [p, heads, gone.map(({ k }) => k), gone.map(({ slot }) => slot)]);
  const left = new Set(gone.map(({ k, slot }, at) => `${heads[at]} ${k} ${slot}`));
  for (const { h, arrays } of await transaction.query(readChunks, [p, heads])) {
    const columns = (arrays as readonly string[]).map(elementsOf);
    const [hs = [], , ks = [], slots = []] = columns;
    const isKept = (at: number) => !left.has(`${hs[at]} ${ks[at]} ${slots[at]}`);
    const kept = columns.map((column) => column.filter((_, at) => isKept(at)));
    if (kept[0]?.length === 0) transaction.send(deleteChunk, [p, text(h)]);
    else if (kept[0]?.length !== hs.length)
      transaction.send(updateChunk, [p, text(h), ...kept.map((column) => `{${column.join(',')}}`)]);
  }
}

/** Elements of an array of ids or numbers, as PostgreSQL writes it. */
function elementsOf(array: string): string[] {
  return array === '{}' ? [] : array.slice(1, -1).split(',');
}

import type { VaultStats } from '../../../model/index.js';
import type { StoredSegment } from '../../contract/change.js';
import type { GarbagePage, GarbageQuery } from '../../contract/queries.js';
import { fold } from '../commit/fold.js';
import type { VaultParts } from '../commit/parts.js';
import { int, type Statement, text } from '../database/driver.js';
import { keyOf, placeOf } from '../formats/ids.js';

const readTotals: Statement = {
  name: 'totals_read',
  text: `select t.*,
    (select count(*) from ref where p = $1 and n <= 0) garbage,
    (select coalesce(sum(bytes), 0) from ref where p = $1 and n <= 0) garbage_bytes,
    (select coalesce(sum(octet_length(data)), 0) from registry where p = $1) registry_bytes
    from totals t where t.p = $1`,
};
/** Bytes of the schema's tables, with their indexes: of all vaults in it. */
const readSizes: Statement = {
  name: 'sizes_read',
  text: `select coalesce(sum(pg_total_relation_size(c.oid)), 0) size from pg_class c
    where c.relnamespace = (select oid from pg_namespace where nspname = $1) and c.relkind = 'r'`,
};
const listGarbageRows: Statement = {
  name: 'garbage_list',
  text: `select k, slot, tokens, bytes from ref
    where p = $1 and n <= 0 and (k, slot) > ($2, $3) and since <= $4 order by k, slot limit $5`,
};

export async function readStats({ database, p }: VaultParts): Promise<VaultStats> {
  const [row] = await database.transact(async (transaction) => {
    await fold(transaction, p);
    return transaction.query(readTotals, [p]);
  });
  const figure = (name: string) => int(row?.[name] ?? 0);
  const [sizes] = await database.query(readSizes, [database.schema]);
  return {
    conversations: figure('convs'),
    messages: figure('msgs'),
    segments: figure('segs'),
    tokens: figure('toks'),
    uniqueTokens: figure('utoks'),
    segmentBytes: figure('bytes'),
    registryBytes: figure('registry_bytes'),
    garbageSegments: figure('garbage'),
    garbageBytes: figure('garbage_bytes'),
    inUseBytes: figure('bytes') + figure('lists') + figure('registry_bytes'),
    fileBytes: int(sizes?.['size'] ?? 0),
  };
}

export async function listGarbage(
  { database, p }: VaultParts,
  { limit, garbageBeforeMs, after }: GarbageQuery,
): Promise<GarbagePage> {
  const from = (after === undefined ? undefined : placeOf(after)) ?? { k: '-1', slot: 0 };
  const beforeMs = Math.min(Math.floor(garbageBeforeMs), 9e15);
  const rows = await database.transact(async (transaction) => {
    await fold(transaction, p);
    return transaction.query(listGarbageRows, [p, from.k, from.slot, beforeMs, limit + 1]);
  });
  const segments = rows.slice(0, limit).map((row): StoredSegment => ({
    key: keyOf({ k: text(row['k']), slot: int(row['slot']) }),
    tokenCount: int(row['tokens']),
    frameBytes: int(row['bytes']),
  }));
  return { segments, next: rows.length > limit ? segments.at(-1)?.key : undefined };
}

import type { VaultStats } from '../../../model/index.js';
import type { StoredSegment } from '../../contract/change.js';
import type { GarbagePage, GarbageQuery } from '../../contract/queries.js';
import { fold } from '../commit/fold.js';
import type { VaultParts } from '../commit/parts.js';
import { int, type Row, type Statement, text } from '../database/driver.js';
import { keyOf, placeOf } from '../formats/ids.js';
import { isGarbage } from '../schema/garbage.js';

const readTotals: Statement = {
  name: 'totals_read',
  text: `select t.*,
    (select count(*) from ref where p = $1 and ${isGarbage}) garbage,
    (select coalesce(sum(bytes), 0) from ref where p = $1 and ${isGarbage}) garbage_bytes,
    (select coalesce(sum(octet_length(data)), 0) from registry where p = $1) registry_bytes
    from totals t where t.p = $1`,
};
const beforeAll = { k: '-1', slot: 0 };

/** Bytes of the schema's tables, with their indexes: of all vaults in it. */
const readSizes: Statement = {
  name: 'sizes_read',
  text: `select coalesce(sum(pg_total_relation_size(c.oid)), 0) size from pg_class c
    where c.relnamespace = (select oid from pg_namespace where nspname = $1) and c.relkind = 'r'`,
};
/** The same where the tables are distributed over other machines. */
const readSizesOfShards: Statement = {
  name: 'sizes_of_shards',
  text: `select coalesce(sum(citus_total_relation_size(d.logicalrelid)), 0) size from pg_dist_partition d
    join pg_class c on c.oid = d.logicalrelid
    where c.relnamespace = (select oid from pg_namespace where nspname = $1)`,
};
const listGarbageRows: Statement = {
  name: 'garbage_list',
  text: `select k, slot, tokens, bytes from ref
    where p = $1 and ${isGarbage} and (k, slot) > ($2, $3) and since <= $4 order by k, slot limit $5`,
};

export async function readStats({ database, partitions, isCitus }: VaultParts): Promise<VaultStats> {
  const rows = await database.transact(async (transaction) => {
    // Belongs to this attempt: a transaction may be made once more.
    const found: Row[] = [];
    for (const p of partitions.all) {
      await fold(transaction, p);
      found.push(...(await transaction.query(readTotals, [p])));
    }
    return found;
  });
  const figure = (name: string) => rows.reduce((sum, row) => sum + int(row[name] ?? 0), 0);
  const [sizes] = await database.query(isCitus ? readSizesOfShards : readSizes, [database.schema]);
  // Each partition has the same registries.
  const registryBytes = int(rows[0]?.['registry_bytes'] ?? 0);
  return {
    conversations: figure('convs'),
    messages: figure('msgs'),
    segments: figure('segs'),
    tokens: figure('toks'),
    uniqueTokens: figure('utoks'),
    segmentBytes: figure('bytes'),
    registryBytes,
    garbageSegments: figure('garbage'),
    garbageBytes: figure('garbage_bytes'),
    inUseBytes: figure('bytes') + figure('lists') + registryBytes,
    fileBytes: int(sizes?.['size'] ?? 0),
  };
}

/** Lists garbage in the order of partitions and places. */
export async function listGarbage(
  { database, partitions }: VaultParts,
  { limit, garbageBeforeMs, after }: GarbageQuery,
): Promise<GarbagePage> {
  const place = after === undefined ? undefined : placeOf(after);
  const first = place ? partitions.ofPack(place.k) : partitions.first;
  const beforeMs = Math.min(Math.floor(garbageBeforeMs), 9e15);
  const rows: Row[] = [];
  for (const p of partitions.all.filter((each) => each >= first)) {
    const from = p === first && place ? place : beforeAll;
    const found = await database.transact(async (transaction) => {
      await fold(transaction, p);
      const wanted = limit + 1 - rows.length;
      return transaction.query(listGarbageRows, [p, from.k, from.slot, beforeMs, wanted]);
    });
    rows.push(...found);
    if (rows.length > limit) break;
  }
  const segments = rows.slice(0, limit).map((row): StoredSegment => ({
    key: keyOf({ k: text(row['k']), slot: int(row['slot']) }),
    tokenCount: int(row['tokens']),
    frameBytes: int(row['bytes']),
  }));
  return { segments, next: rows.length > limit ? segments.at(-1)?.key : undefined };
}

import { StowkenError } from '../../../model/index.js';
import { int, type Statement, text } from '../database/driver.js';
import type { Transaction } from '../database/transaction.js';

/** Most partitions of a vault: a call for all of a vault asks each. */
const partitionsMax = 1_024;

/**
 * Tables that have rows of vaults, by partitions. The first one is the one that others are placed beside, and
 * the first from which the rows of a vault are deleted.
 */
export const partitionedTables = [
  ...['gate', 'conv', 'delta', 'gone', 'holder', 'req', 'registry', 'tokenizer', 'lease', 'server'],
  ...['label', 'tag', 'prefix', 'kind', 'usage_sum', 'uncounted', 'ref', 'hx', 'hc', 'part', 'totals'],
] as const;

/** Migration 2: the number of partitions of each vault, which stays as it is. */
export const layout: readonly string[] = [
  'create table layout (id int not null primary key, partitions int not null)',
];

const insertLayout: Statement = {
  name: 'layout_insert',
  text: 'insert into layout (id, partitions) values (1, $1)',
};
export const readLayout: Statement = {
  name: 'layout_read',
  text: 'select partitions from layout where id = 1',
};
const findCitus: Statement = {
  name: 'citus_find',
  text: `select 1 found from pg_extension where extname = 'citus'`,
};
const findDistributed: Statement = {
  name: 'citus_tables',
  text: `select c.relname from pg_dist_partition d join pg_class c on c.oid = d.logicalrelid
    where c.relnamespace = (select oid from pg_namespace where nspname = $1)`,
};
/** The shards of a table after the other: a transaction that makes many keeps to one connection a machine. */
const inOrder: Statement = {
  name: 'citus_in_order',
  text: `set local citus.multi_shard_modify_mode to 'sequential'`,
};
const distribute: Statement = {
  name: 'citus_distribute',
  text: `select create_distributed_table($1::text::regclass, 'p', colocate_with => $2)`,
};

/**
 * Writes the number of partitions when the tables are made: 1 for those that had none. Resolves to it.
 * @throws StowkenError INVALID_FIELD if another number is wanted than there is
 */
export async function keepLayout(
  transaction: Transaction,
  wanted: number | undefined,
  isNew: boolean,
): Promise<number> {
  if (wanted !== undefined && !(Number.isInteger(wanted) && wanted >= 1 && wanted <= partitionsMax))
    throw refusal(`partitions is ${wanted}; it is a whole number from 1 to ${partitionsMax}`);
  const [row] = await transaction.query(readLayout);
  const kept = row ? int(row['partitions']) : isNew ? (wanted ?? 1) : 1;
  if (wanted !== undefined && wanted !== kept)
    throw refusal(
      `the vaults of this database have ${kept === 1 ? '1 partition' : `${kept} partitions`} each, not ` +
        `${wanted}: the number is chosen when the tables are made, and stays. Make tables in another schema, ` +
        'and copy the vaults there',
    );
  if (!row) transaction.send(insertLayout, [kept]);
  return kept;
}

/**
 * Makes the rest of a transaction change shards one after the other if the database has Citus, which refuses
 * to begin with that once shards were changed at the same time. Resolves to whether it has.
 */
export async function beginOnCitus(transaction: Transaction): Promise<boolean> {
  if ((await transaction.query(findCitus)).length === 0) return false;
  await transaction.query(inOrder);
  return true;
}

/**
 * Distributes the tables by partitions: rows of one partition are together on one machine. The tables of
 * vaults' names and of migrations stay where they are.
 */
export async function distributeTables(transaction: Transaction, schema: string): Promise<void> {
  const distributed = new Set(
    (await transaction.query(findDistributed, [schema])).map(({ relname }) => text(relname)),
  );
  const left = partitionedTables.filter((table) => !distributed.has(table));
  const [first] = partitionedTables;
  for (const table of left) await transaction.query(distribute, [table, table === first ? 'none' : first]);
}

function refusal(message: string): StowkenError {
  return new StowkenError('INVALID_FIELD', message, { field: 'partitions' });
}

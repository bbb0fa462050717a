import { StowkenError } from '../../../model/index.js';
import { Database, quotedSchema } from '../database/database.js';
import { int, type Statement } from '../database/driver.js';
import { constraintOf, refused, stateOf } from '../database/failures.js';
import type { Transaction } from '../database/transaction.js';
import { findPresent } from '../leases/presence.js';
import { chunkOptions, chunkTables } from './chunks.js';
import { fieldIndexes } from './fields.js';
import { first, firstOptions } from './first.js';
import { garbageIndex, garbageOptions } from './garbage.js';
import { kindOptions, kindRows, kindTables } from './kinds.js';
import { prefixTables } from './prefix.js';
import { keepStatistics } from './statistics.js';
import { tagTables } from './tags.js';
import { timeIndexes } from './times.js';
import { usageTables } from './usage.js';
import { beginOnCitus, distributeTables, keepLayout, layout } from './layout.js';

export interface MigrateOptions {
  /** URL of the form postgres://USER:PASSWORD@HOST:PORT/DATABASE?schema=NAME. */
  readonly url: string;
  /** Schema of the tables, if not that of the URL; created if it is not there. */
  readonly schema?: string;
  /** Partitions of each vault, which are chosen when the tables are made. */
  readonly partitions?: number;
}

/** Versions of the tables before and after: 0 without any. */
export interface Migrated {
  readonly schema: string;
  readonly from: number;
  readonly to: number;
  readonly partitions: number;
  /** True if Citus distributes the tables over other machines. */
  readonly isDistributed: boolean;
}

interface Migration {
  readonly statements: readonly string[];
  /** Statements for engines that are PostgreSQL itself, or built on it. */
  readonly options: readonly string[];
  /** Statements after these. */
  readonly last?: readonly string[];
  /** True if servers of before may not go on. It renames gateNumber (kinds.ts), which stops their changes. */
  readonly isExclusive?: true;
}

/** Migrations in order: number 1 is the first. Never changed when released; only added to. */
const migrations: readonly Migration[] = [
  { statements: first, options: firstOptions },
  { statements: layout, options: [] },
  { statements: usageTables, options: [] },
  { statements: tagTables, options: [] },
  { statements: prefixTables, options: [] },
  { statements: fieldIndexes, options: [] },
  { statements: chunkTables, options: chunkOptions, isExclusive: true },
  { statements: timeIndexes, options: [], isExclusive: true },
  { statements: kindTables, options: kindOptions, last: kindRows, isExclusive: true },
  { statements: garbageIndex, options: garbageOptions },
];

/** Number of the newest migration that this version knows, and needs. */
export const schemaVersion = migrations.length;

/** Tables in a schema that a user may not use are as if they were not there. */
const mayUse: Statement = {
  name: 'schema_usable',
  text: `select has_schema_privilege(nspname, 'usage') usable from pg_namespace where nspname = $1`,
};
const tableOfMigrations: Statement = {
  name: 'migration_table',
  text: 'create table if not exists migration (n int not null primary key, at timestamptz not null)',
};
const lockMigrations: Statement = {
  name: 'migration_lock',
  text: 'insert into migration (n, at) values (0, now()) on conflict (n) do update set at = now()',
};
const readVersion: Statement = { name: 'migration_read', text: 'select max(n) n from migration' };
const noteMigration: Statement = {
  name: 'migration_note',
  text: 'insert into migration (n, at) values ($1, now())',
};
const readVaults: Statement = { name: 'migration_vaults', text: 'select p from vault order by p' };
const findSchema: Statement = {
  name: 'schema_find',
  text: 'select 1 found from pg_namespace where nspname = $1',
};
const engine: Statement = { name: 'engine', text: 'select version() v' };

/**
 * Brings the tables to this version. Runs of several processes wait for each other. Resolves to the version
 * that was there, and the one that is there now.
 * @throws StowkenError STORE_VERSION if the tables are of a newer version, INVALID_FIELD, STORAGE_UNAVAILABLE
 * if servers have vaults open that have to be stopped before
 */
export async function migrate(options: MigrateOptions): Promise<Migrated> {
  const database = await Database.open({ ...options, connectionsMax: 2 });
  try {
    await createSchema(database);
    await database.query(tableOfMigrations).catch((error: unknown) => {
      // Another process made it at the same moment.
      const state = stateOf(error) ?? '';
      if (constraintOf(error) === undefined && state !== '42P07' && state !== '42710') throw error;
    });
    return await database.transact((transaction) => run(transaction, options, database.schema), {
      long: true,
    });
  } finally {
    await database.close();
  }
}

async function run(
  transaction: Transaction,
  { partitions: wanted }: MigrateOptions,
  schema: string,
): Promise<Migrated> {
  const isDistributed = await beginOnCitus(transaction);
  await transaction.query(lockMigrations);
  const [row] = await transaction.query(readVersion);
  const from = int(row?.['n'] ?? 0);
  if (from > schemaVersion) throw newerSchema(from);
  const [{ v } = { v: '' }] = await transaction.query(engine);
  if (from > 0 && migrations.slice(from).some(({ isExclusive }) => isExclusive))
    await requireStopped(transaction, from);
  const isPostgres = !/cockroach|yugabyte/i.test(String(v));
  for (let n = from + 1; n <= schemaVersion; n++) {
    const { statements, options, last = [] } = migrations[n - 1]!;
    for (const text of [...statements, ...(isPostgres ? options : []), ...last])
      await transaction.query({ name: '', text });
    await transaction.query(noteMigration, [n]);
  }
  const partitions = await keepLayout(transaction, wanted, from === 0);
  if (isDistributed) await distributeTables(transaction, schema);
  else if (isPostgres && from < schemaVersion) await keepStatistics(transaction, from === 0);
  return { schema, from, to: schemaVersion, partitions, isDistributed };
}

/** @throws StowkenError STORAGE_UNAVAILABLE if a process has a vault open, or was killed a moment ago */
async function requireStopped(transaction: Transaction, from: number): Promise<void> {
  const vaults = await transaction.query(readVaults);
  const present = await Promise.all(vaults.map(({ p }) => transaction.query(findPresent, [int(p)])));
  if (present.every((rows) => rows.length === 0)) return;
  const cause =
    `servers have vaults open in tables of version ${from}, and cannot go on in those of version ` +
    `${schemaVersion}: stop them first. One that was killed is given up after 40 seconds`;
  throw new StowkenError('STORAGE_UNAVAILABLE', cause, { cause });
}

/** @throws StowkenError STORE_VERSION unless the tables are of this version, STORAGE_UNAVAILABLE */
export async function checkSchema(database: Database): Promise<void> {
  const found = await database.query(readVersion).then(
    ([row]) => int(row?.['n'] ?? 0),
    (error: unknown) => {
      // The table, or the schema, is not there.
      if (stateOf(error) === '42P01' || stateOf(error) === '3F000') return 0;
      if (stateOf(error) === '42501') throw refused('the user has no right to read its tables');
      throw error;
    },
  );
  if (found > schemaVersion) throw newerSchema(found);
  if (found < schemaVersion) {
    const [row] = found === 0 ? await database.query(mayUse, [database.schema]) : [];
    if (row && row['usable'] !== true)
      throw refused(`the user has no right to use the schema ${database.schema}`);
    const what = found === 0 ? 'has no tables of vaults' : `has tables of version ${found}`;
    throw new StowkenError(
      'STORE_VERSION',
      `the database ${what} in schema ${database.schema}: run stowken migrate --storage URL`,
      { version: String(found), version_max: String(schemaVersion), kind: 'postgres' },
    );
  }
}

function newerSchema(found: number): StowkenError {
  return new StowkenError(
    'STORE_VERSION',
    `the database has tables of version ${found}; this version knows ${schemaVersion}`,
    { version: String(found), version_max: String(schemaVersion), kind: 'postgres' },
  );
}

/** Makes the schema, unless it is there: a user without the right to make one may have been given it. */
async function createSchema(database: Database): Promise<void> {
  const { schema } = database;
  if ((await database.query(findSchema, [schema])).length > 0) return;
  await database
    .query({ name: '', text: `create schema if not exists ${quotedSchema(schema)}` })
    .catch((error: unknown) => {
      if (constraintOf(error) === undefined && stateOf(error) !== '42P06') throw error;
    });
}

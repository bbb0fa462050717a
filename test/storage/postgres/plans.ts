import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll } from 'vitest';
import { migratePostgres } from '../../../src/storage/index.js';
import { Database } from '../../../src/storage/postgres/database/database.js';
import { int, type Value } from '../../../src/storage/postgres/database/driver.js';
import type { Transaction } from '../../../src/storage/postgres/database/transaction.js';
import { testDatabase } from '../../support/postgres.js';

/** The partition of a vault that has one. */
export const p = 1;

/** Ways in which the database plans a prepared statement: for its values, and for any. */
export const planModes = ['force_custom_plan', 'force_generic_plan'] as const;

/**
 * Makes tables with these rows for the tests of one `describe`. The planner knows nothing of the rows until a
 * test has the tables analyzed.
 */
export function tablesWith(fill: readonly (string | readonly [string, readonly Value[]])[]): () => Database {
  const schema = `test_${randomUUID().replaceAll('-', '')}`;
  let database: Database;
  beforeAll(async () => {
    const url = await testDatabase();
    await migratePostgres({ url, schema });
    database = await Database.open({ url, schema, connectionsMax: 2 });
    for (const each of fill) {
      const [text, values] = typeof each === 'string' ? [each, []] : each;
      await database.query({ name: '', text }, values);
    }
  });
  afterAll(async () => {
    await database.query({ name: '', text: `drop schema ${schema} cascade` });
    await database.close();
  });
  return () => database;
}

/** Analyzes tables: the planner then knows how many rows they have, and of which values. */
export async function analyze(database: Database, ...tables: readonly string[]): Promise<void> {
  for (const table of tables) await database.query({ name: '', text: `analyze ${table}` });
}

/** Returns the rows of a table that a transaction reads by its work. */
export function readBy(
  database: Database,
  table: string,
  work: (transaction: Transaction) => Promise<unknown>,
  mode: (typeof planModes)[number] | 'auto' = 'auto',
): Promise<number> {
  const count = {
    name: '',
    text: `select seq_tup_read + coalesce(idx_tup_fetch, 0) n from pg_stat_xact_user_tables
      where relid = '${table}'::regclass`,
  };
  return database.transact(async (transaction) => {
    if (mode !== 'auto') transaction.send({ name: '', text: `set local plan_cache_mode = ${mode}` });
    // With those of transactions before it on the connection.
    const [before] = await transaction.query(count);
    await work(transaction);
    const [after] = await transaction.query(count);
    return int(after?.['n']) - int(before?.['n'] ?? 0);
  });
}

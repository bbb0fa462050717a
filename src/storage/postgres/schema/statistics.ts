import { type Statement, text } from '../database/driver.js';
import type { Transaction } from '../database/transaction.js';

const readColumns: Statement = {
  name: 'columns_read',
  text: `select table_name t, column_name c, data_type d from information_schema.columns
    where table_schema = current_schema() and is_nullable = 'NO' order by table_name, ordinal_position`,
};

/** Values of rows that are there while the planner looks. */
const valuesByType: Readonly<Record<string, string>> = {
  integer: '0',
  bigint: 'n',
  bytea: `''`,
  text: `''`,
  boolean: 'false',
  uuid: `'00000000-0000-0000-0000-000000000000'`,
  ARRAY: `'{}'`,
  'timestamp with time zone': 'now()',
};

/**
 * Tables that grow with a vault, and columns of theirs besides `p` of which a guess would be as wrong: most
 * values are null, or all are different.
 */
const tables: Readonly<Record<string, readonly string[]>> = {
  ...{ conv: [], part: ['c'], hx: [], hc: [], ref: ['condemned'], delta: [], gone: [], holder: [] },
  ...{ req: [], tag: [], prefix: [], usage_sum: [] },
};

/** Rows that fill a page or so: the planner takes other pages to be as full. */
const sampleRows = 100;

/**
 * Has PostgreSQL's planner know that a partition may be a whole table. It takes a column of which it knows
 * nothing for one of 200 values, and would read a partition row by row where a hundred of its keys are asked
 * for, until autovacuum has looked at the table; joined, it would compare each row with each key. The number
 * of values is said here, and stays. Statistics that have it come of rows that are there for a moment, in
 * tables that this transaction made (`isNew`), or of those that there are.
 */
export async function keepStatistics(transaction: Transaction, isNew: boolean): Promise<void> {
  const columns = isNew ? await transaction.query(readColumns) : [];
  const send = (statement: string) => transaction.send({ name: '', text: statement });
  const all = Object.entries(tables);
  for (const [table] of all) {
    send(`alter table ${table} alter column p set (n_distinct = 1)`);
    const own = columns.filter(({ t }) => text(t) === table);
    const values = own.map(({ c, d }) => (text(c) === 'p' ? '-n' : valuesByType[text(d)]));
    if (isNew)
      send(`insert into ${table} (${own.map(({ c }) => text(c)).join(', ')})
        select ${values.join(', ')} from generate_series(1, ${sampleRows}) n`);
  }
  send(`analyze ${all.map(([table, more]) => `${table} (${['p', ...more].join(', ')})`).join(', ')}`);
  if (isNew) send(`truncate ${all.map(([table]) => table).join(', ')}`);
  await transaction.flush();
}

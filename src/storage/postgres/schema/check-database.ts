import type { Database } from '../database/database.js';
import { int, type Statement, text } from '../database/driver.js';
import { refused } from '../database/failures.js';
import { readLayout } from './layout.js';
import { checkSchema } from './migrate.js';

const readSettings: Statement = {
  name: 'database_settings',
  text: `select current_setting('server_version_num')::int version, current_setting('server_encoding') encoding,
    extract(epoch from clock_timestamp()) * 1000 now, pg_is_in_recovery() replica,
    exists (select 1 from pg_extension where extname = 'citus') citus,
    has_table_privilege('part', 'select') and has_table_privilege('part', 'insert')
    and has_table_privilege('part', 'update') and has_table_privilege('part', 'delete') writable`,
};

const versionMin = 13_00_00;
const clockMsMax = 60_000;

/** Properties of a database that its servers go by. */
export interface DatabaseKind {
  /** Partitions of each vault. */
  readonly partitions: number;
  /** True if Citus distributes the tables over other machines. */
  readonly isCitus: boolean;
}

/**
 * Checks at the start that a database can have vaults, and says in words what is wrong with it.
 * @throws StowkenError STORE_VERSION, STORAGE_UNAVAILABLE
 */
export async function checkDatabase(database: Database): Promise<DatabaseKind> {
  await checkSchema(database);
  const [row] = await database.query(readSettings);
  const refuse = (cause: string) => {
    throw refused(cause);
  };
  const version = int(row?.['version']);
  if (version < versionMin)
    refuse(`its version is ${Math.floor(version / 10_000)}, and 13 is the oldest known`);
  if (text(row?.['encoding']) !== 'UTF8') refuse(`its encoding is ${text(row?.['encoding'])}, not UTF8`);
  if (row?.['replica'] === true) refuse('it is a replica, which takes no writes');
  if (row?.['writable'] !== true) refuse('the user may not select, insert, update and delete in its tables');
  const offMs = Math.round(int(row?.['now']) - Date.now());
  if (Math.abs(offMs) > clockMsMax) refuse(`its clock is ${offMs} ms from this machine's`);
  const [layout] = await database.query(readLayout);
  return { partitions: int(layout?.['partitions'] ?? 1), isCitus: row?.['citus'] === true };
}

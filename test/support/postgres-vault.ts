import { randomUUID } from 'node:crypto';
import { type ManagedBackend, migratePostgres, openPostgresBackend } from '../../src/storage/index.js';
import { testDatabase } from './postgres.js';

export { postgresMissing } from './postgres.js';

const migrated = new Map<string, Promise<unknown>>();

type Options = Omit<Parameters<typeof openPostgresBackend>[0], 'url'>;

/**
 * Opens a vault of its own in the database of all tests, unless one is named, in tables with so many
 * partitions a vault.
 */
export async function openInDatabase(partitions: number, options: Options): Promise<ManagedBackend> {
  const url = await testDatabase();
  const schema = partitions === 1 ? 'stowken' : `stowken_${partitions}`;
  if (!migrated.has(schema)) migrated.set(schema, migratePostgres({ url, schema, partitions }));
  await migrated.get(schema);
  const vault = `test ${randomUUID()}`;
  return openPostgresBackend({ url, schema, vault, connectionsMax: 8, ...options });
}

/** Returns the URL of tables of their own in the database of all tests, for servers that a test starts. */
export async function ownTables(): Promise<string> {
  const url = `${await testDatabase()}?schema=test_${randomUUID().replaceAll('-', '_')}`;
  await migratePostgres({ url });
  return url;
}

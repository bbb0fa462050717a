import type { ManagedBackend } from '../contract/backend.js';
import type { PostgresOptions, PostgresStore } from './open.js';
import type { MigrateOptions, Migrated } from './schema/migrate.js';

export type { PostgresOptions, PostgresStore } from './open.js';
export type { MigrateOptions, Migrated } from './schema/migrate.js';

/** Opens a vault in a database; see open.ts, which is loaded only by those who have one. */
export async function openPostgresBackend(options: PostgresOptions): Promise<ManagedBackend> {
  return (await import('./open.js')).openPostgres(options);
}

/** Connects to a database with vaults; see open.ts. */
export async function openPostgresStore(url: string): Promise<PostgresStore> {
  return (await import('./open.js')).openStore({ url });
}

/** Brings the tables of a database to this version; see schema/migrate.ts. */
export async function migratePostgres(options: MigrateOptions): Promise<Migrated> {
  return (await import('./schema/migrate.js')).migrate(options);
}

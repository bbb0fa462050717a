import { StowkenError } from '../model/index.js';
import type { StorageBackend } from '../storage/index.js';

/** Optional abilities, and the storages that have them. */
const storages = {
  backup: 'lmdb',
  repair: 'lmdb, memory, postgres',
  'prefix index': 'lmdb, memory, postgres',
  usage: 'lmdb, memory, postgres',
  erasure: 'lmdb, memory, postgres',
} as const;

/** Ways to the same in a database that has the vaults. */
const insteadInDatabase: Partial<Record<keyof typeof storages, string>> = {
  backup: 'use that of the database (pg_dump --schema=stowken, or its base backups), or stowken export',
};

export function unsupported(operation: keyof typeof storages, { kind }: StorageBackend): StowkenError {
  const instead = kind === 'postgres' ? insteadInDatabase[operation] : undefined;
  return new StowkenError(
    'UNSUPPORTED_BY_STORAGE',
    `the ${kind} storage has no ${operation}; ${instead ?? `there is one in: ${storages[operation]}`}`,
    { operation, storage: kind, storages: storages[operation] },
  );
}

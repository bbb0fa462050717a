import { StowkenError } from '../model/index.js';
import type { StorageBackend } from '../storage/index.js';

/** Optional abilities, and the storages that have them. */
const storages = {
  backup: 'lmdb',
  repair: 'lmdb, memory',
  'prefix index': 'lmdb, memory',
  usage: 'lmdb, memory',
  erasure: 'lmdb, memory',
} as const;

export function unsupported(operation: keyof typeof storages, { kind }: StorageBackend): StowkenError {
  return new StowkenError(
    'UNSUPPORTED_BY_STORAGE',
    `the ${kind} storage has no ${operation}; there is one in: ${storages[operation]}`,
    { operation, storage: kind, storages: storages[operation] },
  );
}

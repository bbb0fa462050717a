import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadCore } from '../../src/core/index.js';
import { createMemoryBackend, openFilesystemBackend, openLmdbBackend } from '../../src/storage/index.js';
import { openInDatabase, postgresMissing } from './postgres-vault.js';
import { openTestVault, type TestVault } from './vault.js';

export const storageKinds = ['memory', 'lmdb', 'filesystem'] as const;

const databaseKinds = ['postgres', 'postgres in partitions'] as const;

/** Storages with all that a vault can do; those of a database, where one can be started. */
export const fullKinds = [
  ...(['memory', 'lmdb'] as const),
  ...(postgresMissing === undefined ? databaseKinds : []),
];
type Kind = (typeof storageKinds)[number] | (typeof databaseKinds)[number];

/**
 * The real vault over one of the storages, which is never synced and checks itself. Closing it removes its
 * folder.
 */
export async function openStoredVault(kind: Kind): Promise<TestVault> {
  const core = await loadCore();
  const folder = await mkdtemp(
    join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), `stowken-${kind.replaceAll(' ', '-')}-`),
  );
  const opened = await openTestVault(async (codec, clock) => {
    if (kind === 'postgres') return openInDatabase(1, { codec, clock, strict: true });
    if (kind === 'postgres in partitions') return openInDatabase(4, { codec, clock, strict: true });
    if (kind === 'memory') return createMemoryBackend({ codec, clock, strict: true });
    if (kind === 'lmdb')
      return openLmdbBackend({ folder, codec, clock, durability: 'relaxed', strict: true });
    return openFilesystemBackend({ folder, codec, core, clock, fsync: false, strict: true });
  });
  return {
    ...opened,
    async close() {
      await opened.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

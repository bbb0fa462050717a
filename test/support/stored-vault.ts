import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadCore } from '../../src/core/index.js';
import { createMemoryBackend, openFilesystemBackend, openLmdbBackend } from '../../src/storage/index.js';
import { openTestVault, type TestVault } from './vault.js';

export const storageKinds = ['memory', 'lmdb', 'filesystem'] as const;

/**
 * The real vault over one of the storages, which is never synced and checks itself. Closing it removes its
 * folder.
 */
export async function openStoredVault(kind: (typeof storageKinds)[number]): Promise<TestVault> {
  const core = await loadCore();
  const folder = await mkdtemp(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), `stowken-${kind}-`));
  const opened = await openTestVault(async (codec, clock) => {
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

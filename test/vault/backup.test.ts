import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { loadCore } from '../../src/core/index.js';
import { openFilesystemBackend, openLmdbBackend } from '../../src/storage/index.js';
import { collectAll, openTestVault, say, signal, spec, type TestVault } from '../support/vault.js';

const folder = await mkdtemp(join(tmpdir(), 'stowken-backup-'));
let t: TestVault;
afterEach(async () => {
  await t.close();
  await rm(folder, { recursive: true, force: true });
});

it('comes in chunks of less than 1 MiB', async () => {
  t = await openTestVault((codec, clock) => openLmdbBackend({ folder, codec, clock }));
  const tokens = Array.from({ length: 600_000 }, (_, index) => (index * 2_654_435_761) % 2 ** 32);
  await t.vault.store({ spec: spec('c'), messages: [say('user', tokens)] }, signal);
  const chunks = await collectAll(t.vault.backup(signal));
  const sizes = chunks.map(({ length }) => length);
  expect(Math.max(...sizes)).toBeLessThanOrEqual(1024 * 1024);
  expect(sizes.reduce((sum, size) => sum + size)).toBeGreaterThan(2_000_000);
});

it('is refused where the storage has none, and so is a repair, naming those that have', async () => {
  t = await openTestVault();
  await expect(t.vault.backup(signal).next()).rejects.toMatchObject({
    reason: 'UNSUPPORTED_BY_STORAGE',
    metadata: { operation: 'backup', storage: 'memory', storages: 'lmdb' },
  });
  await t.close();
  const core = await loadCore();
  t = await openTestVault((codec, clock) => openFilesystemBackend({ folder, codec, core, clock }));
  await expect(t.vault.backup(signal).next()).rejects.toMatchObject({
    reason: 'UNSUPPORTED_BY_STORAGE',
    metadata: { operation: 'backup', storage: 'filesystem', storages: 'lmdb' },
  });
  await expect(t.vault.verify({ repair: true }, signal).next()).rejects.toMatchObject({
    reason: 'UNSUPPORTED_BY_STORAGE',
    metadata: { operation: 'repair', storage: 'filesystem', storages: 'lmdb, memory, postgres' },
  });
});

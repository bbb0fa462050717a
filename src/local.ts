/** Tasks of the commands that work on this machine, and not through a server. */
import type {
  CopyVault,
  Diagnose,
  MigrateStorage,
  RestoreVault,
  SalvageVault,
  ServeOptions,
} from './cli/index.js';
import { machineMemoryBytes } from './cli/serve/settings.js';
import { createLiveCodec } from './codec/index.js';
import { loadCore } from './core/index.js';
import { openBackend } from './server/index.js';
import { isComplete, migratePostgres, openPostgresStore, restoreLmdb, salvageLmdb } from './storage/index.js';
import { copyVault as copyContent } from './vault/index.js';
import { FolderCatalogue, openSource, openTarget } from './vaults/index.js';

export { startServer } from './server/index.js';
export { inspectVault } from './storage/index.js';

export async function restoreVault({
  data,
  vault,
  ...input
}: Parameters<RestoreVault>[0]): ReturnType<RestoreVault> {
  const catalogue = new FolderCatalogue(data);
  const folder = catalogue.newFolderOf(vault);
  const restored = await restoreLmdb({ ...input, folder, codec: createLiveCodec(await loadCore()) });
  await catalogue.adopt(vault, { settings: {}, createTimeMs: Date.now(), vaultId: restored.vaultId });
  return restored;
}

export async function salvageVault(input: Parameters<SalvageVault>[0]): ReturnType<SalvageVault> {
  const core = await loadCore();
  const report = await salvageLmdb({ ...input, codec: () => createLiveCodec(core), nowMs: Date.now() });
  return { ...report, complete: isComplete(report) };
}

export async function migrateStorage(input: Parameters<MigrateStorage>[0]): ReturnType<MigrateStorage> {
  return migratePostgres(input);
}

export async function copyVault({
  from,
  to,
  compares,
  ...input
}: Parameters<CopyVault>[0]): ReturnType<CopyVault> {
  const core = await loadCore();
  const opened = await openSource(from, core);
  try {
    const { target, close } = await openTarget(to, core, opened);
    try {
      return await copyContent({ source: opened.source, target, clock: Date.now, ...input }, { compares });
    } finally {
      await close();
    }
  } finally {
    await opened.close();
  }
}

/** Tries the storage with an empty vault: it shows that the disk can keep one. */
export async function* diagnoseServer(options: ServeOptions): ReturnType<Diagnose> {
  const { diagnose } = await import('./doctor/index.js');
  yield* diagnose(options, {
    memoryBytes: machineMemoryBytes(),
    nowMs: Date.now(),
    tryStorage: async (folder) => {
      if (options.database !== undefined) return (await openPostgresStore(options.database)).close();
      const core = await loadCore();
      const parts = { core, codec: createLiveCodec(core), activity: undefined };
      const backend = await openBackend(options, folder, parts);
      await backend.close();
    },
  });
}

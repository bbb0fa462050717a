#!/usr/bin/env -S node --enable-source-maps
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import {
  machineMemoryBytes,
  runCli,
  type Diagnose,
  type RestoreVault,
  type SalvageVault,
  type ServeOptions,
} from './cli/index.js';
import { createLiveCodec } from './codec/index.js';
import { loadCore } from './core/index.js';
import { diagnose } from './doctor/index.js';
import { openBackend, startServer } from './server/index.js';
import { inspectVault, isComplete, restoreLmdb, salvageLmdb } from './storage/index.js';
import { FolderCatalogue } from './vaults/index.js';

const packageFile = createRequire(import.meta.url).resolve('#package.json');
const { version } = JSON.parse(readFileSync(packageFile, 'utf8')) as { version: string };

const exitCode = await runCli({
  startServer: (options, logger) => startServer(options, logger, version),
  restoreVault,
  salvageVault,
  inspectVault,
  diagnose: diagnoseServer,
  version,
});
process.exitCode = exitCode;
// A signal ended the command: open resources are not waited for.
if (exitCode > 128) process.exit();

async function restoreVault({
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

async function salvageVault(input: Parameters<SalvageVault>[0]): ReturnType<SalvageVault> {
  const core = await loadCore();
  const report = await salvageLmdb({ ...input, codec: () => createLiveCodec(core), nowMs: Date.now() });
  return { ...report, complete: isComplete(report) };
}

/** Tries the storage with an empty vault: it shows that the disk can keep one. */
function diagnoseServer(options: ServeOptions): ReturnType<Diagnose> {
  return diagnose(options, {
    memoryBytes: machineMemoryBytes(),
    nowMs: Date.now(),
    tryStorage: async (folder) => {
      const core = await loadCore();
      const parts = { core, codec: createLiveCodec(core), activity: undefined };
      const backend = await openBackend(options, folder, parts);
      await backend.close();
    },
  });
}

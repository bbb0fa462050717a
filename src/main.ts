#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import type { Logger } from 'pino';
import { runCli, type RestoreVault, type RunningServer, type ServeOptions } from './cli/index.js';
import { createLiveCodec, type LiveCodec } from './codec/index.js';
import { loadCore, type TokenCore } from './core/index.js';
import { startRpcServer } from './rpc/index.js';
import {
  createMemoryBackend,
  openFilesystemBackend,
  openLmdbBackend,
  restoreLmdb,
  type ManagedBackend,
} from './storage/index.js';
import { createTokenizers } from './text/index.js';
import { createVault } from './vault/index.js';

const packageFile = createRequire(import.meta.url).resolve('#package.json');
const { version } = JSON.parse(readFileSync(packageFile, 'utf8')) as { version: string };

process.exitCode = await runCli({ startServer, restoreVault, version });

/** The one place where the parts become a server. */
async function startServer(options: ServeOptions, logger: Logger): Promise<RunningServer> {
  const core = await loadCore();
  const codec = createLiveCodec(core);
  const backend = await openBackend(options, core, codec);
  const tokenizers = createTokenizers({ threadsMax: availableParallelism() });
  const vault = createVault({ name: 'default', backend, core, codec, tokenizers, clock: Date.now });
  const close = async () => {
    await tokenizers.close();
    await backend.close();
  };
  try {
    const server = await startRpcServer({
      vaults: (name) => (name === vault.name ? vault : undefined),
      tokenizers,
      listen: options.listen,
      logger,
      version,
      health: () => backend.health(),
    });
    return {
      address: server.address,
      async stop() {
        await server.drain(options.drainTimeoutMs);
        await close();
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}

async function restoreVault(input: Parameters<RestoreVault>[0]): ReturnType<RestoreVault> {
  return restoreLmdb({ ...input, codec: createLiveCodec(await loadCore()) });
}

async function openBackend(
  options: ServeOptions,
  core: TokenCore,
  codec: LiveCodec,
): Promise<ManagedBackend> {
  const { dataDir: folder, durability } = options;
  const clock = Date.now;
  switch (options.storage) {
    case 'lmdb':
      return openLmdbBackend({ folder, codec, clock, durability });
    case 'filesystem':
      return openFilesystemBackend({ folder, codec, core, clock, fsync: durability === 'fsync' });
    case 'memory':
      return createMemoryBackend({ codec, clock });
  }
}

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
import { AutoCompaction, createVault, type Vault } from './vault/index.js';
import { Primary } from './workers/index.js';

const packageFile = createRequire(import.meta.url).resolve('#package.json');
const { version } = JSON.parse(readFileSync(packageFile, 'utf8')) as { version: string };

process.exitCode = await runCli({ startServer, restoreVault, version });

/** The one place where the parts become a server. */
async function startServer(options: ServeOptions, logger: Logger): Promise<RunningServer> {
  const core = await loadCore();
  const codec = createLiveCodec(core);
  return options.workers > 1
    ? startWithWorkers(options, logger, core, codec)
    : startAlone(options, logger, core, codec);
}

/** Serves and stores in this process. */
async function startAlone(
  options: ServeOptions,
  logger: Logger,
  core: TokenCore,
  codec: LiveCodec,
): Promise<RunningServer> {
  const backend = await openBackend(options, core, codec);
  const tokenizers = createTokenizers({ threadsMax: availableParallelism() });
  const vault = createVault({ name: 'default', backend, core, codec, tokenizers, clock: Date.now });
  const compaction = autoCompaction(vault, logger);
  const close = async () => {
    await compaction.stop();
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
    if (options.autoCompact) compaction.start();
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

/** Stores in this process, and serves in others. */
async function startWithWorkers(
  options: ServeOptions,
  logger: Logger,
  core: TokenCore,
  codec: LiveCodec,
): Promise<RunningServer> {
  const { dataDir: folder, durability, listen, workers, logLevel } = options;
  const opened = await openLmdbBackend({ folder, codec, clock: Date.now, durability });
  const primary = new Primary({
    workers,
    backend: opened,
    logger,
    worker: { dataDir: folder, listen, logLevel, version },
  });
  const { backend } = primary;
  // Text is encoded where it arrives: this process needs none.
  const tokenizers = createTokenizers({ threadsMax: 1 });
  const vault = createVault({ name: 'default', backend, core, codec, tokenizers, clock: Date.now });
  const compaction = autoCompaction(vault, logger);
  const close = async () => {
    await compaction.stop();
    await tokenizers.close();
    await backend.close();
  };
  try {
    const address = await primary.start(vault);
    if (options.autoCompact) compaction.start();
    return {
      address,
      async stop() {
        await primary.drain(options.drainTimeoutMs);
        await close();
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}

function autoCompaction(vault: Vault, logger: Logger): AutoCompaction {
  return new AutoCompaction(vault, {
    onDone: (summary) => logger.info({ ...summary }, 'compacted'),
    onError: (error) => logger.error({ err: error }, 'automatic compaction failed'),
  });
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

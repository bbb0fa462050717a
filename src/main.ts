#!/usr/bin/env -S node --enable-source-maps
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import type { Logger } from 'pino';
import {
  runCli,
  type RestoreVault,
  type RunningServer,
  type SalvageVault,
  type ServeOptions,
} from './cli/index.js';
import { createLiveCodec, type LiveCodec } from './codec/index.js';
import { loadCore, type TokenCore } from './core/index.js';
import { checkAccess } from './identity/index.js';
import { limits, type VaultStats } from './model/index.js';
import {
  checkListen,
  connectionsWithinDescriptors,
  startRpcServer,
  type IntakeSettings,
} from './rpc/index.js';
import {
  checkDataFolder,
  createMemoryBackend,
  keepHeapLean,
  openFilesystemBackend,
  openLmdbBackend,
  isComplete,
  restoreLmdb,
  inspectVault,
  salvageLmdb,
  type ManagedBackend,
  type StorageBackend,
} from './storage/index.js';
import { createTokenizers, type Tokenizers } from './text/index.js';
import { AutoCompaction, clockBehind, createVault, type ClockBehind, type Vault } from './vault/index.js';
import { Primary } from './workers/index.js';

const packageFile = createRequire(import.meta.url).resolve('#package.json');
const { version } = JSON.parse(readFileSync(packageFile, 'utf8')) as { version: string };

/** Heap growth limit of a single-process server. V8 lets the heap reach four times its live size. */
const heapGrowthPercent = 200;

const exitCode = await runCli({ startServer, restoreVault, salvageVault, inspectVault, version });
process.exitCode = exitCode;
// A signal ended the command: open resources are not waited for.
if (exitCode > 128) process.exit();

/** Assembles the server: the only place where the parts are wired together. */
async function startServer(options: ServeOptions, logger: Logger): Promise<RunningServer> {
  await checkListen(options.listen);
  await checkAccess(options.tls, options.access);
  if (options.storage !== 'memory') await checkDataFolder(options.dataDir);
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
  keepHeapLean(heapGrowthPercent);
  const intake = intakeOf(options, logger);
  const backend = await openBackend(options, core, codec);
  codec.prepare();
  const kept = createRuntime(backend, core, codec, availableParallelism(), options, logger);
  const { vault, tokenizers } = kept;
  return serveRuntime(options, kept, logger, async () => {
    const server = await startRpcServer({
      vaults: (name) => (name === vault.name ? vault : undefined),
      tokenizers,
      listen: options.listen,
      logger,
      version,
      health: () => backend.health(),
      intake,
      tls: options.tls,
      access: options.access,
    });
    return { address: server.address, drain: (graceMs) => server.drain(graceMs) };
  });
}

/** Stores in this process, and serves in others. */
async function startWithWorkers(
  options: ServeOptions,
  logger: Logger,
  core: TokenCore,
  codec: LiveCodec,
): Promise<RunningServer> {
  const { dataDir: folder, durability, listen, workers, logLevel, prefixIndex, tls, access } = options;
  const intake = intakeOf(options, logger);
  const backend = await openLmdbBackend({ folder, codec, clock: Date.now, durability });
  const worker = { dataDir: folder, logLevel, version, prefixIndex, intake, tls, access };
  const primary = new Primary({ workers, listen, backend, logger, worker });
  // Workers encode text where it arrives, so this process needs very few threads for it.
  const kept = createRuntime(primary.backend, core, codec, 1, options, logger);
  return serveRuntime(options, kept, logger, async () => {
    const address = await primary.start(kept.vault);
    return { address, drain: (graceMs) => primary.drain(graceMs) };
  });
}

/** Returns the intake limits of each serving process. */
function intakeOf(options: ServeOptions, logger: Logger): IntakeSettings {
  const { intakeBytes, requestIdleMs, connectionIdleMs, workers } = options;
  return {
    bytesMax: Math.floor(intakeBytes / workers),
    waitMs: limits.intakeWaitMs,
    requestIdleMs,
    connectionIdleMs,
    connectionsMax: connectionsWithinDescriptors(logger),
  };
}

interface VaultRuntime {
  readonly vault: Vault;
  readonly tokenizers: Tokenizers;
  readonly compaction: AutoCompaction;
  readonly vaultId: string;
  readonly stats: () => Promise<VaultStats>;
  readonly clockBehind: () => Promise<ClockBehind | undefined>;
  readonly close: () => Promise<void>;
}

/** Creates a vault with its dependencies; closing it closes the backend. */
function createRuntime(
  backend: StorageBackend,
  core: TokenCore,
  codec: LiveCodec,
  threadsMax: number,
  { prefixIndex }: Pick<ServeOptions, 'prefixIndex'>,
  logger: Logger,
): VaultRuntime {
  const tokenizers = createTokenizers({ threadsMax });
  const vault = createVault({
    name: 'default',
    backend,
    core,
    codec,
    tokenizers,
    clock: Date.now,
    prefixIndex,
  });
  const compaction = new AutoCompaction(vault, {
    onDone: (summary) => logger.info({ ...summary }, 'compacted'),
    onError: (error) => logger.error({ err: error }, 'automatic compaction failed'),
  });
  return {
    vault,
    tokenizers,
    compaction,
    vaultId: backend.vaultId,
    stats: () => backend.stats(),
    clockBehind: () => clockBehind(backend, Date.now()),
    close: async () => {
      await compaction.stop();
      await tokenizers.close();
      await backend.close();
    },
  };
}

/** Serves an open vault until it is stopped. If serving fails, the vault is closed. */
async function serveRuntime(
  options: ServeOptions,
  kept: VaultRuntime,
  logger: Logger,
  serve: () => Promise<{ address: string; drain: (graceMs: number) => Promise<void> }>,
): Promise<RunningServer> {
  const { compaction, close } = kept;
  const { address, drain } = await serve().catch(async (error: unknown) => {
    await close();
    throw error;
  });
  await logStart(options, kept, logger, address);
  if (options.autoCompact) compaction.start();
  return {
    address,
    async stop() {
      await drain(options.drainTimeoutMs);
      await close();
    },
  };
}

/** Damage that it meets is logged, and keeps nobody from the rest of the vault. */
async function logStart(
  options: ServeOptions,
  kept: VaultRuntime,
  logger: Logger,
  address: string,
): Promise<void> {
  try {
    logger.info(await describeStart(options, kept, address), 'serving');
    const behind = await kept.clockBehind();
    if (behind) logger.warn(behind, 'the clock is behind the newest conversation');
  } catch (error) {
    logger.error({ err: error, address }, 'serving, and a part of the vault is damaged: run stowken verify');
  }
}

/** Collects the facts that an operator looks for first in a log. */
async function describeStart(
  { storage, dataDir, durability, workers }: ServeOptions,
  { vaultId, stats }: VaultRuntime,
  address: string,
): Promise<object> {
  const { conversations, tokens, inUseBytes } = await stats();
  return {
    version,
    node: process.version,
    storage,
    ...(storage !== 'memory' && { data: resolve(dataDir) }),
    vaultId,
    address,
    workers,
    durability,
    conversations,
    tokens,
    inUseBytes,
  };
}

async function restoreVault(input: Parameters<RestoreVault>[0]): ReturnType<RestoreVault> {
  return restoreLmdb({ ...input, codec: createLiveCodec(await loadCore()) });
}

async function salvageVault(input: Parameters<SalvageVault>[0]): ReturnType<SalvageVault> {
  const core = await loadCore();
  const report = await salvageLmdb({ ...input, codec: () => createLiveCodec(core), nowMs: Date.now() });
  return { ...report, complete: isComplete(report) };
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

#!/usr/bin/env -S node --enable-source-maps
import { readFileSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { dirname, resolve } from 'node:path';
import type { Logger } from 'pino';
import {
  machineMemoryBytes,
  runCli,
  type Diagnose,
  type RestoreVault,
  type RunningServer,
  type SalvageVault,
  type ServeOptions,
} from './cli/index.js';
import { AuditFile, type AuditSink, type AuditSource, noAudit } from './audit/index.js';
import { createLiveCodec } from './codec/index.js';
import { loadCore, type TokenCore } from './core/index.js';
import { diagnose } from './doctor/index.js';
import { certificateEndMs, checkAccess } from './identity/index.js';
import { isStowkenError, limits } from './model/index.js';
import {
  checkListen,
  connectionsWithinDescriptors,
  startRpcServer,
  type CallerLimits,
  type IntakeSettings,
  type StartedLimits,
} from './rpc/index.js';
import {
  checkDataFolder,
  createMemoryBackend,
  makeFolder,
  keepHeapLean,
  openFilesystemBackend,
  openLmdbBackend,
  isComplete,
  restoreLmdb,
  inspectVault,
  salvageLmdb,
  type ManagedBackend,
} from './storage/index.js';
import { collectVaults, ServerMetrics } from './metrics/index.js';
import { createTokenizers, type Tokenizers } from './text/index.js';
import { clockBehind } from './vault/index.js';
import {
  Administration,
  defaultVault,
  FolderCatalogue,
  FreeDisk,
  healthOf,
  MemoryCatalogue,
  OpenVaults,
  refuseChanges,
  spaceOf,
  StoredVault,
  type VaultCatalogue,
  type VaultOpener,
} from './vaults/index.js';
import { Announcements, Primary } from './workers/index.js';

const packageFile = createRequire(import.meta.url).resolve('#package.json');
const { version } = JSON.parse(readFileSync(packageFile, 'utf8')) as { version: string };

/** Figures of a file system that cannot be asked. */
const nowhere = { bavail: 0, bsize: 0 };

/** Heap growth limit of a single-process server. V8 lets the heap reach four times its live size. */
const heapGrowthPercent = 200;

/** Minimum of the vaults that a worker may have open: with fewer, vaults in use would wait for each other. */
const workerVaultsMin = 4;

const exitCode = await runCli({
  startServer,
  restoreVault,
  salvageVault,
  inspectVault,
  diagnose: diagnoseServer,
  version,
});
process.exitCode = exitCode;
// A signal ended the command: open resources are not waited for.
if (exitCode > 128) process.exit();

/** Assembles the server: the only place where the parts are wired together. */
async function startServer(options: ServeOptions, logger: Logger): Promise<RunningServer> {
  await checkListen(options.listen);
  await checkAccess(options.tls, options.access);
  if (options.storage !== 'memory') await checkDataFolder(options.dataDir);
  const catalogue =
    options.storage === 'memory' ? new MemoryCatalogue() : new FolderCatalogue(options.dataDir);
  const metrics = options.metrics === undefined ? undefined : await openMetrics(options, logger);
  try {
    const parts: ServerParts = {
      options,
      logger,
      catalogue,
      core: await loadCore(),
      disk: await openFreeDisk(options, logger),
      audit: await openAudit(options, logger),
      metrics,
    };
    return await (options.workers > 1 ? startWithWorkers(parts) : startAlone(parts));
  } catch (error) {
    metrics?.close();
    throw error;
  }
}

/** Parts of a server that its vaults share. */
interface ServerParts {
  readonly options: ServeOptions;
  readonly logger: Logger;
  readonly catalogue: VaultCatalogue;
  readonly core: TokenCore;
  /** Undefined if vaults are in memory. */
  readonly disk: FreeDisk | undefined;
  readonly audit: Audit;
  readonly metrics: ServerMetrics | undefined;
}

/** Opens the port for metrics before anything else: it says that the server is starting. */
async function openMetrics({ storage, dataDir, tls, metrics: listen }: ServeOptions, logger: Logger) {
  const metrics = await ServerMetrics.open(listen!, logger);
  const labels = { version, node: process.version, storage };
  metrics.own.add((samples) => samples.set('stowken_build_info', labels, 1));
  metrics.own.add(async (samples) => {
    const { bavail, bsize } = storage === 'memory' ? nowhere : await statfs(dataDir).catch(() => nowhere);
    if (bsize > 0) samples.set('stowken_disk_free_bytes', {}, bavail * bsize);
    const endMs = tls && (await certificateEndMs(tls));
    if (endMs !== undefined)
      samples.set('stowken_tls_certificate_expiry_timestamp_seconds', {}, endMs / 1000);
  });
  return metrics;
}

/** Serves and stores in this process. */
async function startAlone(parts: ServerParts): Promise<RunningServer> {
  const { options, logger, catalogue, disk, metrics } = parts;
  keepHeapLean(heapGrowthPercent);
  const intake = intakeOf(options, logger);
  const tokenizers = createTokenizers({ threadsMax: availableParallelism() });
  const opener = createOpener(parts, tokenizers);
  // A vault in memory would be lost when it is closed.
  const openMax = options.storage === 'memory' ? Infinity : options.openVaults;
  const vaults = openVaults(opener, openMax);
  metrics?.own.add((samples) => collectVaults(samples, vaults, metrics.own.meters, openMax));
  const admin = new Administration(catalogue, vaults, Date.now, {
    onCreate: async () => disk?.assertRoom(),
    onSettings: async (name, settings) => vaults.openRuntime(name)?.apply(settings),
    onDeleted: (name) => metrics?.own.meters.forget(name),
  });
  return serveVaults({ ...parts, vaults, tokenizers }, async () => {
    const server = await startRpcServer({
      vaults,
      admin,
      audit: parts.audit,
      tokenizers,
      listen: options.listen,
      logger,
      version,
      health: () => healthOf(vaults.states()),
      intake,
      startedLimits: startedLimits(parts),
      readOnly: options.readOnly,
      tls: options.tls,
      access: options.access,
      onCall: metrics?.own.calls.add,
      slowCallMs: options.slowCallMs,
    });
    metrics?.own.addIntake(() => server.figures());
    return { address: server.address, drain: (graceMs) => server.drain(graceMs), obstacle: () => undefined };
  });
}

/** Stores in this process, and serves in others. */
async function startWithWorkers(parts: ServerParts): Promise<RunningServer> {
  const { options, logger, disk, metrics } = parts;
  const catalogue = parts.catalogue as FolderCatalogue;
  const { listen, workers, logLevel, slowCallMs, tls, access } = options;
  const intake = intakeOf(options, logger);
  // Workers encode text where it arrives, so this process needs very few threads for it.
  const tokenizers = createTokenizers({ threadsMax: 1 });
  const announcements = new Announcements();
  const opener = {
    ...createOpener(parts, tokenizers),
    wrap: (name: string, backend: ManagedBackend) =>
      announcements.announced(name, backend, () => primary.sendHealth()),
  };
  // Vaults that workers have open are open here too.
  const openVaultsMax = Math.max(workerVaultsMin, Math.floor(options.openVaults / workers));
  const openMax = Math.max(options.openVaults, openVaultsMax * workers) + 1;
  const vaults = openVaults(opener, openMax);
  metrics?.own.add((samples) => collectVaults(samples, vaults, metrics.own.meters, openMax));
  const admin = new Administration(catalogue, vaults, Date.now, {
    onCreate: async () => disk?.assertRoom(),
    onSettings: async (name, settings) => {
      const runtime = vaults.openRuntime(name);
      runtime?.apply(settings);
      if (runtime) await announcements.send('setPrefixIndex', { vault: name, on: runtime.prefixIndex }, name);
    },
    onDelete: (name) => announcements.send('dropVault', name, name),
    onDeleted: (name) => metrics?.own.meters.forget(name),
  });
  const primary = new Primary({
    workers,
    listen,
    vaults,
    admin,
    audit: parts.audit,
    announcements,
    folderOf: (name) => catalogue.folderOf(name),
    labelOf: (name) => metrics?.own.meters.of(name).label ?? '',
    logger,
    worker: {
      logLevel,
      version,
      openVaultsMax,
      intake,
      startedLimits: startedLimits(parts),
      readOnly: options.readOnly,
      tls,
      access,
      metrics: metrics !== undefined,
      slowCallMs,
    },
  });
  metrics?.addProcesses(() => primary.collectMetrics());
  metrics?.own.add((samples) => {
    const { serving, wanted, ended } = primary.figures;
    samples.set('stowken_workers', {}, serving);
    samples.set('stowken_workers_wanted', {}, wanted);
    samples.set('stowken_worker_ends_total', {}, ended);
  });
  return serveVaults({ ...parts, vaults, tokenizers }, async () => {
    const address = await primary.start();
    const obstacle = () => (primary.figures.serving === 0 ? 'no worker serves: see the log' : undefined);
    return { address, drain: (graceMs) => primary.drain(graceMs), obstacle };
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
    caller: callerLimits(options),
  };
}

/** Returns the part of the limits of a caller that each serving process has. */
function callerLimits({ caller: { calls, uploads, rate, burst }, workers }: ServeOptions): CallerLimits {
  return {
    callsMax: Math.ceil(calls / workers),
    uploadsMax: Math.ceil(uploads / workers),
    perSecondMax: rate / workers,
    burstMax: Math.ceil(burst / workers),
  };
}

/** Watches the disk of the data folder. */
async function openFreeDisk(options: ServeOptions, logger: Logger): Promise<FreeDisk | undefined> {
  if (options.storage === 'memory') return undefined;
  return FreeDisk.open({
    floor: options.minFreeDiskBytes,
    read: () => spaceOf(options.dataDir),
    onChange: ({ isLow, ...state }) => {
      if (isLow) logger.error(state, 'the disk is nearly full: nothing new is stored until there is room');
      else logger.info(state, 'the disk has room again: new content is stored');
    },
  });
}

/** The audit log of the server, or that of one that keeps none. */
type Audit = AuditSink & AuditSource & { close(): Promise<void> };

async function openAudit({ audit }: ServeOptions, logger: Logger): Promise<Audit> {
  if (audit === undefined) return { ...noAudit, close: async () => undefined };
  await makeFolder(dirname(audit.file));
  return AuditFile.open({
    ...audit,
    onError: (error) => logger.error({ err: error }, 'the audit log cannot be written; its events wait'),
  });
}

/** Returns the limits that depend on how the server was started. */
function startedLimits({ options, disk }: ServerParts): StartedLimits {
  const { calls, uploads, rate, burst } = options.caller;
  return {
    diskFreeBytesMin: disk?.floorBytes ?? 0,
    callerCallsMax: calls,
    callerUploadsMax: uploads,
    callerCallsPerSecondMax: rate,
    callerBurstMax: burst,
  };
}

function createOpener(
  { options, logger, catalogue, core, disk, metrics }: ServerParts,
  tokenizers: Tokenizers,
): VaultOpener {
  return {
    catalogue,
    core,
    tokenizers,
    clock: Date.now,
    defaults: options,
    readOnly: options.readOnly,
    checks: [...(options.readOnly ? [refuseChanges] : []), ...(disk === undefined ? [] : [disk])],
    openBackend: (folder, own) => openBackend(options, folder, own),
    activityOf: metrics?.own.activityOf,
    onCompacted: (vault, summary) => logger.info({ vault, ...summary }, 'compacted'),
    onCompactionFailed: (vault, error) => logger.error({ vault, err: error }, 'automatic compaction failed'),
  };
}

function openVaults(opener: VaultOpener, openMax: number): OpenVaults<StoredVault> {
  const { vaultWaitMs: waitMs, vaultRetryMs: retryMs } = limits;
  return new OpenVaults({ open: (name) => StoredVault.open(name, opener), openMax, waitMs, retryMs });
}

/** A server that accepts calls. */
interface Serving {
  readonly address: string;
  readonly drain: (graceMs: number) => Promise<void>;
  /** Returns the reason why no call would be served, if there is one. */
  readonly obstacle: () => string | undefined;
}

interface ServedVaults extends ServerParts {
  readonly vaults: OpenVaults<StoredVault>;
  readonly tokenizers: Tokenizers;
}

/** Opens the default vault, and serves until it is stopped. If serving fails, everything is closed. */
async function serveVaults(served: ServedVaults, serve: () => Promise<Serving>): Promise<RunningServer> {
  const { options, vaults, tokenizers, disk, audit, metrics } = served;
  const close = async (): Promise<void> => {
    disk?.close();
    await audit.close();
    await vaults.close();
    await tokenizers.close();
  };
  const { address, drain, obstacle, standing } = await start(served, serve).catch(async (error: unknown) => {
    await close();
    throw error;
  });
  metrics?.lifecycle.serve(() => obstacle() ?? refusalOf(vaults));
  await logStart(served, standing, address);
  return {
    address,
    metricsAddress: metrics?.address,
    async stop() {
      metrics?.lifecycle.drain();
      await drain(options.drainTimeoutMs);
      await close();
      metrics?.close();
    },
  };
}

/** Returns the reason why the server is not ready. The cause, which may name files, is in the log. */
function refusalOf(vaults: OpenVaults<StoredVault>): string | undefined {
  const state = vaults.states().get(defaultVault);
  if (state?.failed) return `the vault ${defaultVault} does not open: see the log`;
  return state?.writable === false ? `the vault ${defaultVault} takes no writes: see the log` : undefined;
}

async function start(served: ServedVaults, serve: () => Promise<Serving>) {
  const { catalogue } = served;
  const standing = await openDefault(served);
  if (standing && catalogue instanceof FolderCatalogue) await catalogue.removeLeftovers();
  return { standing, ...(await serve()) };
}

/** Logs the start. Damage that it meets is logged, and keeps nobody from the rest of the vault. */
async function logStart(
  { options, logger, catalogue, metrics }: ServedVaults,
  standing: StoredVault | undefined,
  address: string,
): Promise<void> {
  try {
    const vaults = (await catalogue.list()).length;
    const facts = await describeStart(options, standing, address, vaults);
    logger.info({ ...facts, metrics: metrics?.address }, 'serving');
    const behind = standing && (await clockBehind(standing.backend, Date.now()));
    const mended = standing?.backend.mended;
    if (mended !== undefined) logger.warn({ mended }, 'records were written again at the opening');
    if (behind) logger.warn(behind, 'the clock is behind the newest conversation');
  } catch (error) {
    logger.error({ err: error, address }, 'serving, and a part of the vault is damaged: run stowken verify');
  }
}

/**
 * Opens the default vault, and keeps it open. If it is damaged and there are others, these are served without
 * it.
 */
async function openDefault({ logger, catalogue, vaults }: ServedVaults): Promise<StoredVault | undefined> {
  try {
    return (await vaults.use(defaultVault)).runtime;
  } catch (error) {
    const isDamaged = isStowkenError(error, 'CORRUPT_STORE') || isStowkenError(error, 'STORE_VERSION');
    if (!isDamaged || (await catalogue.list()).length === 1) throw error;
    logger.error({ vault: defaultVault, err: error }, 'a vault cannot be opened; the others are served');
    return undefined;
  }
}

/** Collects the facts that an operator looks for first in a log. */
async function describeStart(
  { storage, dataDir, durability, workers }: ServeOptions,
  standing: StoredVault | undefined,
  address: string,
  vaults: number,
): Promise<object> {
  const stats = await standing?.backend.stats();
  return {
    version,
    node: process.version,
    storage,
    ...(storage !== 'memory' && { data: resolve(dataDir) }),
    vaultId: standing?.backend.vaultId,
    vaults,
    address,
    workers,
    durability,
    conversations: stats?.conversations,
    tokens: stats?.tokens,
    inUseBytes: stats?.inUseBytes,
  };
}

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

async function openBackend(
  { storage, durability }: ServeOptions,
  folder: string | undefined,
  { core, codec, activity }: Parameters<VaultOpener['openBackend']>[1],
): Promise<ManagedBackend> {
  const clock = Date.now;
  if (folder === undefined) return createMemoryBackend({ codec, clock, activity });
  if (storage === 'lmdb') return openLmdbBackend({ folder, codec, clock, durability, activity });
  return openFilesystemBackend({ folder, codec, core, clock, activity, fsync: durability === 'fsync' });
}

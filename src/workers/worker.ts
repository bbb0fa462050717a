// A worker process of `serve --workers`: serves calls, reads the vault, and leaves all writing to the
// primary. Vaults in a database it writes by itself.

import type { Socket } from 'node:net';
import { type DestinationStream, pino, stdSerializers } from 'pino';
import { loadCore } from '../core/index.js';
import { escapeJson, isStowkenError, limits } from '../model/index.js';
import { ProcessMetrics } from '../metrics/index.js';
import { PageServer } from '../page/index.js';
import { createRpcServer } from '../rpc/index.js';
import { keepHeapLean, openPostgresStore } from '../storage/index.js';
import { asReceived, createTokenizers } from '../text/index.js';
import { SearchThreads } from '../vault/index.js';
import { defaultVault, healthOf, OpenVaults, type VaultsHealth } from '../vaults/index.js';
import { Channel } from './channel.js';
import { DatabaseVault } from './database-vault.js';
import type { Entrance } from './reception.js';
import type { PrimaryHandlers, Refusal, WorkerHandlers, WorkerOptions } from './handlers.js';
import { heapGrowthPercent } from './heap-growth.js';
import { onConnection, processPort } from './ports.js';
import { workerAdmission } from './slots.js';
import { remoteAdmin, WorkerVault, type WorkerParts, type WorkerRuntime } from './worker-vaults.js';

keepHeapLean(heapGrowthPercent.worker);

let health: VaultsHealth = { writable: false, vaults: new Map() };
let vaults: OpenVaults<WorkerRuntime> | undefined;
let metrics: ProcessMetrics | undefined;
let stopped = false;
/** Number of open connections. */
let connections = 0;
let serve = (connection: Socket, _entrance: Entrance): void => void connection.destroy();
let stop: (graceMs: number) => Promise<void> = async () => undefined;

const offer: WorkerHandlers = {
  calls: {
    setRegistries: ({ vault, ids }) => vaults?.openRuntime(vault)?.setRegistries(ids),
    applySettings: async (given) => vaults?.openRuntime(given.vault)?.apply(given),
    setHealth: (now) => void (health = now),
    renewLease: async (vault) => vaults?.openRuntime(vault)?.renewLease(),
    dropVault: async (name) => {
      await vaults?.delete(name, nothing, nothing);
      metrics?.meters.forget(name);
    },
    countConnections: () => connections,
    collectMetrics: async () => (await metrics?.collect()) ?? [],
    drain: (graceMs) => stop(graceMs),
  },
  streams: {},
};

const primary = new Channel<PrimaryHandlers>(processPort(process), offer);
// Signals are left to the primary, which sends instructions.
process.on('SIGINT', () => undefined).on('SIGTERM', () => undefined);
// Without a primary nothing can be stored, and nobody restarts this process. It ends at once, whatever it is
// doing: an ordinary exit would wait for a copy of the vault in progress.
process.on('disconnect', () => {
  if (stopped) process.exit(0);
  process.kill(process.pid, 'SIGKILL');
});
onConnection(process, (connection, socket, entrance) => {
  connections += 1;
  socket.once('close', () => (connections -= 1));
  serve(socket, entrance);
  void primary.call('took', { connection, connections }).catch(() => undefined);
});

let refusal: Refusal | undefined;
try {
  await start(await primary.call('register', undefined));
} catch (error) {
  refusal = { refusal: error instanceof Error ? error.message : String(error) };
}
await primary.call('started', refusal);
if (refusal !== undefined) process.exit(1);

async function start(options: WorkerOptions): Promise<void> {
  ({ health } = options);
  const { workers: sharers, openVaultsMax: openMax, database, readOnly, defaults } = options;
  if (options.metrics) metrics = new ProcessMetrics('worker');
  // Each worker has few threads: the workers share the processors.
  const tokenizers = createTokenizers({ threadsMax: 1, given: options.tokenizers.map(asReceived) });
  const searchThreads = new SearchThreads(1);
  const parts: WorkerParts = {
    primary,
    core: await loadCore(),
    tokenizers,
    searchThreads,
    sharers,
    health: () => health,
    activityOf: metrics?.activityOf,
  };
  const store = database === undefined ? undefined : await openPostgresStore(database);
  const stored = store && { ...parts, store, readOnly, defaults };
  const open = (vaults = new OpenVaults<WorkerRuntime>({
    open: (name) => (stored ? DatabaseVault.open(name, stored) : WorkerVault.open(name, parts)),
    openMax,
    waitMs: limits.vaultWaitMs,
    retryMs: limits.vaultRetryMs,
  }));
  await openDefault(open);
  const logger = pino(
    { level: options.logLevel, serializers: { err: stdSerializers.errWithCause } },
    escaped(pino.destination(2)),
  );
  const server = await createRpcServer({
    vaults: open,
    admin: remoteAdmin(primary),
    audit: {
      record: (event) => void primary.call('recordAudit', event).catch(() => undefined),
      list: (query) => primary.call('listAudit', query),
    },
    tokenizers,
    logger,
    version: options.version,
    health: () => (store ? healthOf(open.states()) : health),
    admission: workerAdmission(primary, sharers),
    intake: options.intake,
    startedLimits: options.startedLimits,
    readOnly,
    tls: options.tls,
    access: options.access,
    onCall: metrics?.calls.add,
    slowCallMs: options.slowCallMs,
  });
  metrics?.addIntake(() => server.figures());
  const page =
    options.page &&
    (await PageServer.open({ ...options.page, tls: options.tls, logger, relay: server.relay }));
  serve = (connection, entrance) => (entrance === 'page' ? page?.take(connection) : server.serve(connection));
  stop = async (graceMs) => {
    // The primary sends no more connections; one that is still on its way is closed.
    serve = (connection) => void connection.destroy();
    await page?.drain(graceMs);
    await server.drain(graceMs);
    await Promise.all([tokenizers.close(), searchThreads.close()]);
    await open.close();
    await store?.close();
    stopped = true;
  };
}

/** Opens the default vault, and keeps it open. One that is damaged does not keep others from being served. */
async function openDefault(open: OpenVaults<WorkerRuntime>): Promise<void> {
  try {
    await open.use(defaultVault);
  } catch (error) {
    if (!isStowkenError(error)) throw error;
  }
}

async function nothing(): Promise<void> {
  // The process that owns the vault does the rest.
}

/**
 * Returns a destination of log lines that escapes characters that act on a terminal, whoever they are from.
 */
function escaped(log: DestinationStream): DestinationStream {
  return { write: (lines) => log.write(escapeJson(lines)) };
}

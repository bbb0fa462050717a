// A worker process of `serve --workers`: serves calls, reads the vault, and leaves all writing to the
// primary.

import type { Socket } from 'node:net';
import { type DestinationStream, pino } from 'pino';
import { createLiveCodec } from '../codec/index.js';
import { loadCore } from '../core/index.js';
import { escapeJson } from '../model/index.js';
import { createRpcServer } from '../rpc/index.js';
import {
  keepHeapLean,
  type LmdbReader,
  openLmdbReader,
  type StorageBackend,
  type StorageHealth,
} from '../storage/index.js';
import { createTokenizers } from '../text/index.js';
import { createVault, type Vault } from '../vault/index.js';
import { Channel } from './channel.js';
import {
  forwardReads,
  type PrimaryHandlers,
  type Refusal,
  type WorkerHandlers,
  type WorkerOptions,
} from './handlers.js';
import { heapGrowthPercent } from './heap-growth.js';
import { sendAhead } from './message-list-transfer.js';
import { onConnection, processPort } from './ports.js';
import { SharedLease } from './shared-lease.js';
import { workerAdmission } from './slots.js';

keepHeapLean(heapGrowthPercent.worker);

let health: StorageHealth = { writable: false };
let lease: SharedLease | undefined;
let reading: LmdbReader | undefined;
let stopped = false;
/** Number of open connections. */
let connections = 0;
let serve = (connection: Socket): void => void connection.destroy();
let stop: (graceMs: number) => Promise<void> = async () => undefined;

const offer: WorkerHandlers = {
  calls: {
    // Snapshots opened later use them.
    setRegistries: (ids) => {
      reading?.refresh();
      reading?.setRegistries(ids);
    },
    setHealth: (now) => void (health = now),
    renewLease: async () => lease?.renew(),
    countConnections: () => connections,
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
onConnection(process, (connection, socket) => {
  connections += 1;
  socket.once('close', () => (connections -= 1));
  serve(socket);
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
  const { dataDir: folder, prefixIndex, workers: sharers } = options;
  const core = await loadCore();
  const codec = createLiveCodec(core);
  const standing = (lease = await SharedLease.take(async () => {
    const number = await primary.call('takeLease', undefined);
    return () => void primary.call('releaseLease', number).catch(() => undefined);
  }));
  const hold = () => standing.hold();
  reading = await openLmdbReader({ folder, codec, lease: hold, sharers });
  codec.prepare();
  const backend = createWorkerBackend(reading, primary, hold);
  // Each worker has few tokenizer threads: the workers share the processors.
  const tokenizers = createTokenizers({ threadsMax: 1 });
  const own = createVault({
    name: 'default',
    backend,
    core,
    codec,
    tokenizers,
    clock: Date.now,
    prefixIndex,
  });
  const vault: Vault = {
    ...own,
    compact: (input, signal) => primary.stream('compact', input, signal),
    verify: (input, signal) =>
      input.repair ? primary.stream('verify', input, signal) : own.verify(input, signal),
  };
  const server = await createRpcServer({
    vaults: (name) => (name === vault.name ? vault : undefined),
    tokenizers,
    logger: pino({ level: options.logLevel }, escaped(pino.destination(2))),
    version: options.version,
    health: () => health,
    admission: workerAdmission(primary, sharers),
    intake: options.intake,
    tls: options.tls,
    access: options.access,
  });
  serve = (connection) => server.serve(connection);
  stop = async (graceMs) => {
    // The primary sends no more connections; one that is still on its way is closed.
    serve = (connection) => void connection.destroy();
    await server.drain(graceMs);
    await tokenizers.close();
    await backend.close();
    stopped = true;
  };
}

/**
 * Returns a destination of log lines that escapes characters that act on a terminal, whoever they are from.
 */
function escaped(log: DestinationStream): DestinationStream {
  return { write: (lines) => log.write(escapeJson(lines)) };
}

/** Creates a backend that reads the vault in this process and writes through another one. */
export function createWorkerBackend(
  reader: LmdbReader,
  primary: Channel<PrimaryHandlers>,
  lease: () => () => void,
): StorageBackend {
  const reads = forwardReads(() => {
    // The primary may have written since: the next read sees the current state.
    reader.refresh();
    return reader;
  });
  return {
    ...reads,
    kind: reader.kind,
    vaultId: reader.vaultId,
    async commit(change) {
      // The segments of a change are looked up here, where they were looked up a moment ago.
      const found = await reader.findAhead(change);
      const sent = await sendAhead(found, (piece) => primary.call('sendPiece', piece));
      return primary.call('commit', sent);
    },
    lease,
    close: () => reader.close(),
  };
}

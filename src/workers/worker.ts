// A worker process of `serve --workers`: serves calls, reads the vault, and leaves all writing to the primary.
import { pino } from 'pino';
import { createLiveCodec } from '../codec/index.js';
import { loadCore } from '../core/index.js';
import { startRpcServer } from '../rpc/index.js';
import { keepHeapLean, openLmdbReader, type LmdbReader, type StorageHealth } from '../storage/index.js';
import { createTokenizers } from '../text/index.js';
import { createVault, type Vault } from '../vault/index.js';
import { Channel } from './channel.js';
import { heapGrowthPercent } from './heap-growth.js';
import type { PrimaryOffer, WorkerOffer, WorkerOptions, WorkerStart } from './offers.js';
import { processPort } from './ports.js';
import { StandingLease } from './standing-lease.js';
import { createWorkerBackend } from './worker-backend.js';

keepHeapLean(heapGrowthPercent.worker);

let health: StorageHealth = { writable: false };
let lease: StandingLease | undefined;
let reading: LmdbReader | undefined;
let stopped = false;
let stop: (graceMs: number) => Promise<void> = async () => undefined;

const offer: WorkerOffer = {
  calls: {
    // What is opened later sees them as they are then.
    setRegistries: (ids) => {
      reading?.refresh();
      reading?.setRegistries(ids);
    },
    setHealth: (now) => void (health = now),
    renewLease: async () => lease?.renew(),
    drain: (graceMs) => stop(graceMs),
  },
  streams: {},
};

const primary = new Channel<PrimaryOffer>(processPort(process), offer);
// Signals go to the primary, which says what is to be done.
process.on('SIGINT', () => undefined).on('SIGTERM', () => undefined);
// Without a primary nothing can be stored, and nobody restarts this process.
process.on('disconnect', () => process.exit(stopped ? 0 : 1));

let started: WorkerStart;
try {
  started = { address: await start(await primary.call('enlist', undefined)) };
} catch (error) {
  started = { refusal: error instanceof Error ? error.message : String(error) };
}
await primary.call('started', started);
if ('refusal' in started) process.exit(1);

async function start(options: WorkerOptions): Promise<string> {
  ({ health } = options);
  const { dataDir: folder, prefixIndex, workers: sharers } = options;
  const core = await loadCore();
  const codec = createLiveCodec(core);
  const standing = (lease = await StandingLease.take(async () => {
    const number = await primary.call('takeLease', undefined);
    return () => void primary.call('releaseLease', number).catch(() => undefined);
  }));
  const hold = () => standing.hold();
  reading = await openLmdbReader({ folder, codec, lease: hold, sharers });
  codec.prepare();
  const backend = createWorkerBackend(reading, primary, hold);
  // The tokenizers' threads are few in each: the workers share the processors.
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
  const server = await startRpcServer({
    vaults: (name) => (name === vault.name ? vault : undefined),
    tokenizers,
    listen: options.listen,
    logger: pino({ level: options.logLevel }, pino.destination(2)),
    version: options.version,
    health: () => health,
  });
  stop = async (graceMs) => {
    await server.drain(graceMs);
    await tokenizers.close();
    await backend.close();
    stopped = true;
  };
  return server.address;
}

import { availableParallelism } from 'node:os';
import type { RunningServer } from '../cli/index.js';
import { collectVaults } from '../metrics/index.js';
import { limits } from '../model/index.js';
import { startRpcServer } from '../rpc/index.js';
import { keepHeapLean } from '../storage/index.js';
import { createTokenizers } from '../text/index.js';
import { SearchThreads } from '../vault/index.js';
import { Administration, healthOf, retentionOf, RunningWork } from '../vaults/index.js';
import { serveVaults } from './lifecycle.js';
import { intakeOf, startedLimits } from './limits.js';
import { createOpener, openVaults } from './open-vaults.js';
import { openPage } from './page.js';
import type { ServerParts } from './parts.js';
import { createSpaceKeeper } from './giving-back.js';
import { createSweeper } from './sweeping.js';

/** Heap growth limit of a single-process server. V8 lets the heap reach four times its live size. */
const heapGrowthPercent = 200;

/** Serves and stores in this process. */
export async function startAlone(parts: ServerParts): Promise<RunningServer> {
  const { options, logger, catalogue, disk, metrics } = parts;
  keepHeapLean(heapGrowthPercent);
  const intake = intakeOf(options, logger);
  const processors = availableParallelism();
  const tokenizers = createTokenizers({ threadsMax: processors, given: parts.givenTokenizers });
  const searchThreads = new SearchThreads(Math.min(processors, limits.searchThreadsMax));
  const work = new RunningWork(Date.now);
  const opener = createOpener(parts, { tokenizers, searchThreads }, work);
  // A vault in memory would be lost when it is closed.
  const openMax = options.storage === 'memory' ? Infinity : options.openVaults;
  const vaults = openVaults(opener, openMax);
  metrics?.own.add((samples) => collectVaults(samples, vaults, metrics.own.meters, openMax));
  const sweeper = createSweeper(parts, vaults);
  const keeper = createSpaceKeeper(parts, vaults);
  const intervalMs = options.sweepIntervalMs;
  const admin = new Administration(catalogue, vaults, Date.now, {
    onCreate: async () => disk?.assertRoom(),
    onSettings: async (name, settings) => vaults.openRuntime(name)?.apply(settings),
    onDeleted: (name) => {
      sweeper?.figures.forget(name);
      keeper?.figures.forget(name);
      metrics?.own.meters.forget(name);
    },
    work: (name) => work.of(name),
    retention: (name) => retentionOf(vaults, name, { sweeper, keeper, intervalMs }, Date.now),
  });
  return serveVaults({ ...parts, vaults, tokenizers, searchThreads, sweeper, keeper }, async () => {
    const server = await startRpcServer({
      vaults,
      admin,
      audit: parts.audit,
      tokenizers,
      listen: options.listen,
      logger,
      version: parts.version,
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
    const { address } = server;
    const page = await openPage(parts, server.relay).catch(async (error: unknown) => {
      await server.drain(0);
      throw error;
    });
    const drain = async (graceMs: number): Promise<void> => {
      await page?.drain(graceMs);
      await server.drain(graceMs);
    };
    return { address, pageAddress: page?.address, drain, obstacle: () => undefined };
  });
}

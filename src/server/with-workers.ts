import type { RunningServer } from '../cli/index.js';
import { collectVaults } from '../metrics/index.js';
import type { ManagedBackend } from '../storage/index.js';
import { createTokenizers, toSend } from '../text/index.js';
import { SearchThreads } from '../vault/index.js';
import { Administration, retentionOf, RunningWork } from '../vaults/index.js';
import { Announcements, Primary } from '../workers/index.js';
import { serveVaults } from './lifecycle.js';
import { intakeOf, startedLimits } from './limits.js';
import { createOpener, openVaults } from './open-vaults.js';
import type { ServerParts } from './parts.js';
import { createSpaceKeeper } from './giving-back.js';
import { createSweeper } from './sweeping.js';

/** Minimum of the vaults that a worker may have open: with fewer, vaults in use would wait for each other. */
const workerVaultsMin = 4;

/** Serves in other processes, and stores in this one; vaults in a database each of them stores in. */
export async function startWithWorkers(parts: ServerParts): Promise<RunningServer> {
  const { options, logger, catalogue, store, disk, metrics } = parts;
  const { listen, workers, logLevel, slowCallMs, tls, access, http } = options;
  const intake = intakeOf(options, logger);
  // Workers encode text where it arrives, and search, so this process needs very few threads for it.
  const tokenizers = createTokenizers({ threadsMax: 1, given: parts.givenTokenizers });
  const searchThreads = new SearchThreads(1);
  const announcements = new Announcements();
  const work = new RunningWork(Date.now);
  const opener = {
    ...createOpener(parts, { tokenizers, searchThreads }, work),
    // Servers of a database learn from it what others have changed.
    ...(!store && {
      wrap: (name: string, backend: ManagedBackend) =>
        announcements.announced(name, backend, () => primary.sendHealth()),
    }),
  };
  // Vaults that workers have open are open here too.
  const openVaultsMax = Math.max(workerVaultsMin, Math.floor(options.openVaults / workers));
  const openMax = Math.max(options.openVaults, openVaultsMax * workers) + 1;
  const vaults = openVaults(opener, openMax);
  metrics?.own.add((samples) => collectVaults(samples, vaults, metrics.own.meters, openMax));
  const sweeper = createSweeper(parts, vaults);
  const keeper = createSpaceKeeper(parts, vaults);
  const intervalMs = options.sweepIntervalMs;
  const admin = new Administration(catalogue, vaults, Date.now, {
    onCreate: async () => disk?.assertRoom(),
    onSettings: async (name, settings) => {
      const runtime = vaults.openRuntime(name);
      await runtime?.apply(settings);
      if (!runtime) return;
      const { prefixIndex, lifetimes } = runtime;
      const changed = { vault: name, settings: { prefixIndex, lifetimes }, own: settings };
      await announcements.send('applySettings', changed, name);
    },
    onDelete: (name) => announcements.send('dropVault', name, name),
    onDeleted: (name) => {
      sweeper?.figures.forget(name);
      keeper?.figures.forget(name);
      metrics?.own.meters.forget(name);
    },
    work: (name) => work.of(name),
    retention: (name) => retentionOf(vaults, name, { sweeper, keeper, intervalMs }, Date.now),
  });
  const primary = new Primary({
    workers,
    listen,
    listenPage: http?.listen,
    vaults,
    admin,
    work,
    audit: parts.audit,
    announcements,
    folderOf: (name) => catalogue.folderOf(name),
    labelOf: (name) => metrics?.own.meters.of(name).label ?? '',
    logger,
    worker: {
      logLevel,
      version: parts.version,
      openVaultsMax,
      intake,
      startedLimits: startedLimits(parts),
      readOnly: options.readOnly,
      database: options.database,
      defaults: { prefixIndex: options.prefixIndex, autoCompact: options.autoCompact },
      tls,
      access,
      page: http && { hosts: http.hosts },
      metrics: metrics !== undefined,
      slowCallMs,
      tokenizers: parts.givenTokenizers.map(toSend),
    },
  });
  metrics?.addProcesses(() => primary.collectMetrics());
  metrics?.own.add((samples) => {
    const { serving, wanted, ended } = primary.figures;
    samples.set('stowken_workers', {}, serving);
    samples.set('stowken_workers_wanted', {}, wanted);
    samples.set('stowken_worker_ends_total', {}, ended);
  });
  return serveVaults({ ...parts, vaults, tokenizers, searchThreads, sweeper, keeper }, async () => {
    const addresses = await primary.start();
    const obstacle = () => (primary.figures.serving === 0 ? 'no worker serves: see the log' : undefined);
    return { ...addresses, drain: (graceMs) => primary.drain(graceMs), obstacle };
  });
}

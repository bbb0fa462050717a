import { resolve } from 'node:path';
import type { RunningServer, ServeOptions } from '../cli/index.js';
import { isStowkenError } from '../model/index.js';
import type { Damage } from '../storage/index.js';
import { clockBehind } from '../vault/index.js';
import {
  BackgroundCheck,
  defaultVault,
  FolderCatalogue,
  type OpenVaults,
  type StoredVault,
  type SpaceKeeper,
  type Sweeper,
} from '../vaults/index.js';
import type { SharedThreads } from './open-vaults.js';
import { hasFolder, type ServerParts } from './parts.js';

/** Damaged records that one line of the log names. */
const loggedMax = 10;

/** A server that accepts calls. */
export interface Serving {
  readonly address: string;
  readonly drain: (graceMs: number) => Promise<void>;
  /** Address of the page, if there is one. */
  readonly pageAddress: string | undefined;
  /** Returns the reason why no call would be served, if there is one. */
  readonly obstacle: () => string | undefined;
}

export interface ServedVaults extends ServerParts, SharedThreads {
  readonly vaults: OpenVaults<StoredVault>;
  readonly sweeper: Sweeper | undefined;
  readonly keeper: SpaceKeeper | undefined;
}

/** Opens the default vault, and serves until it is stopped. If serving fails, everything is closed. */
export async function serveVaults(
  served: ServedVaults,
  serve: () => Promise<Serving>,
): Promise<RunningServer> {
  const { options, vaults, tokenizers, searchThreads, sweeper, keeper, disk, audit, metrics, store } = served;
  const check = createCheck(served);
  const close = async (): Promise<void> => {
    disk?.close();
    await check?.stop();
    await sweeper?.stop();
    await keeper?.stop();
    await audit.close();
    await vaults.close();
    await store?.close();
    await Promise.all([tokenizers.close(), searchThreads.close()]);
  };
  const { address, pageAddress, drain, obstacle, standing } = await start(served, serve).catch(
    async (error: unknown) => {
      await close();
      throw error;
    },
  );
  metrics?.lifecycle.serve(() => obstacle() ?? refusalOf(vaults));
  const httpAddress = pageAddress && urlOf(pageAddress, options);
  await logStart(served, standing, address, httpAddress);
  check?.start();
  sweeper?.start();
  keeper?.start();
  return {
    address,
    metricsAddress: metrics?.address,
    httpAddress,
    async stop() {
      metrics?.lifecycle.drain();
      await drain(options.drainTimeoutMs);
      await close();
      metrics?.close();
    },
  };
}

/** Creates the background check of the vaults, in the process that owns them; undefined if it is off. */
function createCheck({ options, vaults, logger, metrics }: ServedVaults): BackgroundCheck | undefined {
  const { checkIntervalMs: intervalMs } = options;
  if (!hasFolder(options)) return undefined;
  metrics?.own.add((samples) => samples.set('stowken_check_interval_seconds', {}, intervalMs / 1000));
  if (intervalMs === 0) return undefined;
  const named = (damage: readonly Damage[]) =>
    damage.slice(0, loggedMax).map(({ invariant, subject, detail }) => ({ invariant, subject, detail }));
  return new BackgroundCheck({
    vaults,
    intervalMs,
    clock: Date.now,
    onDamage: (vault, damage) =>
      logger.error(
        { vault, records: damage.length, damage: named(damage) },
        'the background check found damaged records: run stowken verify',
      ),
    onMended: (vault, mended) =>
      logger.info(
        { vault, records: mended.length, mended: named(mended) },
        'damaged records are whole again, or deleted',
      ),
    onError: (vault, error) => logger.error({ vault, err: error }, 'a part of a vault could not be checked'),
  });
}

/** Returns the address of the page as a browser takes it. */
function urlOf(address: string, { tls }: ServeOptions): string {
  if (address.startsWith('unix:')) return address;
  return `${tls === undefined ? 'http' : 'https'}://${address}/`;
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
  { version, options, logger, catalogue, metrics }: ServedVaults,
  standing: StoredVault | undefined,
  address: string,
  page: string | undefined,
): Promise<void> {
  try {
    const vaults = (await catalogue.list()).length;
    const facts = await describeStart(options, standing, { version, address, vaults });
    logger.info({ ...facts, metrics: metrics?.address, page }, 'serving');
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
  facts: { readonly version: string; readonly address: string; readonly vaults: number },
): Promise<object> {
  const stats = await standing?.backend.stats();
  return {
    ...facts,
    node: process.version,
    storage,
    ...(hasFolder({ storage }) && { data: resolve(dataDir) }),
    vaultId: standing?.backend.vaultId,
    workers,
    durability,
    conversations: stats?.conversations,
    tokens: stats?.tokens,
    inUseBytes: stats?.inUseBytes,
  };
}

import type { ServeOptions } from '../cli/index.js';
import { limits } from '../model/index.js';
import {
  createMemoryBackend,
  openFilesystemBackend,
  openLmdbBackend,
  type ManagedBackend,
  type PostgresStore,
} from '../storage/index.js';
import type { TokenizerPool } from '../text/index.js';
import type { SearchThreads } from '../vault/index.js';
import {
  defaultVault,
  OpenVaults,
  refuseChanges,
  type RunningWork,
  StoredVault,
  type VaultOpener,
} from '../vaults/index.js';
import type { ServerParts } from './parts.js';

/** Threads that all vaults share. */
export interface SharedThreads {
  readonly tokenizers: TokenizerPool;
  readonly searchThreads: SearchThreads;
}

/** Returns the function that opens vaults, with the parts that they share. */
export function createOpener(
  { options, logger, catalogue, store, core, disk, metrics }: ServerParts,
  { tokenizers, searchThreads }: SharedThreads,
  work: RunningWork,
): VaultOpener {
  return {
    catalogue,
    core,
    tokenizers,
    searchThreads,
    work,
    clock: Date.now,
    defaults: options,
    readOnly: options.readOnly,
    checks: [...(options.readOnly ? [refuseChanges] : []), ...(disk === undefined ? [] : [disk])],
    openBackend: (folder, own) => (store ? openInDatabase(store, own) : openBackend(options, folder, own)),
    activityOf: metrics?.own.activityOf,
    onCompacted: (vault, summary) => logger.info({ vault, ...summary }, 'compacted'),
    onCompactionFailed: (vault, error) => logger.error({ vault, err: error }, 'automatic compaction failed'),
  };
}

export function openVaults(opener: VaultOpener, openMax: number): OpenVaults<StoredVault> {
  const { vaultWaitMs: waitMs, vaultRetryMs: retryMs } = limits;
  return new OpenVaults({ open: (name) => StoredVault.open(name, opener), openMax, waitMs, retryMs });
}

/** Opens a vault of a database. The default one is always there. */
async function openInDatabase(
  store: PostgresStore,
  { name, codec, activity }: Parameters<VaultOpener['openBackend']>[1],
): Promise<ManagedBackend> {
  if (name === defaultVault) await store.vaults.create(name);
  return store.open(name, { codec, activity, clock: Date.now });
}

/** Opens the storage of one vault; in memory if it has no folder. */
export async function openBackend(
  { storage, durability }: ServeOptions,
  folder: string | undefined,
  { core, codec, activity }: Omit<Parameters<VaultOpener['openBackend']>[1], 'name'>,
): Promise<ManagedBackend> {
  const clock = Date.now;
  if (folder === undefined) return createMemoryBackend({ codec, clock, activity });
  if (storage === 'lmdb') return openLmdbBackend({ folder, codec, clock, durability, activity });
  return openFilesystemBackend({ folder, codec, core, clock, activity, fsync: durability === 'fsync' });
}

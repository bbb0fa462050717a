import { createLiveCodec } from '../codec/index.js';
import type { TokenCore } from '../core/index.js';
import { present } from '../model/index.js';
import {
  type LmdbReader,
  openLmdbReader,
  type StorageBackend,
  type StorageHealth,
} from '../storage/index.js';
import type { TokenizerPool } from '../text/index.js';
import { countTasks, createVault, markWork, type SearchThreads, type Vault } from '../vault/index.js';
import {
  type VaultActivity,
  type VaultAdmin,
  recentTextsBytesMax,
  vaultCore,
  type VaultRuntime,
  type VaultsHealth,
} from '../vaults/index.js';
import type { Channel } from './channel.js';
import { type CallSettings, forwardReads, type NewSettings, type PrimaryHandlers } from './handlers.js';
import { sendAhead } from './message-list-transfer.js';
import { SharedLease } from './shared-lease.js';
import { remoteWork } from './work.js';

/** Parts of a worker that its vaults share. */
export interface WorkerParts {
  readonly primary: Channel<PrimaryHandlers>;
  readonly core: TokenCore;
  readonly tokenizers: TokenizerPool;
  readonly searchThreads: SearchThreads;
  /** Number of workers that share the memory for segment lookups. */
  readonly sharers: number;
  readonly health: () => VaultsHealth;
  /** Counts of the work on the vaults of a label; absent if nobody watches. */
  readonly activityOf?: ((label: string) => VaultActivity) | undefined;
}

/** A vault as messages of the primary are about it. */
export interface WorkerRuntime extends VaultRuntime {
  /** Announces the stored registries. */
  setRegistries(ids: readonly number[]): void;
  apply(given: NewSettings): Promise<void>;
  renewLease(): Promise<void>;
}

/** A vault that this process reads, and that another one writes. */
export class WorkerVault implements WorkerRuntime {
  readonly vault: Vault;
  #settings: CallSettings;

  private constructor(
    private readonly parts: WorkerParts,
    private readonly name: string,
    private readonly reader: LmdbReader,
    private readonly lease: SharedLease,
    settings: CallSettings,
    codec: ReturnType<typeof createLiveCodec>,
    activity: VaultActivity | undefined,
  ) {
    this.#settings = settings;
    const { primary, core, tokenizers, searchThreads } = parts;
    const plain = createVault({
      name,
      backend: createWorkerBackend(name, reader, primary, () => lease.hold()),
      core,
      codec,
      tokenizers,
      searchThreads,
      recentTextsBytesMax: recentTextsBytesMax(name),
      clock: Date.now,
      prefixIndex: () => this.#settings.prefixIndex,
      lifetimes: () => this.#settings.lifetimes,
    });
    // The other process counts and marks what it does for this one.
    const counted = activity ? countTasks(plain, activity.tasks) : plain;
    const own = markWork(counted, remoteWork(primary, name));
    this.vault = {
      ...own,
      compact: (input, signal) => primary.stream('compact', { vault: name, input }, signal),
      erase: (input, signal) => primary.stream('erase', { vault: name, input }, signal),
      verify: (input, signal) =>
        input.repair ? primary.stream('verify', { vault: name, input }, signal) : own.verify(input, signal),
    };
  }

  /** @throws StowkenError VAULT_NOT_FOUND, CORRUPT_STORE and others of the process that owns it */
  static async open(name: string, parts: WorkerParts): Promise<WorkerVault> {
    const { primary, core, sharers } = parts;
    const { folder, settings, label } = await primary.call('openVault', name);
    const activity = parts.activityOf?.(label);
    try {
      const own = { ...parts, core: vaultCore(core, name) };
      const codec = createLiveCodec(own.core);
      const lease = await SharedLease.take(async () => {
        const number = await primary.call('takeLease', name);
        return () => void primary.call('releaseLease', number).catch(() => undefined);
      }, activity?.storage.readers);
      const reader = await openLmdbReader({
        folder: present(folder, 'it is in a folder'),
        codec,
        lease: () => lease.hold(),
        sharers,
      });
      codec.prepare();
      return new WorkerVault(own, name, reader, lease, settings, codec, activity);
    } catch (error) {
      await primary.call('closeVault', name);
      throw error;
    }
  }

  /** Snapshots opened later use these registries. */
  setRegistries(ids: readonly number[]): void {
    this.reader.refresh();
    this.reader.setRegistries(ids);
  }

  async apply({ settings }: NewSettings): Promise<void> {
    this.#settings = settings;
  }

  renewLease(): Promise<void> {
    return this.lease.renew();
  }

  health(): StorageHealth {
    return this.parts.health().vaults.get(this.name) ?? { writable: true };
  }

  async close(): Promise<void> {
    this.lease.end();
    await this.reader.close();
    await this.parts.primary.call('closeVault', this.name).catch(() => undefined);
  }
}

/** Administers vaults through the process that owns them. */
export function remoteAdmin(primary: Channel<PrimaryHandlers>): VaultAdmin {
  return {
    create: (name, settings) => primary.call('createVault', { name, settings }),
    get: (name) => primary.call('getVault', name),
    retention: (name) => primary.call('getRetention', name),
    update: (name, settings, reset) => primary.call('updateVault', { name, settings, reset }),
    list: (after, limit) => primary.call('listVaults', { after, limit }),
    delete: (name, confirmed) => primary.call('deleteVault', { name, confirmed }),
  };
}

/** Creates a backend that reads a vault in this process and writes through another one. */
function createWorkerBackend(
  vault: string,
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
      return primary.call('commit', { vault, change: sent });
    },
    lease,
    close: () => reader.close(),
  };
}

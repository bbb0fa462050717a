import type { ManagedBackend, PostgresStore } from '../storage/index.js';
import type { Vault } from '../vault/index.js';
import {
  DatabaseCatalogue,
  defaultVault,
  refuseChanges,
  type SettingDefaults,
  StoredVault,
  type VaultOpener,
} from '../vaults/index.js';
import type { NewSettings } from './handlers.js';
import { remoteWork } from './work.js';
import type { WorkerParts, WorkerRuntime } from './worker-vaults.js';

/** Parts of a worker whose vaults are in a database. */
export interface DatabaseParts extends WorkerParts {
  readonly store: PostgresStore;
  readonly readOnly: boolean;
  readonly defaults: SettingDefaults;
}

/**
 * A vault of a database, which this process reads and writes as a server of its own does. The primary has it
 * open too: it sweeps and compacts the vault, and announces new settings and the vault's end.
 */
export class DatabaseVault implements WorkerRuntime {
  private constructor(
    private readonly parts: DatabaseParts,
    private readonly name: string,
    private readonly stored: StoredVault,
  ) {}

  /** @throws StowkenError VAULT_NOT_FOUND, STORAGE_UNAVAILABLE and others of StoredVault.open */
  static async open(name: string, parts: DatabaseParts): Promise<DatabaseVault> {
    const { label } = await parts.primary.call('openVault', name);
    try {
      const opener = openerOf(parts, label);
      const stored = await StoredVault.open(name, opener);
      // Settings that were changed while the vault was being opened were announced to nobody.
      const record = await opener.catalogue.read(name);
      if (record) await stored.apply(record.settings);
      return new DatabaseVault(parts, name, stored);
    } catch (error) {
      await parts.primary.call('closeVault', name);
      throw error;
    }
  }

  get vault(): Vault {
    return this.stored.vault;
  }

  get gone(): boolean {
    return this.stored.gone;
  }

  health() {
    return this.stored.health();
  }

  /** The storage learns of registries from the database. */
  setRegistries(): void {}

  async apply({ own }: NewSettings): Promise<void> {
    await this.stored.apply(own);
  }

  /** Its leases are its own: other processes see them in the database. */
  async renewLease(): Promise<void> {}

  async close(): Promise<void> {
    await this.stored.close();
    await this.parts.primary.call('closeVault', this.name).catch(() => undefined);
  }
}

function openerOf(parts: DatabaseParts, label: string): VaultOpener {
  const { primary, core, tokenizers, searchThreads, store, readOnly, defaults, activityOf } = parts;
  const openBackend: VaultOpener['openBackend'] = async (_, { name, codec, activity }) => {
    if (name === defaultVault) await store.vaults.create(name);
    return store.open(name, { codec, activity, clock: Date.now }) satisfies Promise<ManagedBackend>;
  };
  return {
    catalogue: new DatabaseCatalogue(store),
    core,
    tokenizers,
    searchThreads,
    clock: Date.now,
    defaults,
    readOnly,
    compacts: false,
    checks: readOnly ? [refuseChanges] : [],
    openBackend,
    activityOf: activityOf && (() => activityOf(label)),
    work: { begin: (vault, task) => remoteWork(primary, vault)(task) },
    onCompacted: nothing,
    onCompactionFailed: nothing,
  };
}

function nothing(): void {
  // The primary compacts.
}

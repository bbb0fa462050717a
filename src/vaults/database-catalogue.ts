import { StowkenError } from '../model/index.js';
import type { PostgresStore } from '../storage/index.js';
import { parseRecord, type VaultCatalogue } from './catalogue.js';
import { defaultVault, isVaultName } from './names.js';
import type { VaultRecord } from './settings.js';

/** Vaults in a database, which other servers may have open too. */
export class DatabaseCatalogue implements VaultCatalogue {
  constructor(private readonly store: Pick<PostgresStore, 'vaults'>) {}

  folderOf(): undefined {
    return undefined;
  }

  async list(): Promise<string[]> {
    const found = await this.store.vaults.list();
    return [...new Set([defaultVault, ...found])].sort();
  }

  async read(name: string): Promise<VaultRecord | undefined> {
    if (!isVaultName(name)) return undefined;
    const found = await this.store.vaults.find(name);
    if (found?.record === undefined) return name === defaultVault ? { settings: {} } : undefined;
    try {
      return parseRecord(found.record);
    } catch (error) {
      throw new StowkenError('CORRUPT_STORE', `the record of vault ${name} is damaged`, {}, { cause: error });
    }
  }

  create(name: string, record: VaultRecord): Promise<boolean> {
    if (name === defaultVault) return Promise.resolve(false);
    return this.store.vaults.create(name, JSON.stringify(record));
  }

  async write(name: string, record: VaultRecord): Promise<void> {
    if (name === defaultVault) await this.store.vaults.create(name);
    await this.store.vaults.write(name, JSON.stringify(record));
  }

  remove(name: string): Promise<void> {
    return this.store.vaults.remove(name);
  }
}

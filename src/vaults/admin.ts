import { limits, StowkenError } from '../model/index.js';
import { diskRefusal } from '../storage/index.js';
import type { VaultCatalogue } from './catalogue.js';
import { defaultVault, invalidName, isVaultName, vaultNotFound } from './names.js';
import type { OpenVaults } from './open-vaults.js';
import type { RetentionState } from './retention-state.js';
import type { VaultWork } from './running-work.js';
import { changedSettings, type SettingName, type VaultRecord, type VaultSettings } from './settings.js';

export type VaultState = 'open' | 'closed' | 'readOnly' | 'failed';

/** A vault, described without opening it. */
export interface VaultDescription extends VaultRecord {
  readonly name: string;
  readonly state: VaultState;
  /** Reason of a state other than open and closed. */
  readonly cause?: string | undefined;
  /** Work under way on the whole vault; only where one vault is described. */
  readonly work?: readonly VaultWork[];
}

/** Creates, describes, changes and deletes vaults. */
export interface VaultAdmin {
  /** Durable when it resolves. @throws StowkenError INVALID_FIELD, VAULT_EXISTS, DISK_FULL, COMMIT_FAILED */
  create(name: string, settings: VaultSettings): Promise<VaultDescription>;
  /** @throws StowkenError VAULT_NOT_FOUND */
  get(name: string): Promise<VaultDescription>;
  /** Durable when it resolves. @throws StowkenError VAULT_NOT_FOUND */
  update(name: string, settings: VaultSettings, reset: readonly SettingName[]): Promise<VaultDescription>;
  /** Lists vaults by name, from the one behind `after` on. */
  list(after: string, limit: number): Promise<VaultPage>;
  /** Returns how much is to be deleted and still stored. @throws StowkenError VAULT_NOT_FOUND */
  retention(name: string): Promise<RetentionState>;
  /** @throws StowkenError VAULT_NOT_FOUND, INVALID_FIELD */
  delete(name: string, confirmed: string): Promise<void>;
}

export interface VaultPage {
  readonly vaults: readonly VaultDescription[];
  /** Name behind which the next page begins; undefined: this is the last one. */
  readonly next?: string | undefined;
}

/** Notifies others before a vault is deleted, and after its settings have changed. */
export interface AdminEvents {
  /** Called before a vault is made. @throws StowkenError if it may not be */
  readonly onCreate?: () => Promise<void>;
  /** Resolves when no other process has the vault open. */
  readonly onDelete?: (name: string) => Promise<void>;
  /** Called when a vault is gone. */
  readonly onDeleted?: (name: string) => void;
  readonly onSettings?: (name: string, settings: VaultSettings) => Promise<void>;
  /** Returns the work under way on a vault. */
  readonly work?: (name: string) => readonly VaultWork[];
  /** Looks at the retention of a vault that exists. */
  readonly retention: (name: string) => Promise<RetentionState>;
}

/** Administers the vaults of one process, one change at a time. */
export class Administration implements VaultAdmin {
  #last: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly catalogue: VaultCatalogue,
    private readonly open: Pick<OpenVaults, 'use' | 'delete' | 'states'>,
    private readonly clock: () => number,
    private readonly events: AdminEvents,
  ) {}

  create(name: string, settings: VaultSettings): Promise<VaultDescription> {
    return this.#inOrder(async () => {
      if (!isVaultName(name)) throw invalidName(name);
      await this.events.onCreate?.();
      const record = { settings, createTimeMs: this.clock() };
      if (!(await this.catalogue.create(name, record)))
        throw new StowkenError('VAULT_EXISTS', `there is a vault ${JSON.stringify(name)}`, { vault: name });
      // Its store is made now: a disk that is full says so here, and not at the first store.
      try {
        const use = await this.open.use(name);
        use.end();
      } catch (error) {
        await this.#remove(name).catch(() => undefined);
        throw error;
      }
      return this.#describe(name, await this.#read(name));
    });
  }

  async get(name: string): Promise<VaultDescription> {
    const described = this.#describe(name, await this.#read(name));
    return { ...described, work: this.events.work?.(name) ?? [] };
  }

  update(name: string, settings: VaultSettings, reset: readonly SettingName[]): Promise<VaultDescription> {
    return this.#inOrder(async () => {
      const before = await this.#read(name);
      const record = { ...before, settings: changedSettings(before.settings, settings, reset) };
      // Labels are in the store too: it must be open to take them, or to refuse them.
      const use = record.settings.labels === before.settings.labels ? undefined : await this.open.use(name);
      try {
        await this.catalogue.write(name, { ...record, ...(use && { vaultId: use.vault.vaultId }) });
        await this.events.onSettings?.(name, record.settings);
      } catch (error) {
        await this.catalogue.write(name, before);
        throw error;
      } finally {
        use?.end();
      }
      return this.#describe(name, record);
    });
  }

  async list(after: string, limit: number): Promise<VaultPage> {
    const names = (await this.catalogue.list()).filter((name) => name > after);
    const states = this.open.states();
    const vaults: VaultDescription[] = [];
    for (const name of names.slice(0, limit)) {
      const record = await this.#readable(name);
      if (record) vaults.push(describe(name, record, states));
    }
    return { vaults, next: names.length > limit ? names[limit - 1] : undefined };
  }

  async retention(name: string): Promise<RetentionState> {
    await this.#exists(name);
    return this.events.retention(name);
  }

  delete(name: string, confirmed: string): Promise<void> {
    return this.#inOrder(async () => {
      await this.#exists(name);
      if (name === defaultVault)
        throw new StowkenError('INVALID_FIELD', 'vault is "default", which cannot be deleted', {
          field: 'vault',
          value: name,
        });
      if (confirmed !== name)
        throw new StowkenError(
          'INVALID_FIELD',
          `confirm_vault is ${JSON.stringify(confirmed.slice(0, limits.labelBytesMax))}, not the vault's name`,
          { field: 'confirm_vault', value: confirmed.slice(0, limits.labelBytesMax) },
        );
      await this.#remove(name);
    });
  }

  async #remove(name: string): Promise<void> {
    await this.open.delete(
      name,
      async () => this.events.onDelete?.(name),
      () => this.catalogue.remove(name),
    );
    this.events.onDeleted?.(name);
  }

  async #exists(name: string): Promise<void> {
    if ((await this.#readable(name)) === undefined) throw vaultNotFound(name);
  }

  async #read(name: string): Promise<VaultRecord> {
    const record = await this.catalogue.read(name);
    if (record === undefined) throw vaultNotFound(name);
    return record;
  }

  /** A damaged record does not keep others from being listed, nor its vault from being deleted. */
  async #readable(name: string): Promise<VaultRecord | undefined> {
    try {
      return await this.catalogue.read(name);
    } catch {
      return { settings: {} };
    }
  }

  #describe(name: string, record: VaultRecord): VaultDescription {
    return describe(name, record, this.open.states());
  }

  #inOrder<T>(task: () => Promise<T>): Promise<T> {
    const done = this.#last.then(task).catch((error: unknown) => {
      throw asCommitFailure(error);
    });
    this.#last = done.catch(() => undefined);
    return done;
  }
}

/** Returns an error that says what the disk refused; others as they are. */
function asCommitFailure(error: unknown): unknown {
  const cause = diskRefusal(error);
  if (cause === undefined) return error;
  return new StowkenError('COMMIT_FAILED', `the change failed: ${cause}`, { cause }, { cause: error });
}

function describe(
  name: string,
  record: VaultRecord,
  states: ReturnType<OpenVaults['states']>,
): VaultDescription {
  const known = states.get(name);
  if (!known) return { name, ...record, state: 'closed' };
  const state = known.failed ? 'failed' : known.writable ? 'open' : 'readOnly';
  return { name, ...record, vaultId: known.vaultId ?? record.vaultId, state, cause: known.cause };
}

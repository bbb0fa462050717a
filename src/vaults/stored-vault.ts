import { readdir } from 'node:fs/promises';
import { createLiveCodec, type LiveCodec } from '../codec/index.js';
import type { TokenCore } from '../core/index.js';
import { type Lifetimes, StowkenError } from '../model/index.js';
import type { ManagedBackend, StorageActivity, StorageBackend, StorageHealth } from '../storage/index.js';
import type { TokenizerPool } from '../text/index.js';
import {
  AutoCompaction,
  type CompactSummary,
  type SweepRules,
  countTasks,
  createVault,
  markWork,
  type SearchThreads,
  type TaskActivity,
  type Vault,
} from '../vault/index.js';
import type { VaultCatalogue } from './catalogue.js';
import { type ChangeCheck, checkCommits } from './change-check.js';
import { vaultNotFound } from './names.js';
import type { VaultRuntime } from './open-vaults.js';
import { Quota } from './quota.js';
import type { RunningWork } from './running-work.js';
import { lifetimesIn, type VaultRecord, type VaultSettings } from './settings.js';
import { type CheckCounts, VaultCheck } from './vault-check.js';
import { recentTextsBytesMax, vaultCore } from './vault-core.js';

/** Settings of vaults that have none of their own. */
export interface SettingDefaults {
  readonly prefixIndex: boolean;
  readonly autoCompact: boolean;
}

/** Counts of the work on a vault, for those who watch it. */
export interface VaultActivity {
  readonly storage: StorageActivity;
  readonly tasks: TaskActivity;
  readonly checks: CheckCounts;
}

/** Parts that a vault shares with no other one. */
export interface VaultParts {
  readonly codec: LiveCodec;
  readonly core: TokenCore;
}

export interface VaultOpener {
  readonly catalogue: VaultCatalogue;
  readonly core: TokenCore;
  readonly tokenizers: TokenizerPool;
  readonly searchThreads: SearchThreads;
  readonly clock: () => number;
  readonly defaults: SettingDefaults;
  /** True if nothing is changed: vaults do not compact themselves. */
  readonly readOnly: boolean;
  /** False if another process compacts the vaults automatically; true by default. */
  readonly compacts?: boolean;
  /** Checks of every change of every vault. */
  readonly checks: readonly ChangeCheck[];
  /** Opens the storage of a vault. The folder is undefined if vaults are in memory, or in a database. */
  readonly openBackend: (
    folder: string | undefined,
    parts: VaultParts & { readonly name: string; readonly activity: StorageActivity | undefined },
  ) => Promise<ManagedBackend>;
  /** Absent if nobody watches. */
  readonly activityOf?: ((vault: string) => VaultActivity) | undefined;
  /** Absent: the work under way is not announced. */
  readonly work?: Pick<RunningWork, 'begin'>;
  /** Returns the backend with which this process itself works on the vault. */
  readonly wrap?: (name: string, backend: ManagedBackend) => StorageBackend;
  readonly onCompacted: (vault: string, summary: CompactSummary) => void;
  readonly onCompactionFailed: (vault: string, error: unknown) => void;
}

/** A vault whose storage this process owns. */
export class StoredVault implements VaultRuntime {
  readonly vault: Vault;
  /** The storage as others of this process use it; changes are checked against the quota. */
  readonly backend: StorageBackend;
  #settings: VaultSettings;
  #compaction: AutoCompaction | undefined;

  private constructor(
    private readonly opener: VaultOpener,
    name: string,
    private readonly owned: ManagedBackend,
    { codec, core }: VaultParts,
    settings: VaultSettings,
    readonly tasks: TaskActivity | undefined,
    /** Progress of the background check; undefined for a storage that has no files. */
    readonly check: VaultCheck | undefined,
  ) {
    this.#settings = settings;
    const quota = new Quota(
      name,
      () => owned.stats(),
      () => this.#settings.quotaBytes,
    );
    checkCommits(owned, [...opener.checks, quota]);
    this.backend = opener.wrap?.(name, owned) ?? owned;
    const { tokenizers, searchThreads, clock } = opener;
    const vault = createVault({
      name,
      backend: this.backend,
      core,
      codec,
      tokenizers,
      searchThreads,
      recentTextsBytesMax: recentTextsBytesMax(name),
      clock,
      prefixIndex: () => this.prefixIndex,
      lifetimes: () => this.lifetimes,
    });
    const counted = tasks ? countTasks(vault, tasks) : vault;
    this.vault = opener.work ? markWork(counted, (task) => opener.work!.begin(name, task)) : counted;
    this.#compactOrNot();
  }

  /**
   * Opens a vault of the catalogue. A vault that was open before must have its files, and the id that it had.
   * @throws StowkenError VAULT_NOT_FOUND, CORRUPT_STORE, STORE_VERSION, STORE_LOCKED
   */
  static async open(name: string, opener: VaultOpener): Promise<StoredVault> {
    const { catalogue } = opener;
    const core = vaultCore(opener.core, name);
    const record = await catalogue.read(name);
    if (record === undefined) throw vaultNotFound(name);
    const folder = catalogue.folderOf(name);
    if (folder !== undefined && record.vaultId !== undefined) await checkFiles(folder, record.vaultId);
    const codec = createLiveCodec(core);
    const activity = opener.activityOf?.(name);
    const backend = await opener.openBackend(folder, { name, codec, core, activity: activity?.storage });
    try {
      codec.prepare();
      if (folder !== undefined && record.vaultId !== undefined && record.vaultId !== backend.vaultId)
        throw notThere(folder, `are those of vault ${backend.vaultId}, not of ${record.vaultId}`);
      const { labels } = record.settings;
      if (labels !== undefined && !opener.readOnly) await backend.setLabels?.(labels);
      await ownRecord(opener, name, record, backend.vaultId);
      const check = await VaultCheck.load(backend, folder, activity?.checks);
      return new StoredVault(opener, name, backend, { codec, core }, record.settings, activity?.tasks, check);
    } catch (error) {
      await backend.close();
      throw error;
    }
  }

  /** True if stored conversations are added to the prefix index. */
  get prefixIndex(): boolean {
    return this.#settings.prefixIndex ?? this.opener.defaults.prefixIndex;
  }

  /** Lifetimes of the conversations; undefined: they live for ever. */
  get lifetimes(): Lifetimes | undefined {
    return lifetimesIn(this.#settings);
  }

  /** Rules by which a sweep deletes. */
  get sweepRules(): SweepRules {
    const { keep = [], conversationsMax = 0, contentBytesMax = 0 } = this.#settings;
    return { lifetimes: this.lifetimes, keep, conversationsMax, contentBytesMax };
  }

  /** Time for which usage is kept; 0: for ever. */
  get keepUsageMs(): number {
    return this.#settings.keepUsageMs ?? 0;
  }

  /** Undefined or 0: it may grow. */
  get quotaBytes(): number | undefined {
    return this.#settings.quotaBytes;
  }

  get gone(): boolean {
    return this.owned.gone === true;
  }

  health(): StorageHealth & { readonly damage?: string | undefined } {
    const damage = this.check?.damageInWords;
    return { ...this.owned.health(), ...(damage !== undefined && { damage }) };
  }

  /**
   * Changes the settings for everything that begins later.
   * @throws StowkenError UNSUPPORTED_BY_STORAGE for labels of a storage that has no index
   */
  async apply(settings: VaultSettings): Promise<void> {
    const { labels = [] } = settings;
    if (String(labels) !== String(this.#settings.labels ?? [])) await setLabels(this.owned, labels);
    this.#settings = settings;
    this.#compactOrNot();
  }

  async close(): Promise<void> {
    await this.#compaction?.stop();
    await this.check?.save();
    await this.owned.close();
  }

  #compactOrNot(): void {
    const { readOnly, compacts = true, defaults } = this.opener;
    const wanted = compacts && !readOnly && (this.#settings.autoCompact ?? defaults.autoCompact);
    if (wanted === (this.#compaction !== undefined)) return;
    if (!wanted) {
      void this.#compaction?.stop();
      this.#compaction = undefined;
      return;
    }
    const { name } = this.vault;
    this.#compaction = new AutoCompaction(this.vault, {
      onDone: (summary) => this.opener.onCompacted(name, summary),
      onError: (error) => this.opener.onCompactionFailed(name, error),
    });
    this.#compaction.start();
  }
}

async function setLabels(backend: ManagedBackend, labels: readonly string[]): Promise<void> {
  if (backend.setLabels) return backend.setLabels(labels);
  throw new StowkenError('UNSUPPORTED_BY_STORAGE', `the ${backend.kind} storage has no labels`, {
    operation: 'labels',
    storage: backend.kind,
    storages: 'lmdb, memory, postgres',
  });
}

/** Files of which one is in the folder of every vault that was open once. */
const markers = ['VAULT', 'vault.json'];

/** @throws StowkenError CORRUPT_STORE if the vault's files are missing: it would be opened as an empty one */
async function checkFiles(folder: string, vaultId: string): Promise<void> {
  const names = await readdir(folder);
  if (!markers.some((marker) => names.includes(marker)))
    throw notThere(folder, `are missing; vault ${vaultId} was there`);
}

function notThere(folder: string, what: string): StowkenError {
  return new StowkenError('CORRUPT_STORE', `the files in ${folder} ${what}`, { file: folder });
}

/** Remembers the id of the store, and that it is no copy any more that a later one may overwrite. */
async function ownRecord(
  { catalogue, readOnly }: Pick<VaultOpener, 'catalogue' | 'readOnly'>,
  name: string,
  record: VaultRecord,
  vaultId: string,
): Promise<void> {
  const { copyOf, ...own } = record;
  if (record.vaultId === vaultId && (copyOf === undefined || readOnly)) return;
  // The default vault of a data folder without other vaults stays as it is.
  if (record.createTimeMs === undefined && record.vaultId === undefined) return;
  await catalogue.write(name, { ...(readOnly ? record : own), vaultId });
}

import type { OpenVaults, StoredVault, VaultUse } from '../vaults/index.js';
import { vaultNotFound } from '../vaults/index.js';
import type { Announcements, Listener } from './announcements.js';
import type { OpenedVault, PrimaryHandlers } from './handlers.js';
import { ListsAhead } from './message-list-transfer.js';

type Calls = Pick<
  PrimaryHandlers['calls'],
  'openVault' | 'closeVault' | 'sendPiece' | 'commit' | 'takeLease' | 'releaseLease'
>;
type Streams = Pick<PrimaryHandlers['streams'], 'compact' | 'erase' | 'verify'>;

/** Everything that one worker holds of the vaults: uses, leases, and lists on their way. */
export class Grants {
  readonly #uses = new Map<string, VaultUse<StoredVault>>();
  readonly #leases = new Map<number, () => void>();
  readonly #lists = new ListsAhead();
  #lastLease = 0;
  #ended = false;

  constructor(
    private readonly vaults: OpenVaults<StoredVault>,
    private readonly announcements: Announcements,
    private readonly listener: () => Listener,
    private readonly folderOf: (name: string) => string | undefined,
    private readonly labelOf: (name: string) => string,
  ) {}

  readonly calls: Calls = {
    openVault: (name) => this.#open(name),
    closeVault: (name) => this.#close(name),
    sendPiece: (piece) => this.#lists.add(piece),
    commit: ({ vault, change }) => this.#used(vault).runtime.backend.commit(this.#lists.whole(change)),
    takeLease: (vault) => {
      this.#leases.set(++this.#lastLease, this.#used(vault).runtime.backend.lease({ standing: true }));
      return this.#lastLease;
    },
    releaseLease: (lease) => {
      this.#leases.get(lease)?.();
      this.#leases.delete(lease);
    },
  };

  readonly streams: Streams = {
    compact: ({ vault, input }, signal) => this.#used(vault).vault.compact(input, signal),
    erase: ({ vault, input }, signal) => this.#used(vault).vault.erase(input, signal),
    verify: ({ vault, input }, signal) => this.#used(vault).vault.verify(input, signal),
  };

  /** Releases everything, when the worker has ended. */
  end(): void {
    this.#ended = true;
    for (const release of this.#leases.values()) release();
    this.#leases.clear();
    for (const name of [...this.#uses.keys()]) this.#close(name);
  }

  /** Folders of the vaults that the worker has open. */
  get folders(): string[] {
    return [...this.#uses.keys()].flatMap((name) => this.folderOf(name) ?? []);
  }

  async #open(name: string): Promise<OpenedVault> {
    // Before it is open: a deletion that begins meanwhile must reach this worker.
    this.announcements.opened(this.listener(), name);
    const use = await this.#use(name);
    if (this.#ended || this.#uses.has(name)) use.end();
    else this.#uses.set(name, use);
    const { runtime } = use;
    const { prefixIndex, lifetimes } = runtime;
    return {
      folder: this.folderOf(name),
      settings: { prefixIndex, lifetimes },
      label: this.labelOf(name),
    };
  }

  async #use(name: string): Promise<VaultUse<StoredVault>> {
    try {
      return await this.vaults.use(name);
    } catch (error) {
      this.announcements.closed(this.listener(), name);
      throw error;
    }
  }

  #close(name: string): void {
    this.announcements.closed(this.listener(), name);
    this.#uses.get(name)?.end();
    this.#uses.delete(name);
  }

  #used(name: string): VaultUse<StoredVault> {
    const use = this.#uses.get(name);
    if (use === undefined) throw vaultNotFound(name);
    return use;
  }
}

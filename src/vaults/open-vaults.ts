import { setMaxListeners } from 'node:events';
import { isStowkenError, StowkenError } from '../model/index.js';
import type { Vault } from '../vault/index.js';
import { vaultNotFound } from './names.js';

/** An open vault. */
export interface VaultRuntime {
  readonly vault: Vault;
  /** Reports whether it takes changes, and damage that was found in it. */
  health(): { readonly writable: boolean; readonly cause?: string; readonly damage?: string | undefined };
  /** True if the vault was deleted by a process beside this one. */
  readonly gone?: boolean;
  /** Closes it; nobody uses it any more. */
  close(): Promise<void>;
}

/** An open vault in the hands of one caller, who must end the use. */
export interface VaultUse<Runtime extends VaultRuntime = VaultRuntime> {
  readonly vault: Vault;
  readonly runtime: Runtime;
  /** Aborts, with the error for the caller, when the vault is being deleted. */
  readonly signal: AbortSignal;
  readonly end: () => void;
}

/** State of a vault that is open or did not open. */
export interface OpenState {
  readonly writable: boolean;
  /** True if it did not open. */
  readonly failed: boolean;
  readonly cause?: string;
  /** Damaged records that the background check knows of, in words. */
  readonly damage?: string | undefined;
  readonly vaultId?: string;
}

interface Entry<Runtime> {
  readonly name: string;
  runtime: Runtime | undefined;
  uses: number;
  /** Number of the last use, to find the vault that was not used for the longest time. */
  lastUse: number;
  readonly deletion: AbortController;
  /** Resolves when it is open or has failed to open. */
  opened: Promise<void>;
  /** Set from the moment that it closes. */
  closed: Promise<void> | undefined;
}

export interface OpenVaultsOptions<Runtime> {
  /** @throws StowkenError VAULT_NOT_FOUND, CORRUPT_STORE and others */
  readonly open: (name: string) => Promise<Runtime>;
  /** Limit of the vaults open at once. Infinity if a closed vault would be lost. */
  readonly openMax: number;
  /** Time that a call waits for another vault to be closed. */
  readonly waitMs: number;
  /** Time for which a vault that did not open is not tried again. */
  readonly retryMs: number;
}

function isUsable<Runtime extends VaultRuntime>(
  entry: Entry<Runtime> | undefined,
): entry is Entry<Runtime> & { readonly runtime: Runtime } {
  return (
    entry?.runtime !== undefined && !entry.runtime.gone && !entry.closed && !entry.deletion.signal.aborted
  );
}

/** Failures that the next call would meet too. */
const lasting = ['CORRUPT_STORE', 'STORE_VERSION', 'STORE_LOCKED'] as const;

/**
 * Vaults of a process, opened at their first use. When there are too many, the one that was not used for the
 * longest time is closed. Every vault is in one of these states: absent, opening, open, closing; one that is
 * closing is opened again only after it is closed.
 */
export class OpenVaults<Runtime extends VaultRuntime = VaultRuntime> {
  readonly #entries = new Map<string, Entry<Runtime>>();
  readonly #failures = new Map<string, { readonly error: StowkenError; readonly atMs: number }>();
  readonly #deleting = new Set<string>();
  /** Wakes those that wait for a vault to become idle. */
  readonly #waiting = new Set<() => void>();
  #lastUse = 0;

  constructor(private readonly options: OpenVaultsOptions<Runtime>) {}

  /** Opens the vault if it is not open. @throws StowkenError VAULT_NOT_FOUND, OVERLOADED, as `open` */
  use(name: string): VaultUse<Runtime> | Promise<VaultUse<Runtime>> {
    const entry = this.#entries.get(name);
    return isUsable(entry) ? this.#take(entry, entry.runtime) : this.#openAndTake(name);
  }

  /**
   * Takes a vault that is open, and does not count as a use that keeps it open before others: for work that
   * nobody waits for.
   */
  useOpen(name: string): VaultUse<Runtime> | undefined {
    const entry = this.#entries.get(name);
    return isUsable(entry) ? this.#take(entry, entry.runtime, entry.lastUse) : undefined;
  }

  /** Returns the states of the vaults that are open, and of those that did not open. */
  states(): ReadonlyMap<string, OpenState> {
    const states = new Map<string, OpenState>();
    for (const [name, { error }] of this.#failures)
      states.set(name, { writable: false, failed: true, cause: error.message });
    // A vault that is closing takes its files away itself: it would report that they are missing.
    for (const [name, { runtime, closed }] of this.#entries)
      if (runtime && !closed)
        states.set(name, { ...runtime.health(), failed: false, vaultId: runtime.vault.vaultId });
    return states;
  }

  /** Returns the open vault, for callers that act only on vaults that somebody uses. */
  openRuntime(name: string): Runtime | undefined {
    const entry = this.#entries.get(name);
    return entry?.closed ? undefined : entry?.runtime;
  }

  /**
   * Ends the uses of a vault with VAULT_NOT_FOUND, runs `release`, which ends those of other processes,
   * closes the vault, and runs `remove`. Until that has ended, nobody can open it.
   */
  async delete(name: string, release: () => Promise<void>, remove: () => Promise<void>): Promise<void> {
    if (this.#deleting.has(name)) throw vaultNotFound(name);
    this.#deleting.add(name);
    try {
      const entry = this.#entries.get(name);
      entry?.deletion.abort(vaultNotFound(name));
      await entry?.opened;
      await release();
      if (entry && this.#entries.get(name) === entry) {
        while (entry.uses > 0) await this.#change();
        await this.#close(entry);
      }
      await remove();
      this.#failures.delete(name);
    } finally {
      this.#deleting.delete(name);
    }
  }

  /** Closes all; nobody uses them any more. */
  async close(): Promise<void> {
    await Promise.all(
      [...this.#entries.values()].map((entry) => entry.opened.then(() => this.#close(entry))),
    );
  }

  async #openAndTake(name: string): Promise<VaultUse<Runtime>> {
    const untilMs = performance.now() + this.options.waitMs;
    for (;;) {
      if (this.#deleting.has(name)) throw vaultNotFound(name);
      const entry = this.#entries.get(name);
      if (entry?.closed) await entry.closed;
      else if (entry?.runtime?.gone) await this.#closeGone(entry);
      else if (entry?.runtime) return this.#take(entry, entry.runtime);
      else if (entry) await entry.opened;
      else {
        this.#throwFailure(name);
        if (this.#entries.size < this.options.openMax) await this.#open(name);
        else await this.#makeRoom(untilMs);
      }
    }
  }

  /** @throws the error of `open` */
  async #open(name: string): Promise<void> {
    let settle = (): void => undefined;
    const entry: Entry<Runtime> = {
      name,
      runtime: undefined,
      uses: 0,
      lastUse: ++this.#lastUse,
      deletion: new AbortController(),
      opened: new Promise((resolve) => (settle = resolve)),
      closed: undefined,
    };
    // Every call under way listens.
    setMaxListeners(0, entry.deletion.signal);
    this.#entries.set(name, entry);
    try {
      entry.runtime = await this.options.open(name);
      this.#failures.delete(name);
    } catch (error) {
      this.#entries.delete(name);
      if (lasting.some((reason) => isStowkenError(error, reason)))
        this.#failures.set(name, { error: error as StowkenError, atMs: performance.now() });
      throw error;
    } finally {
      settle();
      this.#wake();
    }
  }

  /** Ends the uses of a vault that another process deleted, and closes it: one of its name may be new. */
  async #closeGone(entry: Entry<Runtime>): Promise<void> {
    entry.deletion.abort(vaultNotFound(entry.name));
    while (entry.uses > 0) await this.#change();
    await this.#close(entry);
  }

  #throwFailure(name: string): void {
    const failure = this.#failures.get(name);
    if (failure && performance.now() - failure.atMs < this.options.retryMs) throw failure.error;
  }

  /** Closes the vault that was not used for the longest time, or waits until one is not in use. */
  async #makeRoom(untilMs: number): Promise<void> {
    const entries = [...this.#entries.values()];
    const closing = entries.find(({ closed }) => closed !== undefined);
    if (closing) return closing.closed;
    const idle = entries.filter(({ runtime, uses }) => runtime && uses === 0);
    if (idle.length > 0) return this.#close(idle.reduce((a, b) => (b.lastUse < a.lastUse ? b : a)));
    const leftMs = untilMs - performance.now();
    if (leftMs <= 0) throw this.#overloaded();
    let timer: NodeJS.Timeout | undefined;
    await Promise.race([this.#change(), new Promise((resolve) => (timer = setTimeout(resolve, leftMs)))]);
    clearTimeout(timer);
  }

  #take(entry: Entry<Runtime>, runtime: Runtime, lastUse = ++this.#lastUse): VaultUse<Runtime> {
    entry.uses += 1;
    entry.lastUse = lastUse;
    let ended = false;
    return {
      vault: runtime.vault,
      runtime,
      signal: entry.deletion.signal,
      end: () => {
        if (ended) return;
        ended = true;
        entry.uses -= 1;
        if (entry.uses === 0) this.#wake();
      },
    };
  }

  #close(entry: Entry<Runtime>): Promise<void> {
    return (entry.closed ??= (async () => {
      try {
        await entry.runtime?.close();
      } finally {
        this.#entries.delete(entry.name);
        this.#wake();
      }
    })());
  }

  /** Resolves when a vault has become idle, has opened or has closed. */
  #change(): Promise<void> {
    return new Promise((resolve) => this.#waiting.add(resolve));
  }

  #wake(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const wake of waiting) wake();
  }

  #overloaded(): StowkenError {
    const { openMax, waitMs } = this.options;
    return new StowkenError(
      'OVERLOADED',
      `${openMax} vaults are open and in use, and none became idle within ${waitMs} ms; try again`,
      { limit: String(openMax) },
    );
  }
}

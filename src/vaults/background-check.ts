import { setTimeout as wait } from 'node:timers/promises';
import { limits } from '../model/index.js';
import type { Damage } from '../storage/index.js';
import type { OpenVaults } from './open-vaults.js';
import type { StoredVault } from './stored-vault.js';
import type { VaultCheck } from './vault-check.js';

export interface BackgroundCheckOptions {
  readonly vaults: Pick<OpenVaults<StoredVault>, 'states' | 'useOpen'>;
  /** Time between the begins of two parts of a vault. */
  readonly intervalMs: number;
  readonly clock: () => number;
  /** Minimum of the bytes of a part. */
  readonly partBytesMin?: number;
  /** Rests for so long, or until the signal aborts. */
  readonly rest?: (ms: number, signal: AbortSignal) => Promise<void>;
  readonly onDamage: (vault: string, damage: readonly Damage[]) => void;
  readonly onMended: (vault: string, mended: readonly Damage[]) => void;
  readonly onError: (vault: string, error: unknown) => void;
}

/**
 * Checks a part of each open vault at intervals, one vault after the other. It works for a few milliseconds
 * and rests for nine times as long, so that calls have the processor; a vault that is to be closed or deleted
 * waits for no more than that. Damage that is known is looked at again at every look.
 */
export class BackgroundCheck {
  readonly #stop = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> = Promise.resolve();

  constructor(private readonly options: BackgroundCheckOptions) {}

  /** Looks at intervals until stop() is called. */
  start(): void {
    const pauseMs = Math.min(limits.checkLookMs, this.options.intervalMs);
    this.#timer = setTimeout(() => {
      this.#looking = this.look().then(() => {
        if (!this.#stop.signal.aborted) this.start();
      });
    }, pauseMs).unref();
  }

  /** Checks a part of each open vault where one is due. */
  async look(): Promise<void> {
    for (const name of this.options.vaults.states().keys()) {
      if (this.#stop.signal.aborted) return;
      try {
        await this.#lookAt(name);
      } catch (error) {
        if (!this.#stop.signal.aborted) this.options.onError(name, error);
      }
    }
  }

  /** Ends after the records that are being checked. */
  async stop(): Promise<void> {
    clearTimeout(this.#timer);
    this.#stop.abort();
    await this.#looking;
  }

  async #lookAt(name: string): Promise<void> {
    const { clock, intervalMs, onMended } = this.options;
    const mended = await this.#with(name, (check) => check.lookAgain());
    if (mended && mended.length > 0) onMended(name, mended);
    const isDue = await this.#with(name, async (check) => check.isDue(clock(), intervalMs));
    if (!isDue) return;
    const figures = await this.#with(name, async (_check, { tasks }) => tasks?.figures.check);
    if (figures) figures.running += 1;
    try {
      const isDone = await this.#part(name);
      if (figures && isDone) figures.lastSuccessMs = clock();
    } catch (error) {
      if (figures) figures.failures += 1;
      throw error;
    } finally {
      if (figures) figures.running -= 1;
    }
  }

  /** Returns true if the part was checked to its end. */
  async #part(name: string): Promise<boolean> {
    const { clock, onDamage, rest = restFor, partBytesMin = limits.checkPartBytesMin } = this.options;
    await this.#with(name, (check) => check.begin(clock(), partBytesMin));
    while (!this.#stop.signal.aborted) {
      const startMs = performance.now();
      const slice = await this.#with(name, async (check) => {
        const done = await check.slice();
        if (done.isLast) await check.end(clock());
        return done;
      });
      // The vault was closed meanwhile: its check goes on when it is open again.
      if (slice === undefined) return false;
      if (slice.damage.length > 0) onDamage(name, slice.damage);
      if (slice.isLast) return true;
      const workedMs = performance.now() - startMs;
      await rest(limits.checkRestMs + limits.checkRestFactor * workedMs, this.#stop.signal);
    }
    return false;
  }

  /** Runs a piece of work on a vault's check; undefined if the vault is not open, or has none. */
  async #with<T>(
    name: string,
    work: (check: VaultCheck, runtime: StoredVault) => Promise<T>,
  ): Promise<T | undefined> {
    const use = this.options.vaults.useOpen(name);
    if (use === undefined) return undefined;
    try {
      return use.runtime.check && (await work(use.runtime.check, use.runtime));
    } finally {
      use.end();
    }
  }
}

async function restFor(ms: number, signal: AbortSignal): Promise<void> {
  await wait(ms, undefined, { signal, ref: false }).catch(() => undefined);
}

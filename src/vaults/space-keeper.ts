import { isStowkenError, limits } from '../model/index.js';
import type { DiskSpace } from '../storage/index.js';
import { FiguresByVault } from './figures-by-vault.js';
import type { OpenVaults } from './open-vaults.js';
import type { StoredVault } from './stored-vault.js';

export interface SpaceKeeperOptions {
  readonly vaults: Pick<OpenVaults<StoredVault>, 'states' | 'useOpen'>;
  /** Time between two looks. */
  readonly intervalMs: number;
  readonly clock: () => number;
  readonly onGivenBack: (vault: string, bytes: number, space: DiskSpace) => void;
  readonly onError: (vault: string, error: unknown) => void;
}

/** Space of a vault that was given back since the start. */
export interface SpaceFigures {
  givenBackBytes: number;
  running: boolean;
  /** Last look at the file; undefined before, and for a storage without such a file. */
  space: DiskSpace | undefined;
  /** Space left by the last attempt, and its time: the next one must have a reason. */
  left: { readonly bytes: number; readonly atMs: number } | undefined;
}

/**
 * Gives free pages of open vaults back to the file system, at intervals, where the file is so much larger
 * than its content that it is worth the writes: after expiry, deletion, collection, compaction and erasure.
 */
export class SpaceKeeper {
  readonly #stop = new AbortController();
  readonly figures = new FiguresByVault<SpaceFigures>(() => ({
    givenBackBytes: 0,
    running: false,
    space: undefined,
    left: undefined,
  }));
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> = Promise.resolve();

  constructor(private readonly options: SpaceKeeperOptions) {}

  /** Looks at intervals until stop() is called. */
  start(): void {
    this.#timer = setTimeout(() => {
      this.#looking = this.look().then(() => {
        if (!this.#stop.signal.aborted) this.start();
      });
    }, this.options.intervalMs).unref();
  }

  /** Looks at each open vault, and gives back where it is worth it. */
  async look(): Promise<void> {
    for (const name of this.options.vaults.states().keys()) {
      if (this.#stop.signal.aborted) return;
      const figures = this.figures.of(name);
      try {
        await this.#lookAt(name, figures);
      } catch (error) {
        const isPassing = this.#stop.signal.aborted || isStowkenError(error, 'CANCELLED');
        if (!isPassing) this.options.onError(name, error);
      } finally {
        figures.running = false;
      }
    }
  }

  /** Ends after the holes that are being made. */
  async stop(): Promise<void> {
    clearTimeout(this.#timer);
    this.#stop.abort();
    await this.#looking;
  }

  async #lookAt(name: string, figures: SpaceFigures): Promise<void> {
    const use = this.options.vaults.useOpen(name);
    if (use === undefined) return;
    try {
      const { backend } = use.runtime;
      const space = await backend.space?.();
      figures.space = space;
      if (!space || !backend.giveBack || !this.#isWorth(space, figures)) return;
      figures.running = true;
      const signal = AbortSignal.any([use.signal, this.#stop.signal]);
      const { bytes } = await backend.giveBack({ signal, factor: limits.spaceFactorAfter });
      figures.givenBackBytes += bytes;
      const after = await backend.space!();
      figures.space = after;
      figures.left = { bytes: excessOf(after), atMs: this.options.clock() };
      if (bytes > 0) this.options.onGivenBack(name, bytes, after);
    } finally {
      use.end();
    }
  }

  /**
   * True if the file is worth the writes. What the last attempt has left is no reason, for an hour: it may be
   * read still, or lie in blocks that are larger than pages.
   */
  #isWorth(space: DiskSpace, { left }: SpaceFigures): boolean {
    if (space.unsupported !== undefined) return false;
    const excess = excessOf(space);
    if (excess < limits.spaceExcessBytesMin) return false;
    if (space.allocatedBytes < limits.spaceFactorBefore * space.inUseBytes) return false;
    const sinceMs = left === undefined ? Infinity : this.options.clock() - left.atMs;
    return left === undefined || excess > 1.1 * left.bytes || sinceMs < 0 || sinceMs > limits.spaceRetryMs;
  }
}

function excessOf({ allocatedBytes, inUseBytes }: DiskSpace): number {
  return allocatedBytes - inUseBytes;
}

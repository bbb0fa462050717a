import { setTimeout as wait } from 'node:timers/promises';
import { isStowkenError, limits } from '../model/index.js';
import { countExpired, sweep } from '../vault/index.js';
import type { VaultCatalogue } from './catalogue.js';
import { FiguresByVault } from './figures-by-vault.js';
import type { OpenVaults } from './open-vaults.js';
import type { StoredVault } from './stored-vault.js';
import { isInWindow, type SweepWindow } from './sweep-window.js';

export interface SweeperOptions {
  readonly vaults: Pick<OpenVaults<StoredVault>, 'use' | 'useOpen' | 'states'>;
  readonly catalogue: Pick<VaultCatalogue, 'list'>;
  /** Time between two sweeps of an open vault. */
  readonly intervalMs: number;
  /** Part of the day in which it works; undefined: all of it. */
  readonly window: SweepWindow | undefined;
  readonly clock: () => number;
  /** Waits for this time, or until the signal aborts. */
  readonly rest?: (ms: number, signal: AbortSignal) => Promise<void>;
  readonly onSwept: (vault: string, swept: Swept) => void;
  readonly onError: (vault: string, error: unknown) => void;
}

/** Outcome of a sweep. */
export interface Swept {
  readonly conversations: number;
  readonly segments: number;
  readonly frameBytes: number;
}

/** Sweeps of a vault since the start. */
export interface SweepFigures {
  /** Conversations deleted in all. */
  swept: number;
  /**
   * Those of them that were deleted since half-empty pages were looked for. A start begins with none: only a
   * look at the whole vault could tell what earlier sweeps left half empty.
   */
  sweptSinceJoined: number;
  /** Conversations that had expired and were not deleted when the last sweep ended. */
  left: number;
  /** Time of the last sweep that came to its end, and of the last begin. */
  lastMs: number | undefined;
  beginMs: number | undefined;
  running: boolean;
}

/**
 * Deletes what has expired, vault by vault, at intervals and in a window of the day. It works for a few
 * milliseconds and rests for nine times as long, so that calls have the processor; a vault that is to be
 * closed or deleted waits for no more than that. Vaults that nobody has open are opened for it once a day.
 * After it garbage is collected, and pages are joined that many deletions left half empty.
 */
export class Sweeper {
  readonly #stop = new AbortController();
  readonly figures = new FiguresByVault<SweepFigures>(() => ({
    swept: 0,
    sweptSinceJoined: 0,
    left: 0,
    lastMs: undefined,
    beginMs: undefined,
    running: false,
  }));
  readonly #startMs: number;
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> = Promise.resolve();

  constructor(private readonly options: SweeperOptions) {
    this.#startMs = options.clock();
  }

  /** Looks at intervals until stop() is called. */
  start(): void {
    const pauseMs = Math.min(limits.checkLookMs, this.options.intervalMs);
    this.#timer = setTimeout(() => {
      this.#looking = this.look()
        .catch((error: unknown) => {
          this.options.onError('', error);
        })
        .then(() => {
          if (!this.#stop.signal.aborted) this.start();
        });
    }, pauseMs).unref();
  }

  /** Sweeps each vault where it is due. */
  async look(): Promise<void> {
    for (const name of await this.options.catalogue.list()) {
      if (!this.#mayWork()) return;
      if (!this.#isDue(name)) continue;
      const figures = this.figures.of(name);
      figures.running = true;
      figures.beginMs = this.options.clock();
      try {
        await this.#sweepVault(name, figures);
      } catch (error) {
        if (!this.#stop.signal.aborted && !isPassing(error)) this.options.onError(name, error);
      } finally {
        figures.running = false;
      }
    }
  }

  /** Ends after the batch that is being deleted. */
  async stop(): Promise<void> {
    clearTimeout(this.#timer);
    this.#stop.abort();
    await this.#looking;
  }

  #mayWork(): boolean {
    return !this.#stop.signal.aborted && isInWindow(this.options.window, this.options.clock());
  }

  /** A clock that was set back does not stop the sweeps. */
  #isDue(name: string): boolean {
    const { vaults, intervalMs, clock } = this.options;
    const state = vaults.states().get(name);
    if (state?.failed) return false;
    const last = this.figures.all.get(name)?.beginMs;
    const nowMs = clock();
    if (state) return last === undefined || nowMs - last >= intervalMs || last > nowMs;
    const pauseMs = last === undefined ? intervalMs : Math.max(intervalMs, limits.sweepClosedMs);
    const sinceMs = last ?? this.#startMs;
    return nowMs - sinceMs >= pauseMs || sinceMs > nowMs;
  }

  async #sweepVault(name: string, figures: SweepFigures): Promise<void> {
    const { vaults, clock, onSwept, rest = restFor } = this.options;
    const first = await vaults.use(name);
    const { runtime } = first;
    first.end();
    const { signal } = this.#stop;
    const { backend } = runtime;
    const lease = await backend.tryLease?.('sweep');
    // Another server sweeps it at this moment.
    if (backend.tryLease && !lease) return;
    const task = runtime.tasks?.figures.sweep;
    if (task) task.running += 1;
    try {
      let conversations = 0;
      const batches = sweep(runtime.backend, () => runtime.sweepRules, clock, signal);
      while (this.#mayWork() && lease?.lost.aborted !== true) {
        const startMs = performance.now();
        const batch = await this.#with(name, runtime, () => batches.next());
        // The vault was closed meanwhile: the next sweep goes on.
        if (batch === undefined) return;
        if (batch.done) break;
        conversations += batch.value;
        figures.swept += batch.value;
        figures.sweptSinceJoined += batch.value;
        await rest(limits.checkRestMs + limits.checkRestFactor * (performance.now() - startMs), signal);
      }
      const collected = this.#mayWork()
        ? await this.#with(name, runtime, (ended) => collect(runtime, conversations, ended))
        : undefined;
      if (this.#mayWork()) await this.#with(name, runtime, (ended) => joinPages(runtime, figures, ended));
      const { keepUsageMs } = runtime;
      if (keepUsageMs > 0 && this.#mayWork())
        await this.#with(name, runtime, async (ended) =>
          runtime.backend.dropUsage?.(clock() - keepUsageMs, ended),
        );
      const expiry = { nowMs: clock(), lifetimes: runtime.lifetimes };
      const left = await this.#with(name, runtime, () => countExpired(runtime.backend, expiry, signal));
      if (left === undefined) return;
      figures.left = left.conversations;
      figures.lastMs = clock();
      if (task) task.lastSuccessMs = figures.lastMs;
      if (conversations > 0) onSwept(name, { conversations, ...(collected ?? noGarbage) });
    } catch (error) {
      if (task && !signal.aborted && !isPassing(error)) task.failures += 1;
      throw error;
    } finally {
      if (task) task.running -= 1;
      // One that cannot be released ends by itself.
      await lease?.release().catch(() => undefined);
    }
  }

  /** Runs a piece of work on a vault that is still open as it was; undefined if it is not. */
  async #with<T>(
    name: string,
    runtime: StoredVault,
    work: (signal: AbortSignal) => Promise<T>,
  ): Promise<T | undefined> {
    if (this.#stop.signal.aborted) return undefined;
    const use = this.options.vaults.useOpen(name);
    if (use === undefined) return undefined;
    try {
      return use.runtime === runtime
        ? await work(AbortSignal.any([use.signal, this.#stop.signal]))
        : undefined;
    } finally {
      use.end();
    }
  }
}

const noGarbage = { segments: 0, frameBytes: 0 };

/** Share of the segments' bytes that is garbage, from which it is collected. */
const GARBAGE_SHARE = 0.01;

/** Collects garbage if the sweep has left enough of it: a collection looks at the whole vault. */
async function collect(
  { vault }: StoredVault,
  swept: number,
  signal: AbortSignal,
): Promise<Omit<Swept, 'conversations'>> {
  if (swept === 0) return noGarbage;
  const { segmentBytes, garbageBytes } = await vault.stats();
  if (garbageBytes < GARBAGE_SHARE * segmentBytes) return noGarbage;
  let collected = noGarbage;
  for await (const part of vault.collectGarbage(
    { minAgeMs: 0, dryRun: false, reportPreparation: false },
    signal,
  ))
    if (part.kind === 'summary') collected = { segments: part.segments, frameBytes: part.frameBytes };
  return collected;
}

/** Share of the conversations that sweeps delete before half-empty pages are looked for. */
const DELETED_SHARE = 0.25;
/** Share of the bytes in use that such pages must have to be joined. */
const HALF_EMPTY_SHARE = 0.25;

/**
 * Joins the pages that deletions have left half empty, so that their space goes back to the file system too.
 * LMDB itself joins them when less than a quarter is left. A look for them reads the whole vault.
 */
async function joinPages(
  { backend }: StoredVault,
  figures: SweepFigures,
  signal: AbortSignal,
): Promise<void> {
  if (figures.sweptSinceJoined === 0 || !backend.reclaimableBytes) return;
  const { conversations, inUseBytes } = await backend.stats();
  if (figures.sweptSinceJoined < DELETED_SHARE * (figures.sweptSinceJoined + conversations)) return;
  const bytes = await backend.reclaimableBytes(signal);
  if (bytes >= HALF_EMPTY_SHARE * inUseBytes) await backend.defragment?.(signal);
  // One that failed, or was cut off, is for the next sweep.
  figures.sweptSinceJoined = 0;
}

/** True for an error that a later sweep does not meet. */
function isPassing(error: unknown): boolean {
  return (['OVERLOADED', 'VAULT_NOT_FOUND'] as const).some((reason) => isStowkenError(error, reason));
}

async function restFor(ms: number, signal: AbortSignal): Promise<void> {
  await wait(ms, undefined, { signal, ref: false }).catch(() => undefined);
}

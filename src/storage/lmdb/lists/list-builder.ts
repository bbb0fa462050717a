import { setTimeout } from 'node:timers/promises';
import type { OpenVault } from '../open-vault.js';
import { UNINDEXED_MAX } from '../tables/layout.js';
import { buildSlice, pendingIn, setLabels } from './build.js';

/** Commits between two looks at how far the index is behind. */
const COMMITS_PER_LOOK = 64;
/** Pause between two slices: calls take several turns of the event loop. */
const PAUSE_MS = 1;

/**
 * Enters conversations into the list index in slices, when enough of them are outside it: many at once cost
 * much less than one by one. Writes between the commits of others.
 */
export class ListBuilder {
  #commits = 0;
  #running: Promise<void> | undefined;
  #stopped = false;

  constructor(
    private readonly vault: OpenVault,
    private readonly write: <T>(task: () => T) => Promise<T>,
    private readonly unindexedMax = UNINDEXED_MAX,
  ) {}

  /** To be called after each commit, and when the vault was opened. */
  notice(): void {
    if (this.#running || this.#stopped) return;
    if (this.#commits++ % Math.min(COMMITS_PER_LOOK, this.unindexedMax) > 0) return;
    this.#start();
  }

  async setLabels(labels: readonly string[]): Promise<void> {
    await this.write(() => setLabels(this.vault.tables.meta, labels));
    this.#start();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }

  #start(): void {
    if (this.#running || this.#stopped || !this.#isBehind(this.unindexedMax)) return;
    this.#running = this.#run().finally(() => (this.#running = undefined));
  }

  /**
   * Slices that fail, on a damaged page or a full disk, are left: lists read what the index has not, and the
   * next commits try again.
   */
  async #run(): Promise<void> {
    try {
      while (!this.#stopped && this.#isBehind(0)) {
        await this.write(() => buildSlice(this.vault.tables, this.vault.nameOf));
        await setTimeout(PAUSE_MS);
      }
    } catch {
      this.#commits = 1;
    }
  }

  #isBehind(conversationsMax: number): boolean {
    try {
      const { conversations, entries } = pendingIn(this.vault.tables.meta);
      return entries || conversations > conversationsMax;
    } catch {
      return false;
    }
  }
}

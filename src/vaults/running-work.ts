import type { WorkName } from '../vault/index.js';

/** Work on a whole vault that is under way. */
export interface VaultWork {
  readonly task: WorkName;
  /** Time at which it began, since 1970. */
  readonly startMs: number;
}

/** The work under way on the vaults of a server, in all of its processes. */
export class RunningWork {
  readonly #byVault = new Map<string, Set<VaultWork>>();

  constructor(private readonly clock: () => number) {}

  /** Marks the beginning of work. Returns the function that marks its end. */
  begin(vault: string, task: WorkName): () => void {
    const work: VaultWork = { task, startMs: this.clock() };
    const running = this.#byVault.get(vault) ?? new Set();
    this.#byVault.set(vault, running.add(work));
    return () => {
      running.delete(work);
      if (running.size === 0 && this.#byVault.get(vault) === running) this.#byVault.delete(vault);
    };
  }

  /** Returns the work under way on a vault, in the order in which it began. */
  of(vault: string): readonly VaultWork[] {
    return [...(this.#byVault.get(vault) ?? [])];
  }
}

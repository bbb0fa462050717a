import { Distribution } from '../../model/index.js';

/** Bounds of a commit's duration, in seconds, and of the changes that share it. */
const secondsBounds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] as const;
const changesBounds = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512] as const;

/** Readers that are open, and since when. */
export class OpenReaders {
  /** In the order of their arrival. */
  readonly #since = new Set<{ readonly ms: number }>();

  /** Adds a reader. Returns the function that removes it, which may be called more than once. */
  add(): () => void {
    const reader = { ms: performance.now() };
    this.#since.add(reader);
    return () => void this.#since.delete(reader);
  }

  get count(): number {
    return this.#since.size;
  }

  /** Age of the oldest; 0 without any. */
  get oldestMs(): number {
    for (const { ms } of this.#since) return performance.now() - ms;
    return 0;
  }
}

/**
 * Counts of a storage's work, for those who watch it. It outlives the storage: a vault that is opened again
 * goes on with them, and several vaults may share one.
 */
export class StorageActivity {
  /** Durations of commits, until they are durable, and numbers of changes that each had. */
  readonly commitSeconds = new Distribution(secondsBounds);
  readonly commitChanges = new Distribution(changesBounds);
  /** Commits that failed as a whole. */
  failedCommits = 0;
  /** Changes that wait for their commit. */
  waitingChanges = 0;
  readonly readers = new OpenReaders();
}

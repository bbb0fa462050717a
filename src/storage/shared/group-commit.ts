import { limits, StowkenError } from '../../model/index.js';
import type { Change, ChangeResult } from '../contract/change.js';
import { StorageActivity } from './activity.js';
import { closed } from './refusals.js';

/** Outcome of one change of a group: its result, or the reason of its refusal. */
export type Outcome = { readonly result: ChangeResult } | { readonly refusal: unknown };

interface Waiting {
  readonly change: Change;
  readonly bytes: number;
  readonly resolve: (result: ChangeResult) => void;
  readonly reject: (reason: unknown) => void;
}

/**
 * Commits the next group: the changes that `take` returns, which include those that arrive before it is
 * called. Resolves to one outcome for each, in order. If it rejects, all of them are rejected.
 */
export type CommitGroup = (take: () => readonly Change[]) => Promise<Outcome[]>;

/**
 * Lets changes share commits: those that arrive while a commit is under way wait and form the next group. One
 * group is committed at a time. Tasks that need the store to stand still run between groups.
 */
export class GroupCommit {
  readonly #waiting: Waiting[] = [];
  readonly #tasks: (() => Promise<void>)[] = [];
  #running: Promise<void> | undefined;
  #closed = false;

  constructor(
    private readonly commitGroup: CommitGroup,
    private readonly activity = new StorageActivity(),
  ) {}

  commit(change: Change): Promise<ChangeResult> {
    if (this.#closed) return Promise.reject(closed());
    return new Promise((resolve, reject) => {
      this.#waiting.push({ change, bytes: bytesOf(change), resolve, reject });
      this.activity.waitingChanges += 1;
      this.#start();
    });
  }

  /** Runs a task while no commit is under way; commits wait until it is done. */
  between<T>(task: () => T | Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#tasks.push(async () => {
        try {
          resolve(await task());
        } catch (error) {
          reject(error instanceof Error ? error : new Error(String(error)));
        }
      });
      this.#start();
    });
  }

  /** Refuses further changes and waits for the commits under way. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#running;
  }

  #start(): void {
    // Starts later in this turn: a task may itself commit changes, which must find #running set.
    this.#running ??= Promise.resolve().then(() => this.#run());
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0 || this.#tasks.length > 0) {
      for (const task of this.#tasks.splice(0)) await task();
      if (this.#waiting.length > 0) await this.#commitNext();
    }
    // Cleared in the same turn as the last look at the queue, so that no arrival is overlooked.
    this.#running = undefined;
  }

  async #commitNext(): Promise<void> {
    let group: readonly Waiting[] | undefined;
    const take = () => (group = this.#takeGroup()).map(({ change }) => change);
    const startMs = performance.now();
    try {
      const outcomes = await this.commitGroup(take);
      this.activity.commitSeconds.add((performance.now() - startMs) / 1000);
      this.activity.commitChanges.add(outcomes.length);
      group?.forEach(({ resolve, reject }, index) => {
        const outcome = outcomes[index];
        if (outcome && 'result' in outcome) resolve(outcome.result);
        else reject(outcome?.refusal ?? new StowkenError('INTERNAL', 'a commit lost a change'));
      });
    } catch (error) {
      this.activity.failedCommits += 1;
      // The group may have failed before it took any change.
      for (const { reject } of group ?? this.#takeGroup()) reject(error);
    }
  }

  #takeGroup(): Waiting[] {
    let bytes = 0;
    let count = 0;
    for (const waiting of this.#waiting) {
      bytes += waiting.bytes;
      if (count > 0 && bytes > limits.groupCommitBytesMax) break;
      count += 1;
      if (count === limits.groupCommitChangesMax) break;
    }
    this.activity.waitingChanges -= count;
    return this.#waiting.splice(0, count);
  }
}

/** Approximate cost of a reference besides its holder's name, in bytes: a hash to find, and a count. */
const REFERENCE_BYTES = 256;

function bytesOf({ newSegments = [], addReferences = [], removeReferences = [] }: Change): number {
  const references = [...addReferences, ...removeReferences];
  return (
    newSegments.reduce((sum, { frame }) => sum + frame.length, 0) +
    references.reduce((sum, { holder }) => sum + holder.length + REFERENCE_BYTES, 0)
  );
}

import { isInvariantBroken, present, StowkenError } from '../../../model/index.js';
import type { StorageHealth } from '../../contract/backend.js';
import { type ChangePlan, planChange } from '../../shared/apply-change.js';
import type { Change } from '../../contract/change.js';
import { spaceRefusal } from '../../shared/disk-refusal.js';
import type { Leases } from '../../shared/leases.js';
import { strictly } from '../check/strict.js';
import type { StringCode } from '../tables/ids.js';
import { LmdbChangeOps } from './change-ops.js';
import { CommitError, type Environment } from '../tables/environment.js';
import { isFatal } from '../tables/lmdb-errors.js';
import type { Outcome } from '../../shared/group-commit.js';
import { readState, writeState } from '../tables/meta.js';
import { forgetCaches, type Shared, WriteSession } from './write-session.js';

/** Interval at which a full store checks whether it can write again, in milliseconds. */
const RETRY_MS = 1000;

/** Commits groups of changes, and stops when a commit fails. */
export class Writer {
  #stopped: { readonly cause: string } | undefined;
  #retry: NodeJS.Timeout | undefined;

  constructor(
    private readonly environment: Environment,
    private readonly shared: Shared,
    private readonly leases: Leases,
    private readonly clock: () => number,
    private readonly strict: boolean,
  ) {}

  /**
   * Reports whether writes are accepted. Called at intervals, so that lost files are noticed between commits
   * too.
   */
  health(): StorageHealth {
    const fault = this.#stopped ? undefined : this.environment.files.fault();
    if (fault !== undefined) this.#stopAt(fault);
    return this.#stopped ? { writable: false, cause: this.#stopped.cause } : { writable: true };
  }

  /** @throws StowkenError COMMIT_FAILED, WRITES_STOPPED */
  async commitGroup(take: () => readonly Change[]): Promise<Outcome[]> {
    this.#checkWritable();
    let changes: readonly Change[] = [];
    try {
      return await this.#commit(() => (changes = take()));
    } catch (error) {
      if (isLast(error)) throw await this.#stop(error);
      if (isInvariantBroken(error)) forgetCaches(this.shared);
      if (changes.length === 0) throw error;
      if (changes.length === 1) return [{ refusal: error }];
      // One of the changes found a damaged record, or a fault of this process. Nothing was written: commit
      // each of them alone.
      const outcomes: Outcome[] = [];
      for (const change of changes) outcomes.push(...(await this.commitGroup(() => [change])));
      return outcomes;
    }
  }

  /**
   * Writes something that is not a change: a repair, or rewritten records.
   * @throws StowkenError COMMIT_FAILED, WRITES_STOPPED
   */
  async write<T>(action: () => T): Promise<T> {
    this.#checkWritable();
    try {
      return await this.environment.write(action);
    } catch (error) {
      throw isLast(error) ? await this.#stop(error) : error;
    }
  }

  /**
   * Commits a state without a change. As with any commit, what no snapshot may read any more is removed, and
   * LMDB's pages of states before are free.
   */
  async advance(): Promise<void> {
    await this.rewrite(() => undefined);
  }

  /** Commits a state in which the same is stored in other records, and lets the caches follow it. */
  async rewrite<T>(action: (session: WriteSession) => T): Promise<T> {
    let session: WriteSession | undefined;
    const result = await this.write(() => {
      const current = (session = new WriteSession(this.shared, this.clock()));
      const made = action(current);
      current.flush(Math.min(this.leases.oldest(), current.state.commitSequence - 1));
      return made;
    });
    this.#follow(session);
    return result;
  }

  close(): void {
    clearTimeout(this.#retry);
  }

  #checkWritable(): void {
    if (!this.#stopped) return;
    const { cause } = this.#stopped;
    throw new StowkenError('WRITES_STOPPED', `the store takes no more writes: ${cause}`, { cause });
  }

  /**
   * The group is taken when its transaction is open, which takes a while: changes that arrive meanwhile join
   * it.
   */
  async #commit(take: () => readonly Change[]): Promise<Outcome[]> {
    let session: WriteSession | undefined;
    const apply = (): Outcome[] => {
      const current = (session = new WriteSession(this.shared, this.clock()));
      // Segments and blocks that become unused in this transaction may be in a snapshot taken before it is
      // visible.
      const sequenceMax = Math.min(this.leases.oldest(), current.state.commitSequence - 1);
      const ops = new LmdbChangeOps(current);
      let wrote = false;
      const results = take().map((change): Outcome => {
        let plan: ChangePlan;
        try {
          plan = planChange(ops, change, sequenceMax);
        } catch (refusal) {
          // The other changes of the transaction may have met the same fault.
          if (isInvariantBroken(refusal)) throw refusal;
          return { refusal };
        }
        const applied = plan.apply();
        wrote ||= applied.wrote;
        return { result: applied.result };
      });
      if (wrote) current.flush(sequenceMax);
      return results;
    };
    const stringOf = (code: StringCode) => present(session, 'a session is open').nameOf(code);
    const outcomes = await this.environment.write(() =>
      this.strict ? strictly(this.shared.tables, stringOf, apply) : apply(),
    );
    this.#follow(session);
    return outcomes;
  }

  /**
   * Updates the caches by a commit. It is on the disk, and its changes are answered so, also if this fails:
   * then this process writes no more.
   */
  #follow(session: WriteSession | undefined): void {
    try {
      session?.committed();
    } catch (error) {
      this.#stopAt(
        `a commit could not be followed: ${error instanceof Error ? error.message : String(error)}`,
      );
    }
  }

  async #stop(error: Error): Promise<StowkenError> {
    const { files } = this.environment;
    const full = files.fault() ? undefined : spaceRefusal(error, await this.environment.bytesFree());
    const cause = full ?? error.message;
    this.#stopAt(cause);
    // Pages that did not fit were never made visible: once there is space, the store can continue.
    if (full) this.#scheduleRetry();
    return new StowkenError('COMMIT_FAILED', `the commit failed: ${cause}`, { cause }, { cause: error });
  }

  #stopAt(cause: string): void {
    this.#stopped = { cause };
    forgetCaches(this.shared);
  }

  #scheduleRetry(): void {
    this.#retry = setTimeout(() => void this.#tryAgain(), RETRY_MS);
    this.#retry.unref();
  }

  async #tryAgain(): Promise<void> {
    const { meta } = this.shared.tables;
    try {
      await this.environment.write(() => writeState(meta, readState(meta)));
      this.#stopped = undefined;
    } catch {
      this.#scheduleRetry();
    }
  }
}

/** True if nothing can be written after this error: the commit itself failed, or LMDB gave up. */
function isLast(error: unknown): error is Error {
  return error instanceof CommitError || isFatal(error);
}

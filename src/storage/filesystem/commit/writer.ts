import { isStowkenError, StowkenError } from '../../../model/index.js';
import type { StorageHealth } from '../../contract/backend.js';
import type { Change } from '../../contract/change.js';
import type { Outcome } from '../../shared/group-commit.js';
import { describeFault } from '../disk/disk.js';
import type { JournaledFiles } from '../journal/journaled-files.js';
import type { VaultIndex } from '../vault-index/vault-index.js';
import { applyChange } from './apply-change.js';
import type { CommitContext } from './read-ahead.js';
import { StagedCommit } from './staged-commit.js';

/** Interval at which a full store checks whether it can write again, in milliseconds. */
const RETRY_MS = 1000;

/** Commits groups of changes, and stops when the disk refuses one. */
export class Writer {
  #stopped: string | undefined;
  #retry: NodeJS.Timeout | undefined;

  constructor(
    private readonly files: JournaledFiles,
    private readonly index: VaultIndex,
    private readonly vaultId: string,
    private readonly clock: () => number,
    private readonly around: CommitContext,
  ) {
    files.watch((error) => this.#stop(error));
  }

  health(): StorageHealth {
    return this.#stopped === undefined ? { writable: true } : { writable: false, cause: this.#stopped };
  }

  /** @throws StowkenError COMMIT_FAILED, WRITES_STOPPED */
  async commitGroup(take: () => readonly Change[]): Promise<Outcome[]> {
    const cause = this.#stopped;
    if (cause !== undefined) {
      const message = `the store takes no writes since a commit failed: ${cause}`;
      throw new StowkenError('WRITES_STOPPED', message, { cause });
    }
    // Changes that arrive in this turn of the event loop join the group.
    await new Promise(setImmediate);
    return this.#commit(take());
  }

  close(): void {
    clearTimeout(this.#retry);
  }

  async #commit(changes: readonly Change[]): Promise<Outcome[]> {
    const draft = new StagedCommit(
      this.index,
      this.vaultId,
      this.clock(),
      this.around.assertAllReferencesRead,
    );
    const outcomes: Outcome[] = [];
    for (const change of changes) {
      const outcome = await this.#apply(draft, change);
      // The draft has a part of the change, and is thrown away. The others are committed each of them alone.
      if (draft.isBroken) return changes.length === 1 ? [outcome] : this.#commitEach(changes);
      outcomes.push(outcome);
    }
    if (!draft.changed) return outcomes;
    const files = draft.files();
    try {
      await this.files.commit(files);
    } catch (error) {
      throw this.#commitFailed(error);
    }
    this.#follow(draft);
    return outcomes;
  }

  async #commitEach(changes: readonly Change[]): Promise<Outcome[]> {
    const outcomes: Outcome[] = [];
    for (const change of changes) outcomes.push(...(await this.#commit([change])));
    return outcomes;
  }

  async #apply(draft: StagedCommit, change: Change): Promise<Outcome> {
    try {
      return { result: await applyChange(draft, change, this.around) };
    } catch (error) {
      if (!isStowkenError(error) && !draft.isBroken) throw error;
      return { refusal: error };
    }
  }

  /**
   * Updates the index by a commit. It is on the disk, and its changes are answered so, also if this fails:
   * then this process writes no more.
   */
  #follow(draft: StagedCommit): void {
    try {
      const { added, dropped } = draft.registries;
      for (const bytes of added) this.around.codec.add(bytes);
      draft.publish();
      this.around.codec.remove(dropped);
    } catch (error) {
      this.#stop(error);
    }
  }

  /** Stops writes: one failed, or committed files cannot be put in place. */
  #stop(error: unknown): void {
    this.#stopped = describeFault(error);
    this.#scheduleRetry();
  }

  #commitFailed(error: unknown): StowkenError {
    this.#stop(error);
    const cause = describeFault(error);
    return new StowkenError('COMMIT_FAILED', `the commit failed: ${cause}`, { cause }, { cause: error });
  }

  /** A full disk may get space. Other faults need a person, and a restart. */
  #scheduleRetry(): void {
    if (this.#retry || !/ENOSPC|EDQUOT/.test(this.#stopped ?? '')) return;
    this.#retry = setTimeout(() => void this.#tryAgain(), RETRY_MS);
    this.#retry.unref();
  }

  async #tryAgain(): Promise<void> {
    try {
      await this.files.recover();
      this.#stopped = undefined;
      this.#retry = undefined;
    } catch (error) {
      this.#retry = undefined;
      this.#stop(error);
    }
  }
}

import { limits } from '../model/index.js';
import { StorageActivity } from '../storage/index.js';
import { TaskActivity, taskNames } from '../vault/index.js';
import { CheckCounts, type VaultActivity } from '../vaults/index.js';
import type { Samples } from './samples.js';

/** Label of the vaults that have none of their own; no vault can have this name. */
const otherVaults = '(others)';

/** Activity under one label. */
class Meter implements VaultActivity {
  readonly storage = new StorageActivity();
  readonly tasks = new TaskActivity();
  readonly checks = new CheckCounts();

  constructor(readonly label: string) {}
}

/**
 * Activity of vaults, open or not. The first vaults have a label each, their name, and all others share one,
 * so that the number of series has a limit whatever vaults are created.
 */
export class VaultMeters {
  readonly #meters = new Map<string, Meter>();
  readonly #others = new Meter(otherVaults);
  #hasOthers = false;

  of(vault: string): Meter {
    let meter = this.#meters.get(vault);
    if (meter !== undefined) return meter;
    if (vault === otherVaults || this.#meters.size >= limits.metricsVaultsMax) {
      this.#hasOthers = true;
      return this.#others;
    }
    meter = new Meter(vault);
    this.#meters.set(vault, meter);
    return meter;
  }

  /** Forgets a vault that was deleted: another one may have its place. */
  forget(vault: string): void {
    this.#meters.delete(vault);
  }

  collect(samples: Samples): void {
    const meters = [...this.#meters.values(), ...(this.#hasOthers ? [this.#others] : [])];
    for (const { label: vault, storage, tasks, checks } of meters) {
      collectStorage(samples, vault, storage);
      samples.set('stowken_check_parts_total', { vault }, checks.parts);
      samples.set('stowken_check_records_total', { vault }, checks.records);
      samples.set('stowken_check_bytes_total', { vault }, checks.bytes);
      samples.set('stowken_check_damaged_records_total', { vault }, checks.damaged);
      for (const task of taskNames) {
        const { running, failures, lastSuccessMs } = tasks.figures[task];
        samples.set('stowken_task_running', { vault, task }, running);
        samples.set('stowken_task_failures_total', { vault, task }, failures);
        if (lastSuccessMs !== undefined)
          samples.set('stowken_task_last_success_timestamp_seconds', { vault, task }, lastSuccessMs / 1000);
      }
    }
  }
}

function collectStorage(samples: Samples, vault: string, activity: StorageActivity): void {
  const { commitSeconds, commitChanges, failedCommits, waitingChanges, readers } = activity;
  samples.setHistogram('stowken_commit_duration_seconds', { vault }, commitSeconds);
  samples.setHistogram('stowken_commit_changes', { vault }, commitChanges);
  samples.set('stowken_commit_failures_total', { vault }, failedCommits);
  samples.set('stowken_commit_waiting_changes', { vault }, waitingChanges);
  samples.set('stowken_readers', { vault }, readers.count);
  samples.set('stowken_oldest_reader_age_seconds', { vault }, readers.oldestMs / 1000);
}

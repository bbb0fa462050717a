import { limits } from '../model/index.js';
import { lastingOf, type Measured } from '../metrics/index.js';
import type { Listener } from './announcements.js';

/**
 * The metrics of workers. Counts must never fall: a count that falls looks like a restart, and what it had
 * reached would be counted again. So the counts that a worker returned last stay when it has ended, and stand
 * for it while it does not answer.
 */
export class WorkerMetrics {
  readonly #last = new Map<Listener, readonly Measured[]>();
  #ended: readonly Measured[] = [];

  async collect(workers: readonly Listener[]): Promise<readonly (readonly Measured[])[]> {
    await Promise.all(workers.filter(({ isListening }) => isListening).map((worker) => this.#ask(worker)));
    return [this.#ended, ...this.#last.values()];
  }

  /** To be called when a worker has ended, and its calls have failed. */
  ended(worker: Listener): void {
    const last = this.#last.get(worker);
    this.#last.delete(worker);
    if (last) this.#ended = lastingOf([this.#ended, last]);
  }

  async #ask(worker: Listener): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const tooLate = new Promise<undefined>((resolve) => {
      timer = setTimeout(() => resolve(undefined), limits.workerMetricsMs);
    });
    const answer = worker.channel.call('collectMetrics', undefined).catch(() => undefined);
    const measured = await Promise.race([answer, tooLate]);
    clearTimeout(timer);
    if (measured) this.#last.set(worker, measured);
  }
}

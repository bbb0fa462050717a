import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { limits } from '../model/index.js';
import type { Refusal } from './handlers.js';
import type { WorkerProcess } from './worker-process.js';

export interface WorkerPoolOptions {
  readonly workers: number;
  readonly logger: Logger;
  /** Starts a process. */
  readonly start: () => WorkerProcess;
  /** Cleans up after a process that has ended; the next one is started when this is done. */
  readonly onEnded: (worker: WorkerProcess) => Promise<void>;
  /** Called whenever the pool looks at its workers. */
  readonly onLook: () => void;
}

/** Reason why a worker did not live long. */
type Failure = { readonly how: string } & Partial<Refusal>;

/**
 * Keeps a fixed number of workers alive. Each place has one worker after the other: when one ends, whenever
 * and however often, the next is started, at once or after a delay that grows while none lives long.
 */
export class WorkerPool {
  readonly #workers = new Set<WorkerProcess>();
  readonly #stopping = new AbortController();
  #places: Promise<void>[] = [];
  #looking: NodeJS.Timeout | undefined;

  constructor(private readonly options: WorkerPoolOptions) {}

  /** Workers that have not ended. */
  get workers(): readonly WorkerProcess[] {
    return [...this.#workers];
  }

  /**
   * Resolves when every place has a worker that serves.
   * @throws Error if a worker reports that it cannot serve, or too many in a row end silently
   */
  async start(): Promise<void> {
    this.#looking = setInterval(() => this.#look(), limits.workerLookMs);
    await Promise.all(
      Array.from(
        { length: this.options.workers },
        () =>
          new Promise<void>((resolve, reject) => {
            this.#places.push(this.#keep(resolve, reject));
          }),
      ),
    );
  }

  /**
   * Lets the workers finish the calls under way and starts no more of them. Takes little longer than
   * `graceMs`.
   */
  async drain(graceMs: number): Promise<void> {
    this.#stopping.abort();
    clearInterval(this.#looking);
    await Promise.all([...this.#workers].map((worker) => worker.drain(graceMs)));
    await Promise.all(this.#places);
  }

  /**
   * Keeps one place until the pool is drained. `failed` is called once for a place in which no worker has
   * ever served.
   */
  async #keep(served: () => void, failed: (error: Error) => void): Promise<void> {
    const { signal } = this.#stopping;
    let failures = 0;
    let hasServed = false;
    while (!signal.aborted) {
      const startMs = performance.now();
      const failure = await this.#workOnce(() => {
        if (failures > 1) this.options.logger.info({ failures }, 'a worker serves again');
        hasServed = true;
        served();
      });
      if (signal.aborted) break;
      failures = performance.now() - startMs < limits.workerSteadyMs ? failures + 1 : 1;
      const { how, refusal } = failure;
      if (!hasServed && (refusal !== undefined || failures >= limits.workerStartsMax)) {
        return failed(
          new Error(refusal ? `a worker cannot serve: ${refusal}` : `workers end at once: ${how}`),
        );
      }
      const delayMs = restartDelayMs(failures);
      this.options.logger.error({ ...failure, failures, delayMs }, inWords(failure, failures, delayMs));
      await sleep(delayMs, undefined, { signal }).catch(() => undefined);
    }
    // Notifies a caller that waits for a place that is given up meanwhile.
    failed(new Error('the server was stopped before its workers served'));
  }

  /** Resolves when the worker has ended. */
  async #workOnce(onServing: () => void): Promise<Failure & { readonly pid?: number }> {
    let worker: WorkerProcess;
    try {
      worker = this.options.start();
    } catch (error) {
      return { how: error instanceof Error ? error.message : String(error) };
    }
    this.#workers.add(worker);
    let refusal: Refusal | undefined;
    void worker.started.then((outcome) => {
      refusal = outcome;
      if (outcome === undefined) onServing();
    });
    const how = await worker.ended;
    this.#workers.delete(worker);
    await this.options.onEnded(worker).catch((error: unknown) => {
      this.options.logger.error(
        { err: error, pid: worker.pid },
        'what an ended worker has left could not be removed',
      );
    });
    return { pid: worker.pid, how, ...refusal };
  }

  #look(): void {
    this.options.onLook();
    for (const worker of this.#workers) {
      if (!worker.look()) continue;
      this.options.logger.error({ pid: worker.pid }, 'a worker does not answer: it is killed');
      worker.kill();
    }
  }
}

function inWords({ how, refusal }: Failure, failures: number, delayMs: number): string {
  const why = refusal === undefined ? `a worker ended (${how})` : `a worker cannot serve: ${refusal}`;
  const next = delayMs === 0 ? 'another one is started' : `another one is started in ${delayMs / 1000} s`;
  return failures > 1 ? `${why}, ${failures} of them in a row; ${next}` : `${why}; ${next}`;
}

/** Returns the delay before the next try, after so many tries in a row that did not last. */
function restartDelayMs(failures: number): number {
  if (failures <= 1) return 0;
  return Math.min(limits.workerRestartMs * 2 ** Math.min(failures - 2, 30), limits.workerRestartMsMax);
}

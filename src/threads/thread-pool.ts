import { Piscina } from 'piscina';

type Options = NonNullable<ConstructorParameters<typeof Piscina>[0]>;

/** Options of a task, as Piscina has them. */
interface TaskOptions {
  readonly name?: string;
  readonly transferList?: ArrayBuffer[];
  readonly signal?: AbortSignal;
}

/**
 * Threads of Piscina whose tasks always end. Piscina leaves waiting tasks in its queue if its last thread
 * ends: no other follows one that fails while it starts. They fail here; the next task starts a thread.
 */
export class ThreadPool {
  readonly #pool: Piscina;
  readonly #unfinished = new Set<AbortController>();
  /** Last error of a thread that had no task. */
  #lastError: unknown;

  constructor(options: Options) {
    this.#pool = new Piscina(options);
    // Unheard, the event would end the process.
    this.#pool.on('error', (error: unknown) => (this.#lastError = error));
    // The thread is still among those of the pool when the event comes.
    this.#pool.on('workerDestroy', () => queueMicrotask(() => this.#endStranded()));
  }

  /** Runs a task. @throws Error if no thread is left that could run it */
  async run(task: unknown, { name, transferList, signal }: TaskOptions = {}): Promise<unknown> {
    const stranded = new AbortController();
    this.#unfinished.add(stranded);
    try {
      const signals = signal === undefined ? [stranded.signal] : [stranded.signal, signal];
      return await this.#pool.run(task, {
        ...(name !== undefined && { name }),
        ...(transferList !== undefined && { transferList }),
        signal: signals.length === 1 ? stranded.signal : AbortSignal.any(signals),
      });
    } catch (error) {
      const reason: unknown = stranded.signal.reason;
      // A task that had begun has an error of its own.
      throw isAbort(error) && reason instanceof Error ? reason : error;
    } finally {
      this.#unfinished.delete(stranded);
    }
  }

  /** Ends the threads, and fails what they had to do. */
  close(): Promise<void> {
    return this.#pool.destroy();
  }

  #endStranded(): void {
    if (this.#pool.threads.length > 0) return;
    const cause = this.#lastError;
    this.#lastError = undefined;
    const why = cause instanceof Error ? `: ${cause.message}` : ', without an error';
    const error = new Error(`a worker thread ended before it took its task${why}`, { cause });
    for (const each of this.#unfinished) each.abort(error);
  }
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError';
}

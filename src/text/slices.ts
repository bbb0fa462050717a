import { setImmediate } from 'node:timers/promises';

/** Work that yields its thread after each bounded part of it. */
export type Slices<T> = Generator<void, T, void>;

/** Runs sliced work to its end without giving others a turn. */
export function runThrough<T>(work: Slices<T>): T {
  for (;;) {
    const { done, value } = work.next();
    if (done) return value;
  }
}

/**
 * Runs sliced work to its end; between slices others get a turn of the thread. Work that is no longer wanted
 * is stopped, and the signal's reason thrown.
 */
export async function runInTurns<T>(work: Slices<T>, signal?: AbortSignal): Promise<T> {
  for (;;) {
    const { done, value } = work.next();
    if (done) return value;
    await setImmediate();
    if (!signal?.aborted) continue;
    // return() releases everything that the work holds.
    work.return(undefined as never);
    signal.throwIfAborted();
  }
}

interface Job {
  readonly work: Slices<unknown>;
  readonly isWanted: () => boolean;
  readonly onEnd: (result: unknown) => void;
  readonly onError: (error: unknown) => void;
}

/** Short jobs started per slice of a long one, while there are both. */
const shortPerLong = 4;

/**
 * Shares a thread between jobs, a slice at a time. Short jobs go first, in order; all others, and short ones
 * that turn out to be long, get a slice in turn. So a short job waits for one slice of a long one, however
 * many of these there are.
 */
export class Turns {
  readonly #short: Job[] = [];
  readonly #long: Job[] = [];
  #shortInARow = 0;
  #running = false;

  /** Resolves to the result of the work, or to undefined once it is no longer wanted: then it is stopped. */
  run<T>(work: Slices<T>, isShort: boolean, isWanted: () => boolean): Promise<T | undefined> {
    return new Promise((resolve, reject) => {
      const job = { work, isWanted, onEnd: (result: unknown) => resolve(result as T), onError: reject };
      (isShort ? this.#short : this.#long).push(job);
      if (!this.#running) void this.#loop();
    });
  }

  async #loop(): Promise<void> {
    this.#running = true;
    for (let job = this.#next(); job !== undefined; job = this.#next()) {
      this.#step(job);
      // Receives messages: new jobs and cancellations.
      await setImmediate();
    }
    this.#running = false;
  }

  #next(): Job | undefined {
    const short =
      this.#long.length === 0 || this.#shortInARow < shortPerLong ? this.#short.shift() : undefined;
    this.#shortInARow = short === undefined ? 0 : this.#shortInARow + 1;
    return short ?? this.#long.shift();
  }

  #step(job: Job): void {
    try {
      // return() releases everything that the work holds.
      const { done, value } = job.isWanted() ? job.work.next() : job.work.return(undefined);
      if (done) job.onEnd(value);
      else this.#long.push(job);
    } catch (error) {
      job.onError(error);
    }
  }
}

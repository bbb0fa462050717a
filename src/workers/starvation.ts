import { readFileSync } from 'node:fs';

/**
 * Returns how long a process has been ready to run without a processor, since it was started. A process that
 * is kept from running by others is slow, not stuck. Returns 0 on systems that do not report it.
 */
export function starvedMs(pid: number): number {
  try {
    const [, waitedNs] = readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ');
    return Number(waitedNs) / 1e6;
  } catch {
    return 0;
  }
}

/**
 * Clock from now on for the time that another process has had to answer and this one to receive the answer.
 */
export class FairClock {
  readonly #startMs = performance.now();
  readonly #starvedMs: number;

  constructor(private readonly pid: number) {
    this.#starvedMs = this.#bothStarvedMs();
  }

  /** Time since the clock was made, without the time in which one of them was kept from running. */
  get ms(): number {
    return performance.now() - this.#startMs - (this.#bothStarvedMs() - this.#starvedMs);
  }

  #bothStarvedMs(): number {
    return starvedMs(this.pid) + starvedMs(process.pid);
  }
}

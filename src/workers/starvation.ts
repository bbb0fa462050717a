import { readFileSync } from 'node:fs';

/**
 * Returns how long a process has been ready to run and got no processor, since it was started. A process that others
 * keep from running is slow and not stuck. 0 on systems that do not say.
 */
export function starvedMs(pid: number): number {
  try {
    const [, waitedNs] = readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ');
    return Number(waitedNs) / 1e6;
  } catch {
    return 0;
  }
}

/** Measures, from now on, the time that another process has had for something and this one for hearing of it. */
export class FairClock {
  readonly #startMs = performance.now();
  readonly #starvedMs: number;

  constructor(private readonly pid: number) {
    this.#starvedMs = this.#bothStarvedMs();
  }

  /** Time since the clock was made, without that in which one of them was kept from running. */
  get ms(): number {
    return performance.now() - this.#startMs - (this.#bothStarvedMs() - this.#starvedMs);
  }

  #bothStarvedMs(): number {
    return starvedMs(this.pid) + starvedMs(process.pid);
  }
}

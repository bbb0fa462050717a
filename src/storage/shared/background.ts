import { setTimeout } from 'node:timers/promises';
import { StowkenError } from '../../model/index.js';

/**
 * Work without interruption, in milliseconds, before everyone else gets a pause: a call takes several turns
 * of the event loop.
 */
const WORK_MS = 2;
const PAUSE_MS = 1;

/** Interrupts a long computation at intervals, so that it does not hold up serving. */
export class BackgroundTurns {
  #pauseDueMs = performance.now() + WORK_MS;

  constructor(private readonly signal: AbortSignal | undefined) {}

  /** True if it is time for pause(). */
  get due(): boolean {
    return performance.now() >= this.#pauseDueMs;
  }

  /** @throws StowkenError CANCELLED when the signal has aborted */
  async pause(): Promise<void> {
    await setTimeout(PAUSE_MS);
    if (this.signal?.aborted) throw new StowkenError('CANCELLED', 'the work was cancelled');
    this.#pauseDueMs = performance.now() + WORK_MS;
  }
}

import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Limit of a wait for an event that never happens. The slowest machine needs far less, so it decides no test.
 */
export const HANG_MS = 10 * 60_000;

/** Time between two attempts of a wait: a tenth of what it has waited, within these bounds. */
const intervalMs = { least: 20, most: 250 } as const;

/** Waits until the assertions hold; returns what they return. Attempts of a long wait are fewer. */
export async function eventually<T>(assertions: () => T | Promise<T>): Promise<T> {
  const startMs = performance.now();
  for (;;) {
    try {
      return await assertions();
    } catch (error) {
      const waitedMs = performance.now() - startMs;
      if (waitedMs > HANG_MS) throw error;
      await sleep(Math.min(Math.max(waitedMs / 10, intervalMs.least), intervalMs.most));
    }
  }
}

/**
 * Runs a call with a deadline that gives its server time to begin. Doubles the deadline as long as `attempt`
 * returns false, for a call whose deadline passed before the server had begun with it.
 */
export async function withDeadline(attempt: (deadlineMs: number) => Promise<boolean>): Promise<void> {
  for (let deadlineMs = 100; deadlineMs <= HANG_MS; deadlineMs *= 2) if (await attempt(deadlineMs)) return;
  throw new Error(`no call began within ${HANG_MS} ms`);
}

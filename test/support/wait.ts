import { vi } from 'vitest';

/**
 * Limit of a wait for an event that never happens. The slowest machine needs far less, so it decides no test.
 */
export const HANG_MS = 10 * 60_000;

/** Waits until the assertions hold; returns what they return. */
export function eventually<T>(assertions: () => T | Promise<T>): Promise<T> {
  return vi.waitFor(assertions, { timeout: HANG_MS, interval: 20 });
}

/**
 * Runs a call with a deadline that gives its server time to begin. Doubles the deadline as long as `attempt`
 * returns false, for a call whose deadline passed before the server had begun with it.
 */
export async function withDeadline(attempt: (deadlineMs: number) => Promise<boolean>): Promise<void> {
  for (let deadlineMs = 100; deadlineMs <= HANG_MS; deadlineMs *= 2) if (await attempt(deadlineMs)) return;
  throw new Error(`no call began within ${HANG_MS} ms`);
}

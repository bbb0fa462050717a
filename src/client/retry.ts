import { setTimeout as sleep } from 'node:timers/promises';
import { isUnreachable } from './errors.js';

export interface RetryPolicy {
  /** Limit of tries; 1 means no retry. */
  readonly attemptsMax: number;
  /**
   * Wait before the second try. Each further wait is twice as long, and each is shortened by up to half at
   * random.
   */
  readonly backoffMs: number;
}

export const defaultRetry: RetryPolicy = { attemptsMax: 5, backoffMs: 100 };

/**
 * Waits before another try, and returns true if there is to be one, after this failure of try number
 * `attempt` (from 1). Only UNAVAILABLE is retried.
 */
export async function waitToRetry(
  policy: RetryPolicy,
  attempt: number,
  error: unknown,
  signal: AbortSignal,
): Promise<boolean> {
  if (!isUnreachable(error) || attempt >= policy.attemptsMax || signal.aborted) return false;
  const waitMs = policy.backoffMs * 2 ** (attempt - 1) * (0.5 + Math.random() / 2);
  await sleep(waitMs, undefined, { signal }).catch(() => undefined);
  return !signal.aborted;
}

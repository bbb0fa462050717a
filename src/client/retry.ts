import { setTimeout as sleep } from 'node:timers/promises';
import { isUnreachable } from './errors.js';

export interface RetryPolicy {
  /** Tries in all; 1 never tries again. */
  readonly attemptsMax: number;
  /** Wait before the second try; each further wait is twice as long, and each is cut by up to half at random. */
  readonly backoffMs: number;
}

export const defaultRetry: RetryPolicy = { attemptsMax: 5, backoffMs: 100 };

/** Whether to try again after this failure of try number `attempt` (from 1); waits first. Only UNAVAILABLE is worth it. */
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

import type { RequestMark } from './change.js';

/**
 * True if a request made at `earlierMs` is still remembered when `now` is made. A clock that ran ahead leaves requests whose
 * time is to come: those further ahead than requests are remembered are forgotten like old ones, or they would stay, and
 * whatever came after them too, until the clock has come that far.
 */
export function isRemembered(earlierMs: number, now: Pick<RequestMark, 'timeMs' | 'notBeforeMs'>): boolean {
  const memoryMs = now.timeMs - now.notBeforeMs;
  return Math.abs(now.timeMs - earlierMs) <= memoryMs;
}

import { setPriority } from 'node:os';

/** Enough for threads that serve to go first, and not so much that a busy machine never gets to this one. */
const NICENESS = 5;

/** Lets threads that serve go before this one, where an operating system gives threads priorities of their own. */
export function lowerThreadPriority(): void {
  if (process.platform === 'linux') setPriority(NICENESS);
}

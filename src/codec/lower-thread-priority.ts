import { setPriority } from 'node:os';

/**
 * Added niceness: enough to let serving threads go first, but not so much that this thread never runs on a
 * busy machine.
 */
const NICENESS = 5;

/** Lets serving threads go before this one, if the operating system has priorities of threads. */
export function lowerThreadPriority(): void {
  if (process.platform === 'linux') setPriority(NICENESS);
}

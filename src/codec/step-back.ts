import { constants, setPriority } from 'node:os';

/** Lets threads that serve go before this one, where an operating system gives threads priorities of their own. */
export function stepBack(): void {
  if (process.platform === 'linux') setPriority(constants.priority.PRIORITY_BELOW_NORMAL);
}

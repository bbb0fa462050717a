import { StowkenError } from '../model/index.js';

export { nextTurn as breathe } from '../queue/index.js';

/** Lets other calls have a turn of the event loop, between parts of a long computation. */

export function throwIfAborted(signal: AbortSignal): void {
  if (signal.aborted) throw new StowkenError('CANCELLED', 'the call was cancelled');
}

import { StowkenError } from '../model/index.js';

/** Gives other calls a turn of the event loop, between parts of a long computation. */
export { nextTurn as yieldToEventLoop } from '../queue/index.js';

export function throwIfAborted(signal: AbortSignal): void {
  if (signal.aborted) throw new StowkenError('CANCELLED', 'the call was cancelled');
}

import { setImmediate } from 'node:timers/promises';
import { StowkenError } from '../model/index.js';

/** Lets other calls have a turn of the event loop, between parts of a long computation. */
export function breathe(): Promise<void> {
  return setImmediate();
}

export function throwIfAborted(signal: AbortSignal): void {
  if (signal.aborted) throw new StowkenError('CANCELLED', 'the call was cancelled');
}

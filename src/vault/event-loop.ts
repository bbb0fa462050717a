import { StowkenError } from '../model/index.js';

import type { StoredMessage } from '../storage/index.js';
import { nextTurn as yieldToEventLoop } from '../queue/index.js';

/** Gives other calls a turn of the event loop, between parts of a long computation. */
export { yieldToEventLoop };

export function throwIfAborted(signal: AbortSignal): void {
  if (signal.aborted) throw new StowkenError('CANCELLED', 'the call was cancelled');
}

/** Tokens, and the like, that a call processes before others get a turn. */
const turnTokens = 64 * 1024;
/** Work for a conversation or a batch without its tokens, in tokens. */
const turnCost = 512;
/** Work for a message or a segment in a message list, in tokens. */
const listedCost = 16;

/** Gives others a turn when a call has worked for some milliseconds, and stops it when it is cancelled. */
export class Turns {
  #spent = 0;

  constructor(private readonly signal: AbortSignal) {}

  /** Counts some work: tokens, and messages that were listed. Rejects with CANCELLED. */
  async spend(tokens: number, messages: readonly StoredMessage[] = []): Promise<void> {
    throwIfAborted(this.signal);
    const listed = messages.reduce((sum, { segments }) => sum + 1 + segments.length, 0);
    this.#spent += turnCost + tokens + listedCost * listed;
    if (this.#spent < turnTokens) return;
    this.#spent = 0;
    await yieldToEventLoop();
    throwIfAborted(this.signal);
  }
}

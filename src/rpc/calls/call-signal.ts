import { isStowkenError, StowkenError } from '../../model/index.js';

/** Of a grpc-js call, what tells that its work is no longer wanted. */
export interface EndableCall {
  readonly cancelled: boolean;
  getDeadline(): Date | number;
  on(event: 'cancelled', listener: () => void): unknown;
  off(event: 'cancelled', listener: () => void): unknown;
}

/** The longest time that a Node timer can wait; a deadline further away is left to the client. */
const timerMsMax = 2 ** 31 - 1;
/** How much too early, by the wall clock, the timer of grpc-js can fire. */
const timerSlackMs = 2;

/**
 * A signal that aborts when the client cancels, its connection breaks or the deadline passes. grpc-js
 * reports a deadline as a cancellation, but not while a client does not read: hence the own timer.
 */
export class CallSignal {
  readonly #abort = new AbortController();
  readonly #deadlineMs: number;
  #timer: NodeJS.Timeout | undefined;

  constructor(private readonly call: EndableCall) {
    this.#deadlineMs = Number(call.getDeadline());
    call.on('cancelled', this.#onCancelled);
    if (call.cancelled) this.#onCancelled();
    const waitMs = this.#deadlineMs - Date.now();
    if (waitMs <= 0) this.#onDeadline();
    else if (waitMs <= timerMsMax) this.#timer = setTimeout(this.#onDeadline, waitMs);
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** Why a handler failed: the signal's reason where it only stopped because of the signal. */
  explain(error: unknown): unknown {
    const stopped =
      isStowkenError(error, 'CANCELLED') || (error instanceof Error && error.name === 'AbortError');
    return stopped && this.signal.aborted ? this.signal.reason : error;
  }

  /** To be called when the work has ended. */
  release(): void {
    clearTimeout(this.#timer);
    this.call.off('cancelled', this.#onCancelled);
  }

  readonly #onCancelled = (): void => {
    if (Date.now() >= this.#deadlineMs - timerSlackMs) this.#onDeadline();
    else this.#abort.abort(new StowkenError('CANCELLED', 'the call was cancelled'));
  };

  readonly #onDeadline = (): void => {
    this.#abort.abort(new StowkenError('DEADLINE_EXCEEDED', 'the deadline has passed'));
  };
}

import type { Logger } from 'pino';
import { isStowkenError, StowkenError } from '../../model/index.js';
import type { Admission } from '../admission.js';
import { costOf } from '../costs.js';

/** What all calls work with. */
export interface CallScope {
  readonly logger: Logger;
  readonly admission: Admission;
}

/** What is asked of a grpc-js call before it begins. */
interface BeginningCall {
  getPath(): string;
  getPeer(): string;
}

/**
 * Resolves, when the call's work may begin, to what is to be called at its end. Requests and cancellations that arrive
 * together are read one after the other: a turn of the event loop later it is known which calls nobody waits for any
 * more; what is settled is a turn old. A costly call takes a turn when it is admitted, too: many that wait may be
 * cancelled together.
 * @throws the signal's reason, StowkenError OVERLOADED
 */
export async function begin(
  call: BeginningCall,
  isSettled: boolean,
  signal: AbortSignal,
  { admission }: CallScope,
): Promise<() => void> {
  if (!isSettled) await eventLoopTurn();
  signal.throwIfAborted();
  const path = call.getPath();
  if (costOf[path] === 'ordinary') return nothing;
  const end = await admission.enter({ path, connection: connectionOf(call) }, signal);
  await eventLoopTurn();
  if (!signal.aborted) return end;
  end();
  throw signal.reason;
}

const nothing = (): void => undefined;

function eventLoopTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Names of connections, by their HTTP/2 session. */
const names = new WeakMap<object, string>();
let lastName = 0;

/**
 * The name of the connection that a call came on. Its peer's address would do, but on a Unix socket all have the same:
 * hence the session, which grpc-js keeps to itself. Where it is not found, the address is the name.
 */
export function connectionOf(call: BeginningCall): string {
  const { session } = (call as { call?: { stream?: { session?: object } } }).call?.stream ?? {};
  if (session === undefined) return call.getPeer();
  let name = names.get(session);
  if (name === undefined) names.set(session, (name = `${process.pid}:${++lastName}`));
  return name;
}

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

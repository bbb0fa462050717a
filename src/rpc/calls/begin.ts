import type { Logger } from 'pino';
import type { AuditSink } from '../../audit/index.js';
import { isStowkenError, StowkenError } from '../../model/index.js';
import type { Admission } from '../admission.js';
import type { StandingCallers } from '../access/index.js';
import { costOf } from '../costs.js';

/** Dependencies shared by all calls. */
export interface CallScope {
  readonly logger: Logger;
  readonly admission: Admission;
  readonly audit: AuditSink;
  /** Ends streams whose callers are no longer admitted. */
  readonly callers: StandingCallers;
}

/** The part of a grpc-js call that is used before it begins. */
interface BeginningCall {
  getPath(): string;
  getPeer(): string;
}

/**
 * Resolves when the call's work may begin. Returns the function to be called at its end. Requests and
 * cancellations that arrive together are read one after the other: a turn of the event loop later it is known
 * which calls were cancelled. A request with `settled` is already a turn old. A costly call takes another
 * turn when it is admitted, because many that wait may be cancelled together.
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

/** Ids of connections, by their HTTP/2 session. */
const names = new WeakMap<object, string>();
let lastName = 0;

/**
 * Returns the id of the connection of a call. Its peer's address does not suffice, because on a Unix socket
 * all have the same. So the id is that of the session, which is a private field of grpc-js; if that is not
 * found, the id is the address.
 */
export function connectionOf(call: BeginningCall): string {
  const { session } = (call as { call?: { stream?: { session?: object } } }).call?.stream ?? {};
  if (session === undefined) return call.getPeer();
  let name = names.get(session);
  if (name === undefined) names.set(session, (name = `${process.pid}:${++lastName}`));
  return name;
}

/** The part of a grpc-js call that reports its cancellation. */
export interface EndableCall {
  readonly cancelled: boolean;
  getDeadline(): Date | number;
  on(event: 'cancelled', listener: () => void): unknown;
  off(event: 'cancelled', listener: () => void): unknown;
}

/** Limit of a Node timer; a later deadline is left to the client. */
const timerMsMax = 2 ** 31 - 1;
/** Time by which a timer of grpc-js can fire too early, by the wall clock. */
const timerSlackMs = 2;

/** Ends a call with an error, whatever it waits for. */
export type StopCall = (error: StowkenError) => void;

/**
 * A signal that aborts when the client cancels, its connection breaks or the deadline passes. grpc-js reports
 * a deadline as a cancellation, but not while a client does not read: therefore this has a timer of its own.
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

  /**
   * Returns the reason of a handler's failure: the signal's reason if the handler stopped only because of it.
   */
  explain(error: unknown): unknown {
    const stopped =
      isStowkenError(error, 'CANCELLED') || (error instanceof Error && error.name === 'AbortError');
    return stopped && this.signal.aborted ? this.signal.reason : error;
  }

  /** Ends the call with an error that is not its client's doing. */
  readonly stop: StopCall = (error) => this.#abort.abort(error);

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

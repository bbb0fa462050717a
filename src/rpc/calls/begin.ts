import type { Logger } from 'pino';
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

import type { handleClientStreamingCall, ServerReadableStream } from '@grpc/grpc-js';
import { toCallFailure } from '../errors.js';
import type { KeptMemory } from '../../vault/index.js';
import type { Caller } from '../access/index.js';
import type { Account, IncomingRequest } from '../intake/index.js';
import { begin, type CallScope, CallSignal, type StopCall } from './begin.js';

/** A method with a stream of requests and one response. */
export interface ClientStreamMethod {
  /**
   * Resolves to the encoded response. The client is held back while no request is asked for; one that was
   * sent may wait here, and another in the transport. A request's bytes are charged until the next one is
   * asked for; data kept longer is charged to `memory`. The caller is known with the first request.
   */
  readonly handle: (
    requests: AsyncIterator<Buffer, void>,
    signal: AbortSignal,
    memory: KeptMemory,
    caller: () => Caller,
    stop: StopCall,
  ) => Promise<Buffer>;
}

/** Adapts a method to grpc-js, with bytes both ways; an error of the handler becomes a status. */
export function clientStream(
  method: ClientStreamMethod,
  scope: CallScope,
): handleClientStreamingCall<IncomingRequest, Buffer> {
  return (call, callback) => {
    const ending = new CallSignal(call);
    const held = new HeldRequest((caller) => scope.callers.watch(caller, ending.stop));
    // Created when there is something to log, which is rare.
    const log = () => scope.logger.child({ method: call.getPath() });
    // The method is called with the headers, which are a turn old.
    const stop = (): void => void call.destroy();
    ending.signal.addEventListener('abort', stop, { once: true });
    // The iteration throws the same error; without a listener the process would end.
    call.on('error', () => undefined);
    const answer = async (): Promise<Buffer> => {
      // The method is called with the headers, which are a turn old.
      const end = await begin(call, true, ending.signal, scope);
      try {
        const requests = incoming(call, ending.signal, held);
        const memory: KeptMemory = {
          keep: (bytes) => held.keep(bytes, ending.signal),
          give: (bytes) => held.give(bytes),
        };
        const response = await method.handle(requests, ending.signal, memory, () => held.caller, ending.stop);
        ending.signal.throwIfAborted();
        return response;
      } finally {
        end();
      }
    };
    answer()
      .then(
        (response) => callback(null, response),
        (error: unknown) => callback(toCallFailure(ending.explain(error), log())),
      )
      .finally(() => {
        held.close();
        ending.signal.removeEventListener('abort', stop);
        ending.release();
      })
      .catch((error: unknown) => log().error({ err: error }, 'a response could not be sent'));
  };
}

/**
 * Charges of a handler: for its current request, until it asks for the next one, and for the data it keeps.
 */
class HeldRequest {
  #request: IncomingRequest | undefined;
  #kept: Account | undefined;
  #unwatch: (() => void) | undefined;

  constructor(private readonly watch: (caller: Caller) => () => void) {}

  replace(next: IncomingRequest | undefined): void {
    this.#request?.release();
    this.#request = next;
    if (next !== undefined) this.#unwatch ??= this.watch(next.caller);
  }

  /** To be asked when there was a request. */
  get caller(): Caller {
    return this.#request!.caller;
  }

  /** To be called when there was a request. */
  keep(bytes: number, signal: AbortSignal): Promise<void> {
    const request = this.#request!;
    this.#kept ??= request.openAccount();
    return this.#kept.keep(bytes, request.chargedBytes, signal);
  }

  give(bytes: number): void {
    this.#kept?.give(bytes);
  }

  close(): void {
    this.replace(undefined);
    this.#unwatch?.();
    this.#kept?.close();
  }
}

async function* incoming(
  call: ServerReadableStream<IncomingRequest, Buffer>,
  signal: AbortSignal,
  held: HeldRequest,
): AsyncGenerator<Buffer, void, void> {
  waitWithOne(call);
  try {
    // Unread requests must not end the call: its status is still to be sent.
    for await (const each of call.iterator({ destroyOnReturn: false })) {
      const request = each as IncomingRequest;
      held.replace(request);
      yield request.claim();
    }
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  }
}

/**
 * Limits the messages that wait: Node lets 16 wait in a stream of objects, whatever their size, and grpc-js
 * has no option for it.
 */
function waitWithOne(call: ServerReadableStream<IncomingRequest, Buffer>): void {
  const { _readableState: state } = call as unknown as { _readableState: { highWaterMark: number } };
  state.highWaterMark = 1;
}

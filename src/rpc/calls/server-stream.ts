import type { handleServerStreamingCall, ServerWritableStream } from '@grpc/grpc-js';
import { limits } from '../../model/index.js';
import { toCallFailure } from '../errors.js';
import type { IncomingRequest } from '../intake/index.js';
import { begin, type CallScope, CallSignal } from './begin.js';

/** One request, a stream of responses. */
export interface ServerStreamMethod<Request> {
  /** Throws StowkenError for what is not a valid request. */
  readonly read: (bytes: Buffer, signal: AbortSignal) => Request | Promise<Request>;
  /** Yields encoded responses in batches; asked for the next one when there is room for it, and returned from in any case. */
  readonly handle: (request: Request, signal: AbortSignal) => AsyncGenerator<Iterable<Buffer>, void, void>;
}

/** A method as grpc-js calls it, with bytes both ways; whatever the handler throws becomes a status. */
export function serverStream<Request>(
  method: ServerStreamMethod<Request>,
  scope: CallScope,
): handleServerStreamingCall<IncomingRequest, Buffer> {
  return (call) => {
    const caller = new CallSignal(call);
    // Made when there is something to log: hardly ever.
    const log = () => scope.logger.child({ method: call.getPath() });
    const stream = async (): Promise<void> => {
      const bytes = call.request.claim();
      const end = await begin(call, call.request.settled, caller.signal, scope);
      try {
        const request = await method.read(bytes, caller.signal);
        caller.signal.throwIfAborted();
        const queue = new SendQueue(call, caller.signal);
        // Leaving the loop early returns the generator, which lets go of what it holds.
        for await (const batch of method.handle(request, caller.signal)) {
          for (const response of batch) if (queue.send(response)) await queue.room();
        }
      } finally {
        end();
      }
    };
    stream()
      .then(
        () => call.end(),
        (error: unknown) => call.emit('error', toCallFailure(caller.explain(error), log())),
      )
      .finally(() => {
        call.request.release();
        caller.release();
      })
      .catch((error: unknown) => log().error({ err: error }, 'a stream could not be ended'));
  };
}

/**
 * Sends messages, and waits while too many bytes of them have not left the server. (The stream's own
 * high-water mark counts messages, and would let 16 MiB of large chunks pile up.)
 */
export class SendQueue {
  #bytes = 0;
  #messages = 0;
  #wake: (() => void) | undefined;

  constructor(
    private readonly call: ServerWritableStream<unknown, Buffer>,
    private readonly signal: AbortSignal,
  ) {
    // No write is ever reported as done once a call has been cancelled: the signal ends a wait as well.
    signal.addEventListener('abort', () => this.#wake?.(), { once: true });
  }

  /** Sends; tells whether room() is to be awaited before the next message is made. @throws the signal's reason */
  send(message: Buffer): boolean {
    this.signal.throwIfAborted();
    const { length } = message; // the callback must not keep the message, which the library has copied
    this.#bytes += length;
    this.#messages += 1;
    this.call.write(message, () => {
      this.#bytes -= length;
      this.#messages -= 1;
      if (!this.#full) this.#wake?.();
    });
    return this.#full;
  }

  /** Resolves when the next message may be made; rejects with the signal's reason when it aborts. */
  async room(): Promise<void> {
    if (this.#full) await new Promise<void>((resolve) => (this.#wake = resolve));
    this.signal.throwIfAborted();
  }

  get #full(): boolean {
    return this.#bytes >= limits.sendQueueBytesMax || this.#messages >= limits.sendQueueMessagesMax;
  }
}

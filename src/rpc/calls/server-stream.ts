import type { handleServerStreamingCall, ServerWritableStream } from '@grpc/grpc-js';
import { limits } from '../../model/index.js';
import type { Caller } from '../access/index.js';
import type { IncomingRequest } from '../intake/index.js';
import type { CallScope, StopCall } from './begin.js';
import { answerRequest, type SingleRequest } from './single-request.js';

/** A method with one request and a stream of responses. */
export interface ServerStreamMethod<Request> {
  readonly read: SingleRequest<Request, void>['read'];
  /**
   * Yields encoded responses in batches. It is asked for the next batch when there is room for it, and
   * returned from in any case.
   */
  readonly handle: (
    request: Request,
    signal: AbortSignal,
    caller: Caller,
    stop: StopCall,
  ) => AsyncGenerator<Iterable<Buffer>, void, void>;
}

/** Adapts a method to grpc-js, with bytes both ways; an error of the handler becomes a status. */
export function serverStream<Request>(
  { read, handle }: ServerStreamMethod<Request>,
  scope: CallScope,
): handleServerStreamingCall<IncomingRequest, Buffer> {
  return (call) => {
    answerRequest<Request, void>(call, scope, {
      read,
      isStream: true,
      work: async (request, { signal, stop }, caller) => {
        const queue = new SendQueue(call, signal);
        // Leaving the loop early returns the generator, which releases everything it holds.
        for await (const batch of handle(request, signal, caller, stop)) {
          for (const response of batch) if (queue.send(response)) await queue.room();
        }
      },
      succeed: () => {
        call.end();
      },
      fail: (failure) => {
        call.emit('error', failure);
      },
    });
  };
}

/**
 * Sends messages, and waits while too many bytes of them have not left the server. (The stream's own
 * high-water mark counts messages, so up to 16 MiB of large chunks could accumulate.)
 */
export class SendQueue {
  #bytes = 0;
  #messages = 0;
  #wake: (() => void) | undefined;

  constructor(
    private readonly call: ServerWritableStream<unknown, Buffer>,
    private readonly signal: AbortSignal,
  ) {
    // No write is ever reported as done once a call has been cancelled, so the signal ends a wait as well.
    signal.addEventListener('abort', () => this.#wake?.(), { once: true });
  }

  /**
   * Sends a message. Returns true if room() must be awaited before the next one.
   * @throws the signal's reason
   */
  send(message: Buffer): boolean {
    this.signal.throwIfAborted();
    const { length } = message; // The callback must not keep the message alive, which the library has copied.
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

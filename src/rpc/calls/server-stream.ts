import type { handleServerStreamingCall } from '@grpc/grpc-js';
import { toCallFailure } from '../errors.js';
import type { IncomingRequest } from '../intake/index.js';
import { begin, type CallScope } from './begin.js';
import { CallSignal } from './call-signal.js';
import { SendQueue } from './send-queue.js';

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

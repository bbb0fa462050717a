import type { handleUnaryCall } from '@grpc/grpc-js';
import { toCallFailure } from '../errors.js';
import type { Caller } from '../access/index.js';
import type { IncomingRequest } from '../intake/index.js';
import { auditEnd } from './audit-end.js';
import { begin, type CallScope, CallSignal, connectionOf, type StopCall } from './begin.js';
import { enterLarge, isLarge } from './large-requests.js';

/** A method with one request and one response. */
export interface UnaryMethod<Request> {
  /** @throws StowkenError if it is not a valid request */
  readonly read: (bytes: Buffer, signal: AbortSignal) => Request | Promise<Request>;
  /** Resolves to the encoded response. */
  readonly handle: (request: Request, signal: AbortSignal, caller: Caller, stop: StopCall) => Promise<Buffer>;
}

/** Adapts a method to grpc-js, with bytes both ways; an error of the handler becomes a status. */
export function unary<Request>(
  method: UnaryMethod<Request>,
  scope: CallScope,
): handleUnaryCall<IncomingRequest, Buffer> {
  return (call, callback) => {
    const ending = new CallSignal(call);
    // Created when there is something to log, which is rare.
    const log = () => scope.logger.child({ method: call.getPath() });
    let request: Request | undefined;
    const audit = (error?: unknown): void => {
      const { caller } = call.request;
      auditEnd(scope.audit, { path: call.getPath(), peer: call.getPeer(), caller, request, error });
    };
    const answer = async (): Promise<Buffer> => {
      const bytes = call.request.claim();
      const { caller } = call.request;
      caller.checkAhead(bytes);
      const end = await begin(call, call.request.settled, ending.signal, scope);
      let leave: (() => void) | undefined;
      try {
        if (isLarge(bytes.length)) leave = await enterLarge(bytes.length, connectionOf(call), ending.signal);
        request = await method.read(bytes, ending.signal);
        ending.signal.throwIfAborted();
        return await method.handle(request, ending.signal, caller, ending.stop);
      } finally {
        leave?.();
        end();
      }
    };
    answer()
      .then(
        (response) => {
          audit();
          callback(null, response);
        },
        (thrown: unknown) => {
          const error = ending.explain(thrown);
          audit(error);
          callback(toCallFailure(error, log()));
        },
      )
      .finally(() => {
        call.request.release();
        ending.release();
      })
      .catch((error: unknown) => log().error({ err: error }, 'a response could not be sent'));
  };
}

import type { handleUnaryCall } from '@grpc/grpc-js';
import type { Caller } from '../access/index.js';
import type { IncomingRequest } from '../intake/index.js';
import { type CallScope, connectionOf, type StopCall } from './begin.js';
import { enterLarge, isLarge } from './large-requests.js';
import { answerRequest, type SingleRequest } from './single-request.js';

/** A method with one request and one response. */
export interface UnaryMethod<Request> {
  readonly read: SingleRequest<Request, Buffer>['read'];
  /** Resolves to the encoded response. */
  readonly handle: (request: Request, signal: AbortSignal, caller: Caller, stop: StopCall) => Promise<Buffer>;
}

/** Adapts a method to grpc-js, with bytes both ways; an error of the handler becomes a status. */
export function unary<Request>(
  { read, handle }: UnaryMethod<Request>,
  scope: CallScope,
): handleUnaryCall<IncomingRequest, Buffer> {
  return (call, callback) => {
    answerRequest<Request, Buffer>(call, scope, {
      read,
      enter: (bytes, signal) => (isLarge(bytes) ? enterLarge(bytes, connectionOf(call), signal) : undefined),
      work: (request, { signal, stop }, caller) => handle(request, signal, caller, stop),
      succeed: (response) => {
        callback(null, response);
      },
      fail: (failure) => {
        callback(failure);
      },
    });
  };
}

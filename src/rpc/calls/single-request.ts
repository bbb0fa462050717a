import type { ServerUnaryCall, ServerWritableStream } from '@grpc/grpc-js';
import { toCallFailure } from '../errors.js';
import type { Caller } from '../access/index.js';
import type { IncomingRequest } from '../intake/index.js';
import { auditEnd } from './audit-end.js';
import { begin, type CallScope, CallSignal } from './begin.js';

/** The work of a call with one request, and the two ways in which it ends. */
export interface SingleRequest<Request, Answer> {
  /** @throws StowkenError if it is not a valid request */
  readonly read: (bytes: Buffer, signal: AbortSignal) => Request | Promise<Request>;
  /** Waits for the turn of a request of this many bytes; returns the function that ends it. */
  readonly enter?: (bytes: number, signal: AbortSignal) => Promise<() => void> | undefined;
  /** True if the call ends when its caller is no longer admitted. */
  readonly isStream?: boolean;
  readonly work: (request: Request, ending: CallSignal, caller: Caller) => Promise<Answer>;
  readonly succeed: (answer: Answer) => void;
  readonly fail: (failure: ReturnType<typeof toCallFailure>) => void;
}

/**
 * Carries out a call with one request: claims its bytes, reads it when the call may begin, and releases what
 * it holds at its end, whatever that is. The end is audited before the client learns of it.
 */
export function answerRequest<Request, Answer>(
  call: ServerUnaryCall<IncomingRequest, Buffer> | ServerWritableStream<IncomingRequest, Buffer>,
  scope: CallScope,
  { read, enter, isStream = false, work, succeed, fail }: SingleRequest<Request, Answer>,
): void {
  const ending = new CallSignal(call);
  // Created when there is something to log, which is rare.
  const log = () => scope.logger.child({ method: call.getPath() });
  let request: Request | undefined;
  let unwatch: (() => void) | undefined;
  const audit = (error?: unknown): void => {
    const { caller } = call.request;
    auditEnd(scope.audit, { path: call.getPath(), peer: call.getPeer(), caller, request, error });
  };
  const answer = async (): Promise<Answer> => {
    const bytes = call.request.claim();
    const { caller } = call.request;
    caller.checkAhead(bytes);
    if (isStream) unwatch = scope.callers.watch(caller, ending.stop);
    const end = await begin(call, call.request.settled, ending.signal, scope);
    let leave: (() => void) | undefined;
    try {
      leave = await enter?.(bytes.length, ending.signal);
      request = await read(bytes, ending.signal);
      ending.signal.throwIfAborted();
      return await work(request, ending, caller);
    } finally {
      leave?.();
      end();
    }
  };
  answer()
    .then(
      (answered) => {
        audit();
        succeed(answered);
      },
      (thrown: unknown) => {
        const error = ending.explain(thrown);
        audit(error);
        fail(toCallFailure(error, log()));
      },
    )
    .finally(() => {
      unwatch?.();
      call.request.release();
      ending.release();
    })
    .catch((error: unknown) => log().error({ err: error }, 'a call could not be ended'));
}

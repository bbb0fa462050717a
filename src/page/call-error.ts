import { isStowkenError } from '../model/index.js';
import { messageType } from '../rpc/index.js';

/** Failure of a call, as gRPC reports it. */
export class CallError extends Error {
  constructor(
    /** Code of gRPC. */
    readonly code: number,
    message: string,
    /** Reason of docs/errors.md; empty if there is none. */
    readonly reason = '',
    readonly metadata: Readonly<Record<string, string>> = {},
  ) {
    super(message);
  }
}

/** Codes of gRPC that the page's port gives by itself. */
export const codes = {
  cancelled: 1,
  unknown: 2,
  invalidArgument: 3,
  permissionDenied: 7,
  tooLarge: 8,
  unimplemented: 12,
  unavailable: 14,
} as const;

/** HTTP's status for each code of gRPC. */
const httpStatus: readonly number[] = [
  200, 499, 500, 400, 504, 404, 409, 403, 429, 400, 409, 400, 501, 500, 503, 500, 401,
];

export const httpStatusOf = ({ code }: CallError): number => httpStatus[code] ?? 500;

export function toCallError(error: unknown): CallError {
  if (error instanceof CallError) return error;
  if (!isStowkenError(error)) return new CallError(codes.unavailable, 'the call was ended: try again');
  return new CallError(codes.invalidArgument, error.message, error.reason, { ...error.metadata });
}

/** Returns the failure that the trailers of a call report; undefined if it succeeded. */
export function failureOf(trailers: Readonly<Record<string, unknown>>): CallError | undefined {
  const code = Number(trailers['grpc-status'] ?? codes.unknown);
  if (code === 0) return undefined;
  const message = decoded(trailers['grpc-message']);
  const { reason, metadata } = infoOf(trailers['grpc-status-details-bin']);
  return new CallError(code, message, reason, metadata);
}

function decoded(message: unknown): string {
  return typeof message === 'string' ? decodeURIComponent(message) : '';
}

interface ErrorInfo {
  readonly reason?: string;
  readonly metadata?: Readonly<Record<string, string>>;
}

/** Returns the ErrorInfo in the details of a status, which this server always sends. */
function infoOf(details: unknown): ErrorInfo {
  if (typeof details !== 'string') return {};
  const status = messageType('google.rpc.Status').decode(Buffer.from(details, 'base64'));
  const [first] = (status as unknown as { details: { value: Buffer }[] }).details;
  return first === undefined ? {} : (messageType('google.rpc.ErrorInfo').decode(first.value) as ErrorInfo);
}

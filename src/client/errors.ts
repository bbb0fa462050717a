import { Metadata, status, type ServiceError } from '@grpc/grpc-js';
import { reasons, type Reason } from '../model/index.js';
import { decodeRpc } from './contract.js';
import type { ErrorInfo, ItemStatus } from './generated/responses.js';

/** A failed call: a gRPC code, and, if the server gave one, its reason and facts. Never parse the message. */
export class ClientError extends Error {
  override readonly name = 'ClientError';

  constructor(
    readonly code: status,
    message: string,
    /** Undefined if the failure is not from a stowken server: no connection, a proxy, a foreign server. */
    readonly reason: Reason | undefined,
    /** Facts by name, the same as in the server's StowkenError. */
    readonly metadata: Readonly<Record<string, string>> = {},
    options?: ErrorOptions,
  ) {
    super(message, options);
  }

  /** Name of the code, such as "NOT_FOUND". */
  get codeName(): string {
    return status[this.code];
  }
}

export function isClientError(error: unknown, reason?: Reason): error is ClientError {
  return error instanceof ClientError && (reason === undefined || error.reason === reason);
}

/** True if no server answered. */
export function isUnreachable(error: unknown): error is ClientError {
  return isClientError(error) && error.code === status.UNAVAILABLE;
}

const errorInfoType = 'type.googleapis.com/google.rpc.ErrorInfo';

/** grpc-js ends its messages about a connection with a note, even if that is empty. */
const emptyNote = / Resolution note: $/;

/** Converts an error of grpc-js to a ClientError; returns any other error unchanged. */
export function toClientError(error: unknown): Error {
  if (!isServiceError(error)) return error instanceof Error ? error : new Error(String(error));
  const info = errorInfo(error.metadata);
  const reason = reasons.find((known) => known === info?.reason) ?? ownReason(error.code);
  const message = (error.details || error.message).replace(emptyNote, '');
  return new ClientError(error.code, message, reason, info?.metadata, { cause: error });
}

/** Returns the error of an item of a batch; undefined if it did not fail. */
export function itemError(item: ItemStatus | null): ClientError | undefined {
  const code: status = item?.code ?? status.OK;
  if (item === null || code === status.OK) return undefined;
  const reason = reasons.find((known) => known === item.reason);
  return new ClientError(code, item.message, reason, item.metadata);
}

function isServiceError(error: unknown): error is ServiceError {
  return (
    error instanceof Error && 'code' in error && 'metadata' in error && error.metadata instanceof Metadata
  );
}

/** Cancellation and deadlines mostly occur on this side, where no server adds details. */
function ownReason(code: status): Reason | undefined {
  if (code === status.CANCELLED) return 'CANCELLED';
  return code === status.DEADLINE_EXCEEDED ? 'DEADLINE_EXCEEDED' : undefined;
}

function errorInfo(metadata: Metadata): ErrorInfo | undefined {
  const [bytes] = metadata.get('grpc-status-details-bin');
  if (!Buffer.isBuffer(bytes)) return undefined;
  try {
    const { details } = decodeRpc('Status', bytes);
    const detail = details.find((any) => any.type_url === errorInfoType);
    const info = detail && decodeRpc('ErrorInfo', detail.value);
    return info?.domain === 'stowken.dev' ? info : undefined;
  } catch {
    return undefined; // Malformed details are ignored; the code is still valid.
  }
}

/** Returns the error of an argument that is not as it should be, found before anything was sent. */
export function invalid(field: string, message: string): ClientError {
  return new ClientError(status.INVALID_ARGUMENT, `${field}: ${message}`, 'INVALID_FIELD', { field });
}

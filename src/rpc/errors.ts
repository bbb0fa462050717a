import { randomUUID } from 'node:crypto';
import { Metadata, type ServiceError, status } from '@grpc/grpc-js';
import type { Logger } from 'pino';
import { isStowkenError, type Reason, StowkenError } from '../model/index.js';
import { ResponseEncoder } from './wire/response-encoder.js';

const errorDomain = 'stowken.dev';
/**
 * Limit of a message's bytes. Clients refuse trailers beyond 8 KiB in all, and a status message may grow
 * threefold by escaping.
 */
const messageBytesMax = 768;
const factBytesMax = 1024;

const statusCodec = new ResponseEncoder('google.rpc.Status');
const errorInfoCodec = new ResponseEncoder('google.rpc.ErrorInfo');

/** Reasons that mean that the store cannot write. */
const storeFaults: ReadonlySet<Reason> = new Set(['COMMIT_FAILED', 'WRITES_STOPPED']);

/** Client's faults that the gRPC specification calls INTERNAL; they are reported unlike the server's own. */
const publicInternals: ReadonlySet<Reason> = new Set(['MALFORMED_CALL']);

/** An error in the form that grpc-js sends: code and message, and a google.rpc.Status with one ErrorInfo. */
export type CallFailure = Pick<ServiceError, 'name' | 'message' | 'code' | 'details' | 'metadata'>;

/**
 * Converts an error of a call into the part that its client may know. An error that no client can act upon is
 * logged, and becomes INTERNAL with only the id of the log entry. Never throws.
 */
export function toCallFailure(error: unknown, logger: Logger): CallFailure {
  const known = isStowkenError(error) && mayBeTold(error.reason) ? error : hide(error, logger);
  const code = codeOf[known.reason];
  if (code === status.DATA_LOSS || storeFaults.has(known.reason)) {
    logger.error({ err: known }, 'call failed');
  } else {
    // A server that is busy or going away deserves a warning; a caller's mistake does not.
    const level = code === status.UNAVAILABLE ? 'warn' : 'debug';
    logger[level]({ reason: known.reason, metadata: known.metadata }, 'call refused');
  }
  const details = cutUtf8(known.message, messageBytesMax);
  const metadata = new Metadata();
  metadata.set('grpc-status-details-bin', encodeStatus(code, details, known));
  return { name: known.name, message: details, code, details, metadata };
}

/** True if a client may get this reason; others become INTERNAL. */
export function mayBeTold(reason: Reason): boolean {
  return codeOf[reason] !== status.INTERNAL || publicInternals.has(reason);
}

function hide(error: unknown, logger: Logger): StowkenError {
  const errorId = randomUUID();
  logger.error({ err: error, error_id: errorId }, 'call failed unexpectedly');
  return new StowkenError('INTERNAL', `internal error ${errorId}`, { error_id: errorId });
}

function encodeStatus(code: status, message: string, error: StowkenError): Buffer {
  const facts = Object.entries(error.metadata).map(([name, fact]) => [name, cutUtf8(fact, factBytesMax)]);
  const info = errorInfoCodec.encode({
    reason: error.reason,
    domain: errorDomain,
    metadata: Object.fromEntries(facts) as Record<string, string>,
  });
  return statusCodec.encode({
    code,
    message,
    details: [{ type_url: 'type.googleapis.com/google.rpc.ErrorInfo', value: info }],
  });
}

/**
 * Cuts a text to so many bytes of UTF-8, at a character's border. Lone surrogates, which no status can carry,
 * are replaced.
 */
function cutUtf8(text: string, bytesMax: number): string {
  // `stream` holds back the bytes of a character that the cut has split.
  return new TextDecoder().decode(Buffer.from(text).subarray(0, bytesMax), { stream: true });
}

/** Maps a reason to its gRPC code: the only place that does. */
export const codeOf = {
  MALFORMED_CALL: status.INTERNAL,
  UNKNOWN_ENCODING: status.UNIMPLEMENTED,
  MALFORMED_REQUEST: status.INVALID_ARGUMENT,
  INVALID_FIELD: status.INVALID_ARGUMENT,
  MALFORMED_TOKENS: status.INVALID_ARGUMENT,
  REQUEST_TOO_LARGE: status.RESOURCE_EXHAUSTED,
  INVALID_PAGE_TOKEN: status.INVALID_ARGUMENT,
  UNKNOWN_TOKENIZER: status.INVALID_ARGUMENT,
  UNSUPPORTED_BY_STORAGE: status.UNIMPLEMENTED,
  UNAUTHENTICATED: status.UNAUTHENTICATED,
  PERMISSION_DENIED: status.PERMISSION_DENIED,
  IDENTITY_UNAVAILABLE: status.UNAVAILABLE,
  VAULT_NOT_FOUND: status.NOT_FOUND,
  CONVERSATION_NOT_FOUND: status.NOT_FOUND,
  SEGMENT_NOT_FOUND: status.NOT_FOUND,
  CONVERSATION_EXISTS: status.ALREADY_EXISTS,
  REVISION_MISMATCH: status.ABORTED,
  REQUEST_ID_REUSED: status.ALREADY_EXISTS,
  SEGMENT_MISSING: status.INTERNAL,
  PREFIX_OUTDATED: status.INTERNAL,
  VAULT_EXISTS: status.ALREADY_EXISTS,
  COMPACTION_RUNNING: status.ABORTED,
  REGISTRY_CONFLICT: status.INTERNAL,
  SEGMENT_REFERENCED: status.FAILED_PRECONDITION,
  UNDECODABLE_TOKEN: status.FAILED_PRECONDITION,
  TOKENIZER_CHANGED: status.FAILED_PRECONDITION,
  NO_CHAT_TEMPLATE: status.FAILED_PRECONDITION,
  RENDER_FAILED: status.FAILED_PRECONDITION,
  CORRUPT_SEGMENT: status.DATA_LOSS,
  CORRUPT_STORE: status.DATA_LOSS,
  AUDIT_LOG_OFF: status.FAILED_PRECONDITION,
  RANGE_PAST_END: status.OUT_OF_RANGE,
  INDEX_BUILDING: status.UNAVAILABLE,
  PREFIX_INDEX_OFF: status.FAILED_PRECONDITION,
  FOLDER_NOT_EMPTY: status.FAILED_PRECONDITION,
  VAULT_NOT_EMPTY: status.FAILED_PRECONDITION,
  STORE_LOCKED: status.UNAVAILABLE,
  STORE_VERSION: status.FAILED_PRECONDITION,
  READ_ONLY: status.FAILED_PRECONDITION,
  VAULT_FULL: status.RESOURCE_EXHAUSTED,
  DISK_FULL: status.RESOURCE_EXHAUSTED,
  WRITES_STOPPED: status.UNAVAILABLE,
  COMMIT_FAILED: status.UNAVAILABLE,
  INVARIANT_BROKEN: status.INTERNAL,
  BACKUP_FAILED: status.RESOURCE_EXHAUSTED,
  DEADLINE_EXCEEDED: status.DEADLINE_EXCEEDED,
  CANCELLED: status.CANCELLED,
  SHUTTING_DOWN: status.UNAVAILABLE,
  STORAGE_UNAVAILABLE: status.UNAVAILABLE,
  OVERLOADED: status.UNAVAILABLE,
  CALLER_LIMIT: status.RESOURCE_EXHAUSTED,
  INTERNAL: status.INTERNAL,
} as const satisfies Record<Reason, status>;

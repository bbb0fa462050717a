/**
 * Why a call failed: a closed list, grouped by the phase in which each occurs. The gRPC edge maps a
 * reason to a status code in one place, and sends it as google.rpc.ErrorInfo.reason.
 */
export const reasons = [
  // Reading the request: nothing has been done yet.
  'MALFORMED_CALL', // headers, or framing of messages, that are not gRPC's; metadata: field, value (of a header)
  'UNKNOWN_ENCODING', // compressed in a way that the server does not know; metadata: encoding, known
  'MALFORMED_REQUEST', // bytes that are not the message they should be
  'INVALID_FIELD', // a field's value is outside its limits; metadata: field, limit
  'MALFORMED_TOKENS', // tokens that are not u32 varints or little-endian words; metadata: field
  'REQUEST_TOO_LARGE', // metadata: size, limit
  'INVALID_PAGE_TOKEN', // foreign, altered or for another filter
  'UNKNOWN_TOKENIZER', // text with a tokenizer that the server does not have; metadata: tokenizer, known
  'UNSUPPORTED_BY_STORAGE', // the vault's storage has no such thing; metadata: operation, storage, storages (that have it)
  // Finding what the request names.
  'VAULT_NOT_FOUND',
  'CONVERSATION_NOT_FOUND',
  'SEGMENT_NOT_FOUND',
  // Checking what a commit expects: nothing has been written.
  'CONVERSATION_EXISTS', // other content under this id; metadata: id, revision
  'REVISION_MISMATCH', // metadata: id, revision (the current one, 0 when there is none)
  'REQUEST_ID_REUSED', // a request with this id was made within the last day, and it was another one
  'SEGMENT_MISSING', // a change names a segment that is neither stored nor part of it; inside the server only
  'PREFIX_OUTDATED', // a change's fingerprints are of tokens after others; inside the server only
  'COMPACTION_RUNNING', // one at a time; metadata: segments_done, segments, bytes_before, bytes_after
  'REGISTRY_CONFLICT', // a registry's id is not the next free one; inside the server only
  'SEGMENT_REFERENCED', // only garbage can be deleted
  // Reading what is stored.
  'UNDECODABLE_TOKEN', // text asked for, but the tokenizer has no such token; metadata: tokenizer, token
  'CORRUPT_SEGMENT', // a frame that does not decode, or not to its hash
  'CORRUPT_STORE', // a record that does not decode, or an invariant that does not hold
  'RANGE_PAST_END',
  'PREFIX_INDEX_OFF', // the server was started without it
  // Opening and writing the store.
  'FOLDER_NOT_EMPTY', // a new vault's folder holds other files, or is a file; metadata: folder
  'STORE_LOCKED', // another server has it
  'STORE_VERSION', // written by a newer version
  'WRITES_STOPPED', // a commit failed before: reads go on, writes do not; metadata: cause
  'COMMIT_FAILED', // this commit failed (full disk, I/O error) and left nothing; metadata: cause
  'BACKUP_FAILED', // the copy that is to be streamed could not be made; metadata: cause (full disk, I/O error), size and limit where space lacks
  // At any moment.
  'DEADLINE_EXCEEDED',
  'CANCELLED',
  'SHUTTING_DOWN',
  'OVERLOADED',
  'INTERNAL', // anything else; metadata: error_id, which the log has too
] as const;

export type Reason = (typeof reasons)[number];

/** The one error class: what failed, as a reason for programs and a sentence for people. */
export class StowkenError extends Error {
  override readonly name = 'StowkenError';

  constructor(
    readonly reason: Reason,
    message: string,
    /** Facts by name, for programs: the field, the limit, the size, the id. */
    readonly metadata: Readonly<Record<string, string>> = {},
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

export function isStowkenError(error: unknown, reason?: Reason): error is StowkenError {
  return error instanceof StowkenError && (reason === undefined || error.reason === reason);
}

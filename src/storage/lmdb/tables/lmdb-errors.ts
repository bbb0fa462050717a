import { isInvariantBroken, isStowkenError, StowkenError } from '../../../model/index.js';

/**
 * Messages of LMDB for pages that cannot be those that it wrote. All its other errors (a full map, too many
 * readers, refusals of the system) are not damage.
 */
const DAMAGE =
  /^MDB_(CORRUPTED|VERSION_MISMATCH|PAGE_NOTFOUND|BAD_TXN|PANIC|INVALID|PROBLEM|CURSOR_FULL|PAGE_FULL|INCOMPATIBLE)\b/;

/** Message of lmdb-js for a key that is longer than any it wrote. */
const DAMAGED_KEY = /^Invalid key size\b/;

/** Errors after which LMDB's own state may not be trusted: this process can write nothing more. */
const FATAL = /^MDB_(PANIC|PROBLEM|MAP_FULL|MAP_RESIZED)\b/;

/**
 * Converts an error of LMDB's to the error that callers get: CORRUPT_STORE if pages are damaged, otherwise
 * the same.
 */
export function fromLmdb(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  // A length or an offset on a damaged page, which Node then refuses.
  const isDamage =
    DAMAGE.test(error.message) || DAMAGED_KEY.test(error.message) || error instanceof RangeError;
  if (!isDamage) return error;
  return new StowkenError(
    'CORRUPT_STORE',
    `the data file is damaged: ${error.message}; stop the server, and copy what is left with stowken salvage`,
    {},
    { cause: error },
  );
}

/** True if LMDB can write no more after this error. */
export function isFatal(error: unknown): boolean {
  const { cause } = error instanceof Error ? error : {};
  return [error, cause].some((each) => each instanceof Error && FATAL.test(each.message));
}

/** Runs `call`, and converts an error of LMDB's. */
export function guarded<T>(call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw fromLmdb(error);
  }
}

/** True for records that are damaged, or missing; not for a fault of this process. */
export function isDamage(error: unknown): error is StowkenError {
  return isStowkenError(error) && !isInvariantBroken(error);
}

/** Returns the result of reading a record; undefined if it is damaged. */
export function undefinedIfCorrupt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (isDamage(error)) return undefined;
    throw error;
  }
}

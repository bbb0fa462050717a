import { isStowkenError, StowkenError } from '../../../model/index.js';

/**
 * What LMDB says when the pages that it read cannot be what it wrote. Whatever else it says (a full map, too many
 * readers, what the system refuses) is no damage.
 */
const DAMAGE =
  /^MDB_(CORRUPTED|VERSION_MISMATCH|PAGE_NOTFOUND|BAD_TXN|PANIC|INVALID|PROBLEM|CURSOR_FULL|PAGE_FULL|INCOMPATIBLE)\b/;

/** After these LMDB's own state is not to be trusted: nothing more can be written by this process. */
const FATAL = /^MDB_(PANIC|PROBLEM|MAP_FULL|MAP_RESIZED)\b/;

/** Returns the error that callers get for one of LMDB's: CORRUPT_STORE where pages are damaged, else the same. */
export function fromLmdb(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  // A length or an offset on a damaged page, which Node then refuses.
  if (!DAMAGE.test(error.message) && !(error instanceof RangeError)) return error;
  return new StowkenError(
    'CORRUPT_STORE',
    `the data file is damaged: ${error.message}; stop the server, and copy what is left with stowken salvage`,
    {},
    { cause: error },
  );
}

/** Whether LMDB can write no more after this error. */
export function isFatal(error: unknown): boolean {
  const { cause } = error instanceof Error ? error : {};
  return [error, cause].some((each) => each instanceof Error && FATAL.test(each.message));
}

/** Runs `call`; an error of LMDB's becomes what callers get. */
export function guarded<T>(call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw fromLmdb(error);
  }
}

/** What reading a record gives; undefined where it is damaged. */
export function undefinedIfCorrupt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (isStowkenError(error)) return undefined;
    throw error;
  }
}

import { isStowkenError } from '../../../model/index.js';

/** Notes a broken invariant. */
export type Add = (invariant: string, subject: string, detail: string) => void;

/** Returns the result of `read`; undefined, with a finding, if the record is damaged. */
export function guarded<T>(add: Add, subject: string, read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (!isStowkenError(error)) throw error;
    add('records', subject, error.message);
    return undefined;
  }
}

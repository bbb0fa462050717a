import { isStowkenError } from '../../../model/index.js';
import type { Invariant } from '../../contract/invariants.js';

/** Notes a broken invariant. */
export type Add = (invariant: Invariant, subject: string, detail: string) => void;

/** Returns the result of `read`; undefined, with a finding, if the record is damaged. */
export function guarded<T>(add: Add, subject: string, read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (!isStowkenError(error)) throw error;
    add('record', subject, error.message);
    return undefined;
  }
}

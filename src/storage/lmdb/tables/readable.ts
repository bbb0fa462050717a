import { isStowkenError } from '../../../model/index.js';

/** What reading a record gives; undefined where it is damaged. */
export function readable<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (isStowkenError(error)) return undefined;
    throw error;
  }
}

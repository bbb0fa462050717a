import { isStowkenError } from '../model/index.js';

/** What reading a frame gives; undefined where the frame is damaged. */
export function unlessDamaged<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (isStowkenError(error, 'CORRUPT_SEGMENT')) return undefined;
    throw error;
  }
}

import { readOnly } from '../model/index.js';
import type { ChangeCheck } from './change-check.js';

/** Refuses every change, for a server that only reads. */
export const refuseChanges: ChangeCheck = {
  check: () => Promise.reject(readOnly()),
};

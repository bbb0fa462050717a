import { isStowkenError } from '../../../model/index.js';

/** Says that something is not as it must be. */
export type Report = (invariant: string, subject: string, detail: string) => void;

/** Reports a record that does not decode, and goes on. */
export function guarded(report: Report, invariant: string, subject: string, look: () => void): void {
  try {
    look();
  } catch (error) {
    if (!isStowkenError(error)) throw error;
    report(invariant, subject, error.message);
  }
}

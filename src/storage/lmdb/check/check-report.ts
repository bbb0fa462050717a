import { isStowkenError } from '../../../model/index.js';
import type { Entry, Table } from '../tables/table.js';

/** Says that something is not as it must be. */
export type Report = (invariant: string, subject: string, detail: string) => void;

/** The intact records of a table; reports those that do not have their checksums. */
export function* intact<K extends number | Buffer>(
  table: Table<K>,
  report: Report,
  invariant: string,
  subjectOf: (key: K) => string,
): Generator<Entry<K>, void, void> {
  for (const found of table.scan()) {
    if (found.damage) report(invariant, subjectOf(found.key), found.damage.message);
    else yield found;
  }
}

/** Reports a record that does not decode, and goes on. */
export function guarded(report: Report, invariant: string, subject: string, look: () => void): void {
  try {
    look();
  } catch (error) {
    if (!isStowkenError(error)) throw error;
    report(invariant, subject, error.message);
  }
}

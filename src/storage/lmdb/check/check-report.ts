import { isDamage } from '../tables/lmdb-errors.js';
import type { Entry, Table } from '../tables/table.js';
import type { Invariant } from '../../contract/invariants.js';

/** Reports a broken invariant. */
export type Report = (invariant: Invariant, subject: string, detail: string) => void;

/** Yields the intact records of a table; reports those with a wrong checksum. */
export function* intact<K extends number | Buffer>(
  table: Table<K>,
  report: Report,
  invariant: Invariant,
  subjectOf: (key: K) => string,
): Generator<Entry<K>, void, void> {
  for (const found of table.scan()) {
    if (found.damage) report(invariant, subjectOf(found.key), found.damage.message);
    else yield found;
  }
}

/** Runs a look at a record; reports the record if it does not decode. */
export function guarded(report: Report, invariant: Invariant, subject: string, look: () => void): void {
  try {
    look();
  } catch (error) {
    if (!isDamage(error)) throw error;
    report(invariant, subject, error.message);
  }
}

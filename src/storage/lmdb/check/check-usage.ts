import { decodeGroup, decodeUsage } from '../lists/usage.js';
import { add, countedIn, emptyLedger, imbalances, readLedger } from '../lists/usage-ledger.js';
import type { Tables } from '../tables/environment.js';
import type { State } from '../tables/meta.js';
import { guarded, intact, type Report } from './check-report.js';

const INVARIANT = 'usage';

/**
 * Checks that counters decode, have a group, do not count more of a part than of the whole, and that all of
 * them together count what is stored and what is gone.
 */
export function* checkUsage(tables: Tables, state: State, report: Report): Generator<number, void, void> {
  const groups = new Set<number>();
  for (const { key, value } of intact(tables.usageGroups, report, INVARIANT, (group) => `group ${group}`)) {
    guarded(report, INVARIANT, `group ${key}`, () => void decodeGroup(value));
    groups.add(key);
    yield 0;
  }
  let counted = emptyLedger.gone;
  const subjectOf = (key: Buffer) => `period ${key.readUInt32BE(0)}, group ${key.readUInt32BE(4)}`;
  for (const { key, value } of intact(tables.usage, report, INVARIANT, subjectOf)) {
    guarded(report, INVARIANT, subjectOf(key), () => {
      const figures = decodeUsage(value);
      const { newTokens, prefixTokens } = figures;
      const { tokens } = countedIn(figures);
      counted = add(counted, countedIn(figures));
      if (!groups.has(key.readUInt32BE(4))) report(INVARIANT, subjectOf(key), 'has no such group');
      if (newTokens > tokens) report(INVARIANT, subjectOf(key), 'counts more new tokens than tokens');
      if (prefixTokens > tokens) report(INVARIANT, subjectOf(key), 'counts more prefix tokens than tokens');
    });
    yield 0;
  }
  guarded(report, INVARIANT, 'ledger', () => {
    const ledger = readLedger(tables.meta);
    if (!ledger) {
      if (counted.conversations > 0) report(INVARIANT, 'ledger', 'is missing');
      return;
    }
    const { conversations, messages, tokens } = state;
    for (const sentence of imbalances(ledger, counted, { conversations, messages, tokens }))
      report(INVARIANT, 'ledger', sentence);
  });
}

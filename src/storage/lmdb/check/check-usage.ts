import { decodeGroup, decodeUsage } from '../lists/usage.js';
import type { Tables } from '../tables/environment.js';
import { guarded, intact, type Report } from './check-report.js';

const INVARIANT = 'usage';

/** Checks that counters decode, have a group, and do not count more of a part than of the whole. */
export function* checkUsage(tables: Tables, report: Report): Generator<number, void, void> {
  const groups = new Set<number>();
  for (const { key, value } of intact(tables.usageGroups, report, INVARIANT, (group) => `group ${group}`)) {
    guarded(report, INVARIANT, `group ${key}`, () => void decodeGroup(value));
    groups.add(key);
    yield 0;
  }
  const subjectOf = (key: Buffer) => `period ${key.readUInt32BE(0)}, group ${key.readUInt32BE(4)}`;
  for (const { key, value } of intact(tables.usage, report, INVARIANT, subjectOf)) {
    guarded(report, INVARIANT, subjectOf(key), () => {
      const { systemTokens, userTokens, assistantTokens, newTokens, prefixTokens } = decodeUsage(value);
      const tokens = systemTokens + userTokens + assistantTokens;
      if (!groups.has(key.readUInt32BE(4))) report(INVARIANT, subjectOf(key), 'has no such group');
      if (newTokens > tokens) report(INVARIANT, subjectOf(key), 'counts more new tokens than tokens');
      if (prefixTokens > tokens) report(INVARIANT, subjectOf(key), 'counts more prefix tokens than tokens');
    });
    yield 0;
  }
}

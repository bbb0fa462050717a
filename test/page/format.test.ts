import { describe, expect, it } from 'vitest';
import { formatBytes } from '../../src/cli/format.js';
import { bytes, dates, share } from '../../src/page/browser/format.js';

describe('numbers and times of the page', () => {
  it.each([
    [0, 0, '0 %'],
    [0, 5, '0 %'],
    [1, 3, '33.3 %'],
    [1, 2, '50 %'],
    [1, 1e6, '< 0.1 %'],
    [999_999, 1e6, '> 99.9 %'],
    [7, 7, '100 %'],
  ])('%d of %d is %s', (part, all, words) => {
    expect(share(part, all)).toBe(words);
  });

  it.each([0, 1, 999, 1234, 5_910_000, 999_600, 12_345_678_901])(
    '%d bytes have the unit that the command prints',
    (size) => {
      const [amount, unit] = bytes(size).split(' ');
      const [printed, printedUnit] = formatBytes(size).split(' ');
      expect([Number(amount), unit]).toEqual([Number(printed), printedUnit]);
    },
  );

  it('a range within a day is one date', () => {
    expect(dates('2026-01-31T12:00:00Z', '2026-01-31T12:30:00Z')).toBe('Jan 31, 2026');
    expect(dates('2026-01-31T12:00:00Z', '2026-02-02T12:00:00Z')).toBe('Jan 31, 2026 – Feb 2, 2026');
  });
});

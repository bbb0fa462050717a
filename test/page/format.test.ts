import { describe, expect, it } from 'vitest';
import { dates, share } from '../../src/page/browser/format.js';

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

  it('a range within a day is one date', () => {
    expect(dates('2026-01-31T12:00:00Z', '2026-01-31T12:30:00Z')).toBe('Jan 31, 2026');
    expect(dates('2026-01-31T12:00:00Z', '2026-02-02T12:00:00Z')).toBe('Jan 31, 2026 – Feb 2, 2026');
  });
});

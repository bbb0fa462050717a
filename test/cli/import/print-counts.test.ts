import { describe, expect, it } from 'vitest';
import { PrintCounts } from '../../../src/cli/import/print-counts.js';
import { RecordIds } from '../../../src/cli/import/record-ids.js';
import { randomFrom } from '../../support/random.js';

describe('counts by prints', () => {
  it('counts as a map does, of prints that share their low or their high bits, too', () => {
    const random = randomFrom(3);
    const counts = new PrintCounts();
    const model = new Map<string, number>();
    for (let round = 0; round < 50_000; round++) {
      const high = random.below(4) === 0 ? random.below(8) : random.below(2 ** 32);
      const low = random.below(2) === 0 ? random.below(64) * 1024 : random.below(2 ** 32);
      const key = `${high}/${low}`;
      model.set(key, (model.get(key) ?? 0) + 1);
      expect(counts.add(high, low)).toBe(model.get(key));
    }
  });

  it('remembers up to its limit, and counts others as the first', () => {
    const counts = new PrintCounts(2);
    expect([1, 2, 3, 3, 2, 1].map((low) => counts.add(0, low))).toEqual([1, 1, 1, 1, 2, 2]);
  });

  it('gives two alike records far apart different ids', () => {
    const ids = new RecordIds();
    const idOf = (n: number) =>
      ids.withId({ format: 'record', spec: {}, messages: [], document: { n } }).spec.id;
    const first = idOf(0);
    for (let n = 1; n <= 150_000; n++) idOf(n);
    expect(idOf(0)).toBe(`${first}~2`);
  });
});

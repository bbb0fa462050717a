import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { sampleOr } from '../support/sample.js';
import { backendKinds, segment, useBench } from './support.js';

const stores = sampleOr(500, 1500);
const inFlight = 32;
const segmentsEach = 12;

describe.each(backendKinds)('concurrent stores in the %s backend', (kind) => {
  const bench = useBench(kind);

  it('store what they share once, however looking and committing interleave', async () => {
    const { backend } = bench();
    // Each names segments that some stores before and after it name too.
    const segmentsOf = (n: number) => Array.from({ length: segmentsEach }, (_, i) => segment(4 * n + i, 7));
    let next = 0;
    const work = async () => {
      while (next < stores) {
        const number = next++;
        const segments = segmentsOf(number);
        // Lets some look up while another's commit is under way, and commit after it.
        for (let turns = (number * 7) % 13; turns > 0; turns--) await turn();
        const found = await backend.findSegments(segments.map(({ hash }) => hash));
        await backend.commit({ newSegments: segments.filter((_, index) => !found[index]) });
      }
    };
    await Promise.all(Array.from({ length: inFlight }, work));
    expect(await backend.check()).toEqual([]);
    expect((await backend.stats()).segments).toBe(4 * (stores - 1) + segmentsEach);
  });
});

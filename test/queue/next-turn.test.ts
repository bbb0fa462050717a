import { describe, expect, it } from 'vitest';
import { nextTurn } from '../../src/queue/index.js';

const eventLoopTurn = () => new Promise((resolve) => setImmediate(resolve));

/** Uses the processor for longer than the share of one turn. */
function work(): void {
  const beganMs = performance.now();
  while (performance.now() - beganMs < 15);
}

describe('turns of long computations', () => {
  it('let what has arrived pass after the part of one, however many there are', async () => {
    let parts = 0;
    const computations = Array.from({ length: 20 }, async () => {
      for (let part = 0; part < 3; part++) {
        await nextTurn();
        work();
        parts += 1;
      }
    });
    while (parts < 60) {
      const before = parts;
      await eventLoopTurn();
      // One behind this turn's look, one before the next one's.
      expect(parts - before).toBeLessThanOrEqual(2);
    }
    await Promise.all(computations);
  });

  it('go round: each has its turn before any has it twice', async () => {
    const turns: number[] = [];
    const computations = Array.from({ length: 10 }, async (_, computation) => {
      for (let part = 0; part < 3; part++) {
        await nextTurn();
        turns.push(computation);
        if (computation % 3 === 0) work();
      }
    });
    await Promise.all(computations);
    const round = Array.from({ length: 10 }, (_, computation) => computation);
    expect(turns).toEqual([...round, ...round, ...round]);
  });

  it('are had again after a time without any', async () => {
    for (let round = 0; round < 3; round++) {
      await nextTurn();
      work();
      await eventLoopTurn();
      await eventLoopTurn();
    }
  });
});

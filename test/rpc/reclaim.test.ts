import { expect, test } from 'vitest';
import { ByteBudget, type Share } from '../../src/rpc/intake/budget.js';
import { Reclaim } from '../../src/rpc/intake/reclaim.js';
import { GatheringSlabs } from '../../src/rpc/intake/slabs.js';

const MEBIBYTE = 1024 * 1024;
const LOOK_MS = 2000;

function bufferMebibytes(): number {
  return process.memoryUsage().arrayBuffers / MEBIBYTE;
}

/** Receives requests of so many MiB, and forgets them; returns the MiB of all buffers meanwhile. */
function receive(budget: ByteBudget, mebibytes: readonly number[]): number {
  const share: Share = { usedBytes: 0 };
  const requests = mebibytes.map((size) => new Uint8Array(size * MEBIBYTE));
  for (const { length } of requests) {
    expect(budget.tryTake(share, length)).toBe(true);
    budget.give(share, length);
  }
  return bufferMebibytes();
}

test('a server that is quiet after large requests gives their memory back, each time', () => {
  const budget = new ByteBudget(1024 * MEBIBYTE, 100, 1000);
  const reclaim = new Reclaim(budget, new GatheringSlabs());
  for (let nowMs = 0, time = 0; time < 3; time++) {
    const held = receive(budget, [50, 50, 50]);
    // It was busy a moment ago; then come the collections.
    for (let look = 0; look < 4; look++) reclaim.look((nowMs += LOOK_MS));
    expect(held - bufferMebibytes()).toBeGreaterThan(140);
  }
});

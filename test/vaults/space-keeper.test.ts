import { describe, expect, it } from 'vitest';
import { limits } from '../../src/model/index.js';
import type { DiskSpace, GivenBack } from '../../src/storage/index.js';
import { SpaceKeeper, type SpaceKeeperOptions } from '../../src/vaults/index.js';

const MIB = 2 ** 20;

/** Keeper of one vault whose file has a size that the test sets. */
function keeperOf(space: { allocatedBytes: number; inUseBytes: number; unsupported?: string }) {
  const calls: number[] = [];
  const told: [string, number][] = [];
  const errors: unknown[] = [];
  const clock = { nowMs: 1_000_000 };
  const vault = {
    left: 0,
    failure: undefined as unknown,
    async space(): Promise<DiskSpace> {
      return Promise.resolve({ unsupported: undefined, ...space });
    },
    async giveBack({ factor }: { readonly factor: number }): Promise<GivenBack> {
      calls.push(factor);
      if (vault.failure !== undefined) throw vault.failure as Error;
      const bytes = Math.max(0, space.allocatedBytes - space.inUseBytes - vault.left);
      space.allocatedBytes -= bytes;
      return Promise.resolve({ bytes, holes: 1 });
    },
  };
  const use = { runtime: { backend: vault }, signal: new AbortController().signal, end: () => undefined };
  const vaults = { states: () => new Map([['default', {}]]), useOpen: () => use };
  const keeper = new SpaceKeeper({
    vaults: vaults as unknown as SpaceKeeperOptions['vaults'],
    intervalMs: 1000,
    clock: () => clock.nowMs,
    onGivenBack: (name, bytes) => told.push([name, bytes]),
    onError: (_name, error) => errors.push(error),
  });
  return { keeper, vault, calls, told, errors, clock, space };
}

describe('space that is given back', () => {
  it('is that of a file which is much larger than its content', async () => {
    const { keeper, calls, told } = keeperOf({ allocatedBytes: 10 * MIB, inUseBytes: MIB });
    await keeper.look();
    expect(calls).toEqual([limits.spaceFactorAfter]);
    expect(told).toEqual([['default', 9 * MIB]]);
    expect(keeper.figures.of('default')).toMatchObject({ givenBackBytes: 9 * MIB, running: false });
    await keeper.look();
    expect(calls).toHaveLength(1);
  });

  it.each([
    ['the file is little larger', { allocatedBytes: 1.2 * 100 * MIB, inUseBytes: 100 * MIB }],
    ['it is only some pages', { allocatedBytes: 300_000, inUseBytes: 100_000 }],
    ['it is not supported', { allocatedBytes: 10 * MIB, inUseBytes: MIB, unsupported: 'not here' }],
  ])('is left when %s', async (_when, space) => {
    const { keeper, calls } = keeperOf(space);
    await keeper.look();
    expect(calls).toEqual([]);
    expect(keeper.figures.of('default').space).toMatchObject(space);
  });

  it('is not asked for again and again where it does not come, but when there is more, or later', async () => {
    const { keeper, vault, calls, clock, space } = keeperOf({ allocatedBytes: 10 * MIB, inUseBytes: MIB });
    vault.left = 9 * MIB;
    await keeper.look();
    await keeper.look();
    expect(calls).toHaveLength(1);
    space.allocatedBytes = 12 * MIB;
    await keeper.look();
    expect(calls).toHaveLength(2);
    clock.nowMs += limits.spaceRetryMs + 1;
    await keeper.look();
    expect(calls).toHaveLength(3);
  });

  it('is told of when it fails, and tried at the next look', async () => {
    const { keeper, vault, calls, errors } = keeperOf({ allocatedBytes: 10 * MIB, inUseBytes: MIB });
    vault.failure = new Error('no');
    await keeper.look();
    expect(errors).toEqual([vault.failure]);
    expect(keeper.figures.of('default').running).toBe(false);
    vault.failure = undefined;
    await keeper.look();
    expect(calls).toHaveLength(2);
    await keeper.stop();
  });
});

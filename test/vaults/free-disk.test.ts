import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { limits } from '../../src/model/index.js';
import type { Change } from '../../src/storage/index.js';
import { FreeDisk, type FreeDiskState, spaceOf } from '../../src/vaults/index.js';

const MIB = 2 ** 20;
const adding = { newSegments: [{}], addReferences: [] } as unknown as Change;
const deleting: Change = { delete: { id: 'c', timeMs: 0 } };

let space: { bytes: number; freeBytes: number };
let looks: number;
let changes: FreeDiskState[];
let disk: FreeDisk | undefined;

async function open(floor: number | 'auto'): Promise<FreeDisk> {
  disk = await FreeDisk.open({
    floor,
    read: async () => {
      looks += 1;
      return space;
    },
    onChange: (state) => changes.push(state),
  });
  return disk;
}

/** Returns the reason of the refusal of a change that adds something, after the time between two looks. */
async function refusal(of: FreeDisk, change = adding): Promise<unknown> {
  vi.advanceTimersByTime(limits.diskLookMs);
  return of.check(change).then(
    () => 'taken',
    (error: unknown) => error,
  );
}

describe('the free space of the disk', () => {
  beforeEach(() => {
    space = { bytes: 1000 * MIB, freeBytes: 500 * MIB };
    looks = 0;
    changes = [];
    vi.useFakeTimers();
  });
  afterEach(() => {
    disk?.close();
    vi.useRealTimers();
  });

  it('stops what adds something below the floor, and takes it again with a margin', async () => {
    const opened = await open(100 * MIB);
    expect(await refusal(opened)).toBe('taken');
    space = { ...space, freeBytes: 100 * MIB - 1 };
    expect(await refusal(opened)).toMatchObject({
      reason: 'DISK_FULL',
      message: expect.stringMatching(/104857599 bytes free.* 104857600 .*115343360 are free/) as string,
      metadata: { size: '104857599', limit: '104857600' },
    });
    expect(await refusal(opened, deleting)).toBe('taken');
    expect(await refusal(opened, { collect: { keys: [], garbageBeforeMs: 0 } })).toBe('taken');
    expect(await refusal(opened, { replaceFrames: [], dropRegistries: [] })).toBe('taken');
    space = { ...space, freeBytes: 110 * MIB - 1 };
    expect(await refusal(opened)).toMatchObject({ reason: 'DISK_FULL' });
    space = { ...space, freeBytes: 110 * MIB };
    expect(await refusal(opened)).toBe('taken');
    space = { ...space, freeBytes: 100 * MIB };
    expect(await refusal(opened)).toBe('taken');
    expect(changes.map(({ isLow }) => isLow)).toEqual([true, false]);
  });

  it('is looked up once for all changes of a moment', async () => {
    const opened = await open(MIB);
    vi.advanceTimersByTime(limits.diskLookMs);
    const before = looks;
    await Promise.all(Array.from({ length: 100 }, () => opened.check(adding)));
    expect(looks).toBe(before + 1);
  });

  it('is looked at without changes too', async () => {
    const opened = await open(100 * MIB);
    space = { ...space, freeBytes: 0 };
    await vi.advanceTimersByTimeAsync(limits.diskIdleLookMs);
    expect(opened.state).toEqual({ freeBytes: 0, floorBytes: 100 * MIB, isLow: true });
    space = { ...space, freeBytes: 500 * MIB };
    await vi.advanceTimersByTimeAsync(limits.diskIdleLookMs);
    expect(opened.state.isLow).toBe(false);
  });

  it('is by default a part of a small disk, and a bound of a large one', async () => {
    expect((await open('auto')).floorBytes).toBe(50 * MIB);
    disk?.close();
    space = { bytes: 2 ** 40, freeBytes: 2 ** 39 };
    expect((await open('auto')).floorBytes).toBe(1024 * MIB);
  });

  it('is of no interest with a floor of 0', async () => {
    const opened = await open(0);
    space = { ...space, freeBytes: 0 };
    expect(await refusal(opened)).toBe('taken');
  });

  it('is that of the nearest folder that exists', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'stowken-space-'));
    try {
      const there = await spaceOf(folder);
      expect((await spaceOf(join(folder, 'a', 'b'))).bytes).toBe(there.bytes);
      expect(there.freeBytes).toBeGreaterThan(0);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

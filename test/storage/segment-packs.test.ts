import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Environment } from '../../src/storage/lmdb/environment.js';
import { decodePack } from '../../src/storage/lmdb/pack.js';
import { SegmentReader } from '../../src/storage/lmdb/segment-reader.js';
import { SegmentWriter } from '../../src/storage/lmdb/segment-writer.js';
import { temporaryFolder } from './faults/support.js';

/** Around every border: the pack, half a page, pages. */
const frameBytes = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: 1, max: 300 }) },
  { weight: 2, arbitrary: fc.integer({ min: 1, max: 9000 }) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(2009, 2010, 2011, 2022, 2023, 4031, 4032, 4033, 4071, 4072, 4073, 6095, 8168),
  },
);
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('append' as const),
      sizes: fc.array(frameBytes, { maxLength: 8 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('replace' as const),
      at: fc.nat(),
      stride: fc.integer({ min: 1, max: 3 }),
      sizes: fc.array(frameBytes, { minLength: 1, maxLength: 6 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('remove' as const), at: fc.array(fc.nat(), { maxLength: 6 }) }),
  },
);

type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** Ends with all frames removed; resolves to the next id that was never used. */
async function takeSteps(environment: Environment, firstId: number, steps: readonly Step[]): Promise<number> {
  const { tables } = environment;
  let nextId = firstId;
  const frames = new Map<number, Buffer>();
  let content = 0;
  const frame = (bytes: number) => Buffer.alloc(bytes, (content = (content + 1) % 256));
  for (const each of steps) {
    const ids = [...frames.keys()];
    await environment.write(() => {
      const writer = new SegmentWriter(tables);
      if (each.kind === 'append') {
        for (const bytes of each.sizes) {
          frames.set(nextId, frame(bytes));
          writer.append(nextId, frames.get(nextId)!, bytes % 7);
          nextId += 1;
        }
      } else if (each.kind === 'replace' && ids.length > 0) {
        const others = new Map<number, Buffer>();
        for (const [index, bytes] of each.sizes.entries()) {
          const id = ids[(each.at + index * each.stride) % ids.length]!;
          const tokenCount = frames.get(id)!.length % 7;
          // Token counts stay: lengths that are equal modulo 7.
          others.set(id, frame(7 * Math.floor(bytes / 7) + (tokenCount === 0 ? 7 : tokenCount)));
        }
        for (const [id, other] of others) frames.set(id, other);
        writer.replace(others);
      } else if (each.kind === 'remove' && ids.length > 0) {
        const removed = [...new Set(each.at.map((at) => ids[at % ids.length]!))].sort((a, b) => a - b);
        for (const id of removed) frames.delete(id);
        writer.remove(removed);
      }
      writer.flush();
    });
    const reader = new SegmentReader(tables);
    for (const [id, expected] of frames) {
      expect(reader.size(id)?.frameBytes).toBe(expected.length);
      expect(Buffer.compare(reader.frame(id), expected)).toBe(0);
    }
    for (const id of ids) if (!frames.has(id)) expect(reader.size(id)).toBeUndefined();
  }
  for (const { key, value } of tables.packs.range()) {
    expect(value.length).toBeLessThanOrEqual(4072);
    decodePack(key, value);
  }
  await environment.write(() => new SegmentWriter(tables).remove([...frames.keys()].sort((a, b) => a - b)));
  expect([...tables.packs.keys(), ...tables.heads.keys(), ...tables.halves.keys()]).toEqual([]);
  return nextId;
}

describe('packs', () => {
  it('keep every frame, whatever is put before, after and in place of it', async () => {
    const folder = await temporaryFolder();
    const environment = await Environment.open(folder.path, { sync: false });
    let firstId = 1;
    try {
      const property = fc.asyncProperty(fc.array(step, { maxLength: 40, size: 'max' }), async (steps) => {
        firstId = await takeSteps(environment, firstId, steps);
      });
      await fc.assert(property, { numRuns: 40 });
    } finally {
      await environment.close();
      await folder.remove();
    }
  });

  it('are full again when all frames have shrunk, batch by batch', async () => {
    const folder = await temporaryFolder();
    const environment = await Environment.open(folder.path, { sync: false });
    const { tables } = environment;
    const ids = Array.from({ length: 4000 }, (_, index) => index + 1);
    await environment.write(() => {
      const writer = new SegmentWriter(tables);
      for (const id of ids) writer.append(id, Buffer.alloc(200 + (id % 300), id), 100);
      writer.flush();
    });
    const before = tables.packs.pages();
    for (let at = 0; at < ids.length; at += 256) {
      const batch = ids.slice(at, at + 256).map((id) => [id, Buffer.alloc(40 + (id % 60), id)] as const);
      await environment.write(() => new SegmentWriter(tables).replace(new Map(batch)));
    }
    const packs = [...tables.packs.range()].map(({ value }) => value.length);
    expect(Math.min(...packs.slice(0, -1))).toBeGreaterThan(4000);
    expect(tables.packs.pages()).toBeLessThan(before / 3);
    await environment.close();
    await folder.remove();
  });

  it('are full when small frames are stored one by one', async () => {
    const folder = await temporaryFolder();
    const environment = await Environment.open(folder.path, { sync: false });
    for (let id = 1; id <= 2000; id++) {
      await environment.write(() => {
        const writer = new SegmentWriter(environment.tables);
        writer.append(id, Buffer.alloc(40 + (id % 50), id), 30);
        writer.flush();
      });
    }
    const packs = [...environment.tables.packs.range()].map(({ value }) => value.length);
    expect(Math.min(...packs.slice(0, -1))).toBeGreaterThan(1950);
    await environment.close();
    await folder.remove();
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { defragmentPacks } from '../../../src/storage/lmdb/defragment/defragment-packs.js';
import { Environment } from '../../../src/storage/lmdb/tables/environment.js';
import { decodePack } from '../../../src/storage/lmdb/packs/pack.js';
import { SegmentReader } from '../../../src/storage/lmdb/packs/segment-reader.js';
import { SegmentWriter } from '../../../src/storage/lmdb/packs/segment-writer.js';
import { temporaryFolder } from '../faults/support.js';
import type { SegmentId } from '../../../src/storage/lmdb/tables/ids.js';
import { segmentId } from './ids.js';

/** Sizes around every border: the pack, half a page, pages. */
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
  { weight: 2, arbitrary: fc.constant({ kind: 'defragment' as const }) },
);

type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

function defragmentAll({ packs }: Environment['tables']): void {
  for (let after: number | undefined = 0; after !== undefined;) after = defragmentPacks(packs, after);
}

async function takeSteps(environment: Environment, steps: readonly Step[]): Promise<void> {
  const { tables } = environment;
  let nextId = segmentId(1);
  const frames = new Map<SegmentId, Buffer>();
  let content = 0;
  /** Most begin with the same byte, as frames of one registry do. */
  const frame = (bytes: number) => {
    content = (content + 1) % 256;
    return Buffer.alloc(bytes, content).fill(content % 4 === 0 ? content : 0x81, 0, 1);
  };
  for (const each of steps) {
    const ids = [...frames.keys()];
    await environment.write(() => {
      const writer = new SegmentWriter(tables);
      if (each.kind === 'append') {
        for (const bytes of each.sizes) {
          frames.set(nextId, frame(bytes));
          writer.append(nextId, frames.get(nextId)!, nextId % 7);
          nextId = segmentId(nextId + 1);
        }
      } else if (each.kind === 'replace' && ids.length > 0) {
        const others = new Map<SegmentId, Buffer>();
        for (const [index, bytes] of each.sizes.entries()) {
          const id = ids[(each.at + index * each.stride) % ids.length]!;
          others.set(id, frame(bytes));
        }
        for (const [id, other] of others) frames.set(id, other);
        writer.replace(others);
      } else if (each.kind === 'remove' && ids.length > 0) {
        const removed = [...new Set(each.at.map((at) => ids[at % ids.length]!))].sort((a, b) => a - b);
        for (const id of removed) frames.delete(id);
        writer.remove(removed);
      }
      writer.flush();
      if (each.kind === 'defragment') defragmentAll(tables);
    });
    const reader = new SegmentReader(tables);
    for (const [id, expected] of frames) {
      expect(reader.size(id)).toEqual({ frameBytes: expected.length, tokenCount: id % 7 });
      expect(Buffer.compare(reader.frame(id), expected)).toBe(0);
    }
    for (const id of ids) if (!frames.has(id)) expect(reader.size(id)).toBeUndefined();
  }
  for (const { key, value } of tables.packs.range()) {
    // Two overflow pages, with the checksum.
    expect(value.length).toBeLessThanOrEqual(8168);
    decodePack(key, value);
  }
  await environment.write(() => new SegmentWriter(tables).remove([...frames.keys()].sort((a, b) => a - b)));
  expect([
    ...tables.packs.keys(),
    ...tables.frameOverflowPages.keys(),
    ...tables.frameHalfPages.keys(),
  ]).toEqual([]);
}

describe('packs', () => {
  it('keep a frame whose end is in a pack that is refilled with others', async () => {
    const folder = await temporaryFolder();
    const environment = await Environment.open(folder.path, { sync: false });
    const sizes = (kind: 'append' | 'replace', at: number, stride: number, ...bytes: number[]) =>
      ({ kind, at, stride, sizes: bytes }) as Step;
    await takeSteps(environment, [
      sizes('append', 0, 1, 1, 1, 1, 1, 2009),
      sizes('replace', 0, 1, 466),
      sizes('replace', 1, 1, 1585),
      sizes('append', 0, 1, 1),
      sizes('replace', 49, 4, 2009, 1),
    ]);
    await environment.close();
    await folder.remove();
  });

  it('keep every frame, whatever is put before, after and in place of it', async () => {
    // Each try has a vault of its own: the rest of a failure would spoil the shrinking.
    const property = fc.asyncProperty(fc.array(step, { maxLength: 40, size: 'max' }), async (steps) => {
      const folder = await temporaryFolder();
      const environment = await Environment.open(folder.path, { sync: false });
      try {
        await takeSteps(environment, steps);
      } finally {
        await environment.close();
        await folder.remove();
      }
    });
    await fc.assert(property, { numRuns: 100 });
  });

  it('are full again when all frames have shrunk, batch by batch', async () => {
    const folder = await temporaryFolder();
    const environment = await Environment.open(folder.path, { sync: false });
    const { tables } = environment;
    const ids = Array.from({ length: 4000 }, (_, index) => segmentId(index + 1));
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

  it('are full again when most frames have gone and they are defragmented', async () => {
    const folder = await temporaryFolder();
    const environment = await Environment.open(folder.path, { sync: false });
    const { tables } = environment;
    const ids = Array.from({ length: 4000 }, (_, index) => segmentId(index + 1));
    const frame = (id: number) => Buffer.alloc(40 + (id % 60), id);
    await environment.write(() => {
      const writer = new SegmentWriter(tables);
      for (const id of ids) writer.append(id, frame(id), 30);
      writer.flush();
    });
    const before = tables.packs.pages();
    const removed = ids.filter((id) => id % 3 !== 0 || (id > 1000 && id < 1500));
    await environment.write(() => new SegmentWriter(tables).remove(removed));
    await environment.write(() => defragmentAll(tables));
    expect(tables.packs.pages()).toBeLessThan(0.4 * before);
    const reader = new SegmentReader(tables);
    for (const id of ids) {
      if (removed.includes(id)) expect(reader.size(id)).toBeUndefined();
      else expect(Buffer.compare(reader.frame(id), frame(id))).toBe(0);
    }
    await environment.close();
    await folder.remove();
  });

  it('are full when small frames are stored one by one', async () => {
    const folder = await temporaryFolder();
    const environment = await Environment.open(folder.path, { sync: false });
    for (let id = 1; id <= 2000; id++) {
      await environment.write(() => {
        const writer = new SegmentWriter(environment.tables);
        writer.append(segmentId(id), Buffer.alloc(40 + (id % 50), id), 30);
        writer.flush();
      });
    }
    const packs = [...environment.tables.packs.range()].map(({ value }) => value.length);
    expect(Math.min(...packs.slice(0, -1))).toBeGreaterThan(1950);
    await environment.close();
    await folder.remove();
  });
});

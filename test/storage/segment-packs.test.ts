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
      each: fc.array(fc.record({ at: fc.nat(), bytes: frameBytes }), { maxLength: 30 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('remove' as const), at: fc.array(fc.nat(), { maxLength: 6 }) }),
  },
);

describe('packs', () => {
  it('keep every frame, whatever is put before, after and in place of it', async () => {
    const folder = await temporaryFolder();
    const environment = await Environment.open(folder.path, { sync: false });
    const { tables } = environment;
    let nextId = 1;
    try {
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 40, size: 'max' }), async (steps) => {
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
                  writer.append(nextId, frames.get(nextId)!, nextId % 7);
                  nextId += 1;
                }
              } else if (each.kind === 'replace' && ids.length > 0) {
                const replaced = new Map<number, Buffer>();
                for (const { at, bytes } of each.each) {
                  const id = ids[at % ids.length]!;
                  replaced.set(id, frame(bytes));
                  frames.set(id, replaced.get(id)!);
                }
                writer.replace(replaced);
              } else if (each.kind === 'remove' && ids.length > 0) {
                const removed = [...new Set(each.at.map((at) => ids[at % ids.length]!))].sort(
                  (a, b) => a - b,
                );
                for (const id of removed) frames.delete(id);
                writer.remove(removed);
              }
              writer.flush();
            });
            const reader = new SegmentReader(tables);
            for (const [id, expected] of frames) {
              expect(reader.size(id)).toEqual({ frameBytes: expected.length, tokenCount: id % 7 });
              expect(Buffer.compare(reader.frame(id), expected)).toBe(0);
            }
            for (const id of ids) if (!frames.has(id)) expect(reader.size(id)).toBeUndefined();
          }
          for (const { key, value } of tables.packs.range()) {
            expect(value.length).toBeLessThanOrEqual(4072);
            decodePack(key, value);
          }
          await environment.write(() =>
            new SegmentWriter(tables).remove([...frames.keys()].sort((a, b) => a - b)),
          );
          expect([...tables.packs.keys(), ...tables.heads.keys(), ...tables.halves.keys()]).toEqual([]);
        }),
        { numRuns: 60 },
      );
    } finally {
      await environment.close();
      await folder.remove();
    }
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

  it('are full again when frames are replaced by shorter ones, batch by batch', async () => {
    const folder = await temporaryFolder();
    const environment = await Environment.open(folder.path, { sync: false });
    const { tables } = environment;
    const count = 20_000;
    await environment.write(() => {
      const writer = new SegmentWriter(tables);
      for (let id = 1; id <= count; id++) writer.append(id, Buffer.alloc(100 + ((id * 7919) % 400), id), 30);
      writer.flush();
    });
    const before = environment.bytesInUse();
    const shorter = (id: number) => Buffer.alloc(25 + ((id * 7919) % 100), id + 1);
    let frameBytes = 0;
    for (let from = 1; from <= count; from += 500) {
      const ids = Array.from({ length: 500 }, (_, index) => from + index);
      for (const id of ids) frameBytes += shorter(id).length;
      await environment.write(() => {
        new SegmentWriter(tables).replace(new Map(ids.map((id) => [id, shorter(id)])));
      });
    }
    const reader = new SegmentReader(tables);
    for (let id = 1; id <= count; id++) expect(Buffer.compare(reader.frame(id), shorter(id))).toBe(0);
    expect(tables.packs.pages() * 4096).toBeLessThan(1.12 * frameBytes);
    expect(environment.bytesInUse()).toBeLessThan(before / 3);
    await environment.close();
    await folder.remove();
  });
});

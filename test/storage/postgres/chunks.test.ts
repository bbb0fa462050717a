import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { NewSegment } from '../../../src/storage/index.js';
import { int } from '../../../src/storage/postgres/database/driver.js';
import { chunkEntriesMax } from '../../../src/storage/postgres/schema/chunks.js';
import { segment, storing } from '../../contract/support.js';
import { postgresMissing } from '../../support/postgres.js';
import { eventually } from '../../support/wait.js';
import { SharedVault } from './support.js';

const { signal } = new AbortController();
const missing = postgresMissing !== undefined;
/** Segments of a number, all different. */
const segmentsFrom = (first: number, count: number): NewSegment[] =>
  Array.from({ length: count }, (_, n) => segment(first + n, 7));

describe.skipIf(missing).each([1, 4])('the index by hash of %i partitions', (partitions) => {
  let vault: SharedVault;
  let one: Awaited<ReturnType<SharedVault['open']>>;
  let other: Awaited<ReturnType<SharedVault['open']>>;
  beforeEach(async () => {
    vault = await SharedVault.create(partitions);
    [one, other] = [await vault.open({ beatMs: 20 }), await vault.open({ beatMs: 20 })];
  });
  afterEach(async () => {
    const violations = await one.check();
    await vault.close();
    expect(violations).toEqual([]);
  });
  const count = async (what: string, table: string) => {
    const [row] = await vault.rows(`select ${what} n from ${table} where p >= $1 and p < $1 + ${partitions}`);
    return int(row?.['n']);
  };
  const found = async (segments: readonly NewSegment[]) =>
    (await other.findSegments(segments.map(({ hash }) => hash))).filter((each) => each !== undefined).length;

  it('is the same in chunks, which are full', async () => {
    const all = segmentsFrom(0, 500);
    for (let at = 0; at < 500; at += 50) {
      await one.commit(storing(`c${at}`, all.slice(at, at + 50)));
      if (at % 100 === 0) await one.defragment!(signal);
    }
    await other.defragment!(signal);
    expect(await count('count(*)', 'hx')).toBe(0);
    expect(await count('sum(cardinality(hs))', 'hc')).toBe(500);
    // But for the last of each of the ranges that were written.
    expect(await count('count(*)', 'hc')).toBeLessThanOrEqual(
      Math.ceil(500 / chunkEntriesMax) + 2 * partitions,
    );
    expect(await found(all)).toBe(500);
    expect(await found(segmentsFrom(1_000, 3))).toBe(0);
    // Another server, which does not know them, and one that does.
    for (const [server, id] of [
      [other, 'x'],
      [one, 'y'],
    ] as const) {
      const { put } = await server.commit(
        storing(id, [...all.slice(20, 40), segment(1_000 + id.charCodeAt(0))]),
      );
      if (partitions === 1) expect(put).toMatchObject({ newSegments: 1, segments: 21 });
    }
    if (partitions === 1) expect((await one.stats()).segments).toBe(502);
  });

  it('loses what is deleted, also from chunks, and takes it again', async () => {
    const all = segmentsFrom(0, 120);
    await one.commit(storing('a', all.slice(0, 60)));
    await one.defragment!(signal);
    await one.commit(storing('b', all.slice(60)));
    await one.commit({ delete: { id: 'a', timeMs: 2 } });
    const collect = async () => {
      const { segments } = await one.listGarbage({ limit: 1_000, garbageBeforeMs: Infinity });
      return one.commit({ collect: { keys: segments.map(({ key }) => key), garbageBeforeMs: Infinity } });
    };
    await eventually(async () => {
      await collect();
      expect(await found(all.slice(0, 60))).toBe(0);
    });
    expect(await count('count(*)', 'hc')).toBe(0);
    expect(await found(all)).toBe(60);
    await one.defragment!(signal);
    await other.commit(storing('c', all.slice(30, 90)));
    const { deleteSegments } = await one.commit({ deleteSegments: [all[70]!.hash, all[5]!.hash] });
    expect(deleteSegments).toEqual([expect.objectContaining({ deleted: false }), undefined]);
    expect(await found(all)).toBe(90);
    await one.defragment!(signal);
    expect(await found(all)).toBe(90);
  });

  it.each([
    ['have another beginning', `update hc set h = 'ffffffff-ffff-ffff-ffff-ffffffffffff'`],
    ['are missing', 'delete from hc'],
    [
      'have entries twice',
      `update hc set hs = hs || hs[1], rs = rs || rs[1], ks = ks || ks[1], slots = slots || slots[1],
        tokens = tokens || tokens[1]`,
    ],
    [
      'have one entry twice, and lack another',
      'update hc set hs[2] = hs[1], rs[2] = rs[1], ks[2] = ks[1], slots[2] = slots[1], tokens[2] = tokens[1]',
    ],
    ['have arrays of different lengths', 'update hc set ks = ks[1:1], hs = hs || hs[1]'],
    ['have no entries, and entries of nothing', `update hc set hs[1] = null, rs[2] = null`],
    [
      'have entries of no segment',
      `update hc set hs = hs || uuid 'ffffffff-ffff-ffff-ffff-fffffffffff0', rs = rs || rs[1], ks = ks || ks[1],
        slots = slots || slots[1], tokens = tokens || tokens[1]`,
    ],
    ['lead elsewhere', 'update hc set slots = array_fill(77, array[cardinality(hs)])'],
    [
      'have entries that are loose, too',
      'insert into hx (p, h, r, k, slot, tokens) select p, hs[1], rs[1], ks[1], slots[1], tokens[1] from hc',
    ],
  ])('is mended where chunks %s', async (_, damage) => {
    const all = segmentsFrom(0, 20);
    await one.commit(storing('a', all));
    await one.defragment!(signal);
    await vault.rows(`${damage} where p >= $1 and p < $1 + ${partitions}`);
    expect(await one.check()).not.toEqual([]);
    expect((await one.repair!({})).remaining).toEqual([]);
    expect(await found(all)).toBe(20);
  });
});

describe.skipIf(missing)('a server beside its calls', () => {
  it('puts the index by hash into chunks when much of it is loose', async () => {
    const vault = await SharedVault.create();
    const server = await vault.open({ beatMs: 5 });
    await server.commit({ newSegments: segmentsFrom(0, 1_100) });
    await eventually(async () =>
      expect(await vault.rows('select 1 from hx where p = $1 limit 1')).toEqual([]),
    );
    expect(await server.check()).toEqual([]);
    await vault.close();
  });

  it('does so, too, where as many segments come as go', async () => {
    const vault = await SharedVault.create();
    let nowMs = Date.now();
    const server = await vault.open({ beatMs: 5, clock: () => nowMs });
    const loose = async () => (await vault.rows('select 1 from hx where p = $1')).length;
    await server.commit({ newSegments: segmentsFrom(0, 1_100) });
    await eventually(async () => expect(await loose()).toBe(0));
    // Never a tenth more than there were: some come, and as many go.
    for (let at = 0; at < 1_100; at += 100) {
      await server.commit({ newSegments: segmentsFrom(5_000 + at, 100) });
      await server.commit({ deleteSegments: segmentsFrom(at, 100).map(({ hash }) => hash) });
    }
    expect((await server.stats()).segments).toBe(1_100);
    nowMs += 3_600_000;
    await eventually(async () => expect(await loose()).toBe(0));
    const violations = await server.check();
    await vault.close();
    expect(violations).toEqual([]);
  });
});

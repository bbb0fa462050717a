import { describe, expect, it } from 'vitest';
import type { SegmentKey } from '../../src/storage/index.js';
import { sampleSegments } from '../codec/samples.js';
import { backendKinds, itStoringOnce, segment, storing, useBench } from './support.js';

const segments = sampleSegments(300, 1)
  .filter(({ length }) => length >= 30)
  .slice(0, 40)
  .map((tokens) => segment(...tokens));

describe.each(backendKinds)('a scan of the %s backend', (kind) => {
  const bench = useBench(kind);

  /** Returns the pages of a scan. */
  async function pages(limit: number, bytesMax: number) {
    const all = [];
    let after: SegmentKey | undefined;
    do {
      const page = await bench().backend.scanSegments({ limit, bytesMax, ...(after && { after }) });
      all.push(page.segments);
      after = page.next;
    } while (after !== undefined);
    return all;
  }

  it('gives every segment once, with its frame', async () => {
    expect(await pages(10, 1_000)).toEqual([[]]);
    await bench().backend.commit(storing('c', segments.slice(0, 20)));
    await bench().backend.commit({ newSegments: segments.slice(20) });
    await bench().backend.commit({ deleteSegments: segments.slice(25, 30).map(({ hash }) => hash) });
    await bench().reopen();
    const stored = [...segments.slice(0, 25), ...segments.slice(30)];
    const listed = await pages(1000, Infinity);
    expect(listed).toHaveLength(1);
    const hashes = listed[0]!.map(({ frame }) => bench().codec.hashOf(frame));
    expect(hashes).toEqual(await bench().backend.readHashes(listed[0]!.map(({ key }) => key)));
    expect([...hashes].sort()).toEqual(stored.map(({ hash }) => hash).sort());
    expect(listed[0]!.reduce((sum, { tokenCount }) => sum + tokenCount, 0)).toBe(
      stored.reduce((sum, { tokenCount }) => sum + tokenCount, 0),
    );
    for (const { frame } of listed[0]!) frame.fill(0);
    for (const limit of [1, 4, 34, 35, 36]) {
      const paged = await pages(limit, Infinity);
      expect(paged.map(({ length }) => length)).toEqual(
        Array.from({ length: Math.ceil(35 / limit) }, (_, at) => Math.min(limit, 35 - at * limit)),
      );
      expect(paged.flat().map(({ frame }) => bench().codec.hashOf(frame))).toEqual(hashes);
    }
  });

  itStoringOnce(kind)(
    'keeps the order of a change, whether its conversation names a segment or not',
    async () => {
      const [named, unnamed, other] = [segments.slice(5, 10), segments.slice(0, 5), segments.slice(10, 15)];
      const brought = [...unnamed, ...named, ...other];
      await bench().backend.commit({ ...storing('c', named), newSegments: brought });
      const [page] = await pages(1000, Infinity);
      expect(page!.map(({ frame }) => bench().codec.hashOf(frame))).toEqual(brought.map(({ hash }) => hash));
    },
  );

  it('keeps to its bytes, with one segment at least', async () => {
    await bench().backend.commit({ newSegments: segments });
    for (const bytesMax of [0, 100, 300, 2_000]) {
      const paged = await pages(1000, bytesMax);
      expect(paged.flat()).toHaveLength(segments.length);
      for (const [at, page] of paged.entries()) {
        const bytes = page.reduce((sum, { frame }) => sum + frame.length, 0);
        expect(page.length === 1 || bytes <= bytesMax).toBe(true);
        const next = paged[at + 1]?.[0]?.frame.length ?? Infinity;
        expect(bytes + next).toBeGreaterThan(bytesMax);
      }
    }
  });
});

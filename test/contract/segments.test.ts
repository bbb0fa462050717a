import { describe, expect, it } from 'vitest';
import {
  type Bench,
  backendKinds,
  garbageKeys,
  longSegment,
  readConversation,
  segment,
  storing,
  useBench,
  itStoringOnce,
} from './support.js';

describe.each(backendKinds)('segments in the %s backend', (kind) => {
  const bench = useBench(kind);
  const commit = (...args: Parameters<Bench['backend']['commit']>) => bench().backend.commit(...args);

  itStoringOnce(kind)('stores a sequence once, and keeps the first frame', async () => {
    const a = segment(1, 2, 3);
    await commit(storing('one', [a]));
    const { put } = await commit(storing('two', [a, a]));
    expect(put).toMatchObject({ segments: 1, newSegments: 0, newTokens: 0, newFrameBytes: 0 });
    expect(await bench().backend.stats()).toMatchObject({
      conversations: 2,
      messages: 3,
      segments: 1,
      tokens: 9,
      uniqueTokens: 3,
      segmentBytes: a.frame.length,
      garbageSegments: 0,
    });
  });

  it.each([0, 1, 63, 64, 500, 1006, 1007, 1015, 1016, 2030, 2040, 2050, 3000, 5000, 20_000, 70_000])(
    'keeps a segment of %i tokens, among small ones',
    async (count) => {
      const segments = [segment(1), longSegment(count, 1), segment(2), longSegment(count + 1, 2), segment(3)];
      await commit(storing('c', segments));
      const found = await readConversation(bench(), 'c');
      expect(found?.messages.map(({ hashes }) => hashes[0])).toEqual(segments.map(({ hash }) => hash));
      await commit({ delete: { id: 'c', timeMs: 2_000 } });
      const keys = await garbageKeys(bench());
      expect(keys).toHaveLength(new Set(segments.map(({ hash }) => hash)).size);
      await commit({ collect: { keys: keys.slice(1, 2), garbageBeforeMs: Infinity } });
      expect(await bench().backend.check()).toEqual([]);
      await commit({ collect: { keys, garbageBeforeMs: Infinity } });
      expect(await bench().backend.stats()).toMatchObject({ segments: 0, segmentBytes: 0, garbageBytes: 0 });
    },
  );

  itStoringOnce(kind)('stores once what two looked for in vain, also in one group', async () => {
    const [a, b] = [segment(1, 2), segment(3, 4)];
    const look = async () => bench().backend.findSegments([a.hash, b.hash]);
    expect(await look()).toEqual([undefined, undefined]);
    await Promise.all([
      commit(storing('one', [a])),
      commit(storing('two', [a])),
      commit({ newSegments: [b] }),
    ]);
    expect((await look()).map((found) => found !== undefined)).toEqual([true, true]);
    const [, key] = await look();
    await commit({ collect: { keys: [key!.key], garbageBeforeMs: Infinity } });
    expect((await look()).map((found) => found !== undefined)).toEqual([true, false]);
    await Promise.all([commit(storing('three', [b])), commit(storing('four', [a, b]))]);
    expect(await bench().backend.stats()).toMatchObject({ segments: 2, garbageSegments: 0 });
    expect(await bench().backend.check()).toEqual([]);
  });

  it('never gives a key to another segment', async () => {
    const a = segment(1);
    await commit({ newSegments: [a] });
    const [first] = await bench().backend.findSegments([a.hash]);
    await commit({ collect: { keys: [first!.key], garbageBeforeMs: Infinity } });
    await commit({ newSegments: [a] });
    const [second] = await bench().backend.findSegments([a.hash]);
    expect(second?.key).not.toBe(first?.key);
  });

  itStoringOnce(kind)('counts hundreds of references to one segment', async () => {
    const a = segment(7);
    for (let index = 0; index < 300; index++) await commit(storing(`c${index}`, [a]));
    expect(await bench().backend.check()).toEqual([]);
    for (let index = 0; index < 299; index++) await commit({ delete: { id: `c${index}`, timeMs: 1_000 } });
    expect(await garbageKeys(bench())).toEqual([]);
    await commit({ delete: { id: 'c299', timeMs: 1_000 } });
    expect(await garbageKeys(bench())).toHaveLength(1);
  });

  it('replaces a frame by another of the same tokens, where it is the expected one', async () => {
    // Frames of another codec: the same tokens, other bytes, other lengths.
    const sizes = [10, 1000, 30, 2050, 700, 4100, 20, 660, 9000, 15];
    const segments = sizes.map((size, index) => longSegment(size, index));
    await commit(storing('c', segments));
    const stored = await bench().backend.findSegments(segments.map(({ hash }) => hash));
    const keys = stored.map((each) => each!.key);
    for (const [index, { frame }] of segments.entries()) {
      const other = segments[(index + 1) % segments.length]!.frame;
      const change = { key: keys[index]!, expected: frame, frame };
      await expect(commit({ replaceFrames: [{ ...change, frame: other }] })).rejects.toMatchObject({
        reason: 'CORRUPT_SEGMENT',
      });
      const stale = await commit({ replaceFrames: [{ ...change, expected: other }, change] });
      expect(stale.replaceFrames).toEqual([false, true]);
      expect(await bench().backend.check()).toEqual([]);
    }
    expect((await readConversation(bench(), 'c'))?.messages.map(({ hashes }) => hashes[0])).toEqual(
      segments.map(({ hash }) => hash),
    );
  });

  itStoringOnce(kind)('replaces no frame of a segment that the same change deletes', async () => {
    const [gone, kept] = [longSegment(100, 1), longSegment(100, 2)];
    await commit({ newSegments: [gone, kept] });
    const stored = await bench().backend.findSegments([gone.hash, kept.hash]);
    const replaceFrames = [gone, kept].map(({ frame }, at) => ({
      key: stored[at]!.key,
      expected: frame,
      frame,
    }));
    const outcome = await commit({ deleteSegments: [gone.hash], replaceFrames });
    expect(outcome).toMatchObject({
      deleteSegments: [{ deleted: true, refCount: 0 }],
      replaceFrames: [false, true],
    });
    expect(await bench().backend.findSegments([gone.hash])).toEqual([undefined]);
    expect(await bench().backend.stats()).toMatchObject({ segments: 1, segmentBytes: kept.frame.length });
  });
});

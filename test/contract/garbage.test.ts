import { describe, expect, it } from 'vitest';
import {
  type Bench,
  backendKinds,
  garbageKeys,
  readConversation,
  segment,
  storing,
  useBench,
  itStoringOnce,
} from './support.js';
import { messagesOf } from '../support/snapshots.js';

describe.each(backendKinds)('garbage in the %s backend', (kind) => {
  const bench = useBench(kind);
  const commit = (...args: Parameters<Bench['backend']['commit']>) => bench().backend.commit(...args);

  it('deletes, leaves garbage, revives it, and collects the rest', async () => {
    const [a, b] = [segment(1), segment(2)];
    await commit(storing('x', [a, b]));
    await expect(commit({ delete: { id: 'none', timeMs: 0 } })).rejects.toMatchObject({
      reason: 'CONVERSATION_NOT_FOUND',
    });
    await expect(commit({ delete: { id: 'x', revision: 2, timeMs: 0 } })).rejects.toMatchObject({
      reason: 'REVISION_MISMATCH',
    });
    bench().nowMs = 5_000;
    const { delete: deleted } = await commit({ delete: { id: 'x', revision: 1, timeMs: 5_000 } });
    expect(deleted).toEqual({ releasedReferences: 2, garbageSegments: 2 });
    expect(await bench().backend.getConversation('x')).toBeUndefined();
    expect(await garbageKeys(bench(), 4_999)).toEqual([]);
    const keys = await garbageKeys(bench(), 5_000);
    expect(keys).toHaveLength(2);

    await commit(storing('y', [a]));
    const tooEarly = await commit({ collect: { keys, garbageBeforeMs: 4_999 } });
    expect(tooEarly.collect).toEqual({ segments: 0, frameBytes: 0 });
    const { collect } = await commit({ collect: { keys, garbageBeforeMs: 5_000 } });
    expect(collect).toEqual({ segments: 1, frameBytes: b.frame.length });
    expect(await bench().backend.findSegments([b.hash])).toEqual([undefined]);
    expect((await readConversation(bench(), 'y'))?.messages[0]?.hashes).toEqual([a.hash]);
    await expect(bench().backend.readFrames([keys[1]!])).rejects.toMatchObject({
      reason: 'SEGMENT_NOT_FOUND',
    });
    await expect(bench().backend.readHashes([keys[1]!])).rejects.toMatchObject({
      reason: 'SEGMENT_NOT_FOUND',
    });
  });

  itStoringOnce(kind)('makes garbage of segments that nothing names', async () => {
    const a = segment(1);
    await commit({ newSegments: [a] });
    expect(await bench().backend.stats()).toMatchObject({ segments: 1, garbageSegments: 1, garbageBytes: 2 });
    await commit(storing('c', [a]));
    expect(await bench().backend.stats()).toMatchObject({ segments: 1, garbageSegments: 0, garbageBytes: 0 });
  });

  it('collects what the same change takes a reference from that it does not have', async () => {
    const a = segment(1, 2, 3);
    await commit({ newSegments: [a] });
    const keys = await garbageKeys(bench());
    const { collect } = await commit({
      removeReferences: [{ hash: a.hash, holder: 'nobody' }],
      collect: { keys, garbageBeforeMs: Infinity },
    });
    expect(collect?.segments).toBe(1);
    expect(await bench().backend.findSegments([a.hash])).toEqual([undefined]);
  });

  it('leaves what the same change brings and deletes: it is garbage from this change on', async () => {
    const [a, b] = [segment(1, 2, 3), segment(4, 5)];
    await commit({ newSegments: [a, b] });
    const { deleteSegments } = await commit({ newSegments: [a], deleteSegments: [a.hash, b.hash] });
    expect(deleteSegments).toEqual([
      { deleted: false, refCount: 0 },
      { deleted: true, refCount: 0 },
    ]);
    expect(await commit({ deleteSegments: [a.hash] })).toMatchObject({
      deleteSegments: [{ deleted: true, refCount: 0 }],
    });
  });

  it('keeps what an open snapshot may read, and collects it after', async () => {
    const a = segment(1, 2, 3);
    await commit(storing('c', [a]));
    const snapshot = await bench().backend.openConversation('c');
    await commit({ delete: { id: 'c', timeMs: 2_000 } });
    const keys = await garbageKeys(bench());
    const kept = await commit({ collect: { keys, garbageBeforeMs: Infinity } });
    expect(kept.collect?.segments).toBe(0);
    const [only] = await messagesOf(snapshot!);
    const [frame] = await bench().backend.readFrames([only!.segments[0]!.key]);
    expect(bench().codec.hashOf(frame!)).toBe(a.hash);
    snapshot!.release();
    snapshot!.release();
    const { collect } = await commit({ collect: { keys, garbageBeforeMs: Infinity } });
    expect(collect?.segments).toBe(1);
  });

  it('pages through garbage', async () => {
    const segments = [1, 2, 3, 4, 5].map((token) => segment(token));
    await commit({ newSegments: segments });
    const first = await bench().backend.listGarbage({ limit: 3, garbageBeforeMs: 1_000 });
    expect(first.segments.map(({ tokenCount, frameBytes }) => [tokenCount, frameBytes])).toEqual([
      [1, 2],
      [1, 2],
      [1, 2],
    ]);
    const second = await bench().backend.listGarbage({
      limit: 3,
      garbageBeforeMs: 1_000,
      after: first.next!,
    });
    expect(second.segments).toHaveLength(2);
    expect(second.next).toBeUndefined();
  });
});

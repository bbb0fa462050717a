import { describe, expect, it } from 'vitest';
import { listOf, longList, opened, puttingList, shared, statedBy, tokensOf } from './long-lists.js';
import {
  backendKinds,
  message,
  segment,
  spec,
  storing,
  useBench,
  type Bench,
  isPostgres,
} from './support.js';
import { messagesOf } from '../support/snapshots.js';

describe.each(backendKinds)('forking in the %s backend', (kind) => {
  const bench = useBench(kind);
  const commit = (...args: Parameters<Bench['backend']['commit']>) => bench().backend.commit(...args);
  const fork = (id: string, newId: string, messageCount?: number) =>
    commit({ fork: { id, newId, messageCount, timeMs: 2_000 } });

  it('makes a conversation of the first messages, with the fields of its parent', async () => {
    const [a, b] = [segment(1, 2), segment(3)];
    const fields = { application: 'app', model: 'm', tokenizer: 't', expireTimeMs: 9, metadata: { k: 'v' } };
    await commit({
      newSegments: [a, b],
      put: {
        spec: spec('x', { ...fields, parentId: 'p' }),
        messages: [message('user', a, b), message('assistant', b), message('user', a)],
        expect: { kind: 'absentOrSame' },
        timeMs: 1_000,
      },
    });
    const { fork: made } = await commit({
      fork: { id: 'x', newId: 'y', messageCount: 2, revision: 1, timeMs: 500 },
    });
    expect(made).toEqual({
      conversation: {
        ...spec('y', { ...fields, parentId: 'x' }),
        revision: 1,
        messageCount: 2,
        totalTokens: 4,
        createTimeMs: 1_000,
        storeTimeMs: 1_000,
        updateTimeMs: 1_000,
      },
      unchanged: false,
      segments: 0,
      newSegments: 0,
      newTokens: 0,
      newFrameBytes: 0,
    });
    await bench().reopen();
    expect(await bench().backend.getConversation('y')).toEqual(made?.conversation);
    expect(await listOf(bench().backend, 'y')).toEqual([message('user', a, b), message('assistant', b)]);
    expect(await bench().backend.stats()).toMatchObject({
      conversations: 2,
      messages: 5,
      tokens: 10,
      segments: 2,
    });
  });

  it('refuses what cannot be, and makes the same fork once', async () => {
    await commit(storing('x', [segment(1), segment(2)]));
    await commit(storing('other', [segment(1)]));
    await expect(fork('none', 'y')).rejects.toMatchObject({ reason: 'CONVERSATION_NOT_FOUND' });
    await expect(
      commit({ fork: { id: 'x', newId: 'y', messageCount: 1, revision: 3, timeMs: 0 } }),
    ).rejects.toMatchObject({ reason: 'REVISION_MISMATCH' });
    await expect(fork('x', 'y', 3)).rejects.toMatchObject({
      reason: 'RANGE_PAST_END',
      metadata: { field: 'message_count', size: '3', limit: '2' },
    });
    await expect(fork('x', 'other')).rejects.toMatchObject({ reason: 'CONVERSATION_EXISTS' });
    await expect(fork('x', 'x')).rejects.toMatchObject({ reason: 'CONVERSATION_EXISTS' });
    const first = await fork('x', 'y', 1);
    expect((await fork('x', 'y', 1)).fork).toEqual({ ...first.fork, unchanged: true });
    await expect(fork('x', 'y', 2)).rejects.toMatchObject({ reason: 'CONVERSATION_EXISTS' });
    expect((await fork('x', 'empty', 0)).fork).toMatchObject({
      conversation: { messageCount: 0, totalTokens: 0 },
    });
  });

  it('refuses a fork to the id that the same change puts', async () => {
    const a = segment(1);
    await commit(storing('x', [a]));
    const change = { ...storing('y', [a]), fork: { id: 'x', newId: 'y', messageCount: 0, timeMs: 2_000 } };
    const refusal = { reason: 'INVALID_FIELD', metadata: { field: 'new_id' } };
    await expect(commit(change)).rejects.toMatchObject(refusal);
    expect(await bench().backend.getConversation('y')).toBeUndefined();
  });

  it('cuts a long list at any message', async () => {
    const list = longList(3000);
    await commit(puttingList('x', list.slice(0, 2000)));
    await commit({ append: { id: 'x', messages: list.slice(2000), timeMs: 2_000 } });
    const cuts = [0, 1, 2, 150, 333, 334, 335, 800, 1500, 1999, 2000, 2001, 2500, 2999, 3000];
    for (const cut of cuts) await fork('x', `fork/${cut}`, cut);
    await fork('x', 'whole');
    await bench().reopen();
    for (const cut of cuts) {
      expect(await listOf(bench().backend, `fork/${cut}`)).toEqual(list.slice(0, cut));
      expect(await bench().backend.getConversation(`fork/${cut}`)).toMatchObject({
        messageCount: cut,
        totalTokens: tokensOf(list.slice(0, cut)),
      });
    }
    expect(await listOf(bench().backend, 'whole')).toEqual(list);
    // Repeated, each is unchanged.
    for (const cut of cuts) expect((await fork('x', `fork/${cut}`, cut)).fork?.unchanged).toBe(true);
    await expect(fork('x', 'fork/2500', 2499)).rejects.toMatchObject({ reason: 'CONVERSATION_EXISTS' });
  });

  it('of forks that go on by themselves keeps all apart', async () => {
    const list = longList(1600);
    await commit(puttingList('trunk', list));
    await fork('trunk', 'a', 1200);
    await fork('a', 'b', 1100);
    await fork('trunk', 'c');
    const more = (seed: number) => longList(900, 10_000 * seed);
    for (const [index, id] of ['trunk', 'a', 'b', 'c'].entries()) {
      await commit({ append: { id, messages: more(index + 1), timeMs: 3_000 } });
    }
    await fork('b', 'd', 1500);
    const expected: Record<string, typeof list> = {
      trunk: [...list, ...more(1)],
      a: [...list.slice(0, 1200), ...more(2)],
      b: [...list.slice(0, 1100), ...more(3)],
      c: [...list, ...more(4)],
      d: [...list.slice(0, 1100), ...more(3).slice(0, 400)],
    };
    for (const id of ['trunk', 'b', 'a', 'd', 'c']) {
      for (const [other, messages] of Object.entries(expected)) {
        expect(await listOf(bench().backend, other)).toEqual(messages);
      }
      expect(await bench().backend.check()).toEqual([]);
      await commit({ delete: { id, timeMs: 4_000 } });
      delete expected[id];
    }
    expect(await bench().backend.stats()).toMatchObject({ conversations: 0, garbageSegments: shared.length });
  });

  it('leaves a fork what it shares, when its parent goes and everything is collected', async () => {
    const own = segment(77, 78);
    const list = [message('user', own), ...longList(2000)];
    await commit({ ...puttingList('x', list), newSegments: [own, ...shared] });
    await fork('x', 'y', 1700);
    bench().nowMs = 9_000;
    await commit({ delete: { id: 'x', timeMs: 9_000 } });
    const collect = async () => {
      const { segments } = await bench().backend.listGarbage({ limit: 1000, garbageBeforeMs: Infinity });
      return commit({ collect: { keys: segments.map(({ key }) => key), garbageBeforeMs: Infinity } });
    };
    await collect();
    await bench().reopen();
    expect(await listOf(bench().backend, 'y')).toEqual(list.slice(0, 1700));
    await commit({ delete: { id: 'y', timeMs: 9_000 } });
    await collect();
    expect(await bench().backend.stats()).toMatchObject({
      conversations: 0,
      segments: 0,
      garbageSegments: 0,
    });
  });

  it('of many at one point costs next to nothing each', async () => {
    // More than a count of one byte; the files of the filesystem backend are copies.
    // Those of postgres are copies of the list's bytes.
    const sizes = {
      filesystem: [600, 20],
      postgres: [4_000, 60],
      lmdb: [20_000, 300],
      memory: [20_000, 300],
    } as const;
    const [length, forks] = isPostgres(kind) ? sizes.postgres : sizes[kind as keyof typeof sizes];
    const list = longList(length);
    const cut = length / 2;
    await commit(puttingList('x', list));
    await fork('x', 'y/first', cut);
    const before = await bench().backend.stats();
    await Promise.all(Array.from({ length: forks }, (_, n) => fork('x', `y/${n}`, cut)));
    const after = await bench().backend.stats();
    expect(after.segmentBytes).toBe(before.segmentBytes);
    if (kind === 'lmdb') expect(after.inUseBytes - before.inUseBytes).toBeLessThan(forks * 4096);
    expect(await listOf(bench().backend, 'y/7')).toEqual(list.slice(0, cut));
    await Promise.all(
      Array.from({ length: forks }, (_, n) => commit({ delete: { id: `y/${n}`, timeMs: 3_000 } })),
    );
    expect(await listOf(bench().backend, 'y/first')).toEqual(list.slice(0, cut));
  });

  it('and deleted leaves an open snapshot its messages', async () => {
    const list = longList(2600);
    await commit(puttingList('x', list));
    await fork('x', 'y', 2000);
    const snapshots = [await opened(bench().backend, 'x'), await opened(bench().backend, 'y')];
    await commit({ delete: { id: 'x', timeMs: 3_000 } });
    await commit({ delete: { id: 'y', timeMs: 3_000 } });
    for (let n = 0; n < 5; n++) {
      // Commits that would remove unused blocks.
      await commit(storing(`other/${n}`, [segment(n)]));
      const { segments } = await bench().backend.listGarbage({ limit: 1000, garbageBeforeMs: Infinity });
      await commit({ collect: { keys: segments.map(({ key }) => key), garbageBeforeMs: Infinity } });
    }
    expect(await statedBy(bench().backend, await messagesOf(snapshots[0]!))).toEqual(list);
    expect(await statedBy(bench().backend, await messagesOf(snapshots[1]!, 1500))).toEqual(
      list.slice(1500, 2000),
    );
    expect(await bench().backend.check()).toEqual([]);
    for (const snapshot of snapshots) snapshot.release();
    const { segments } = await bench().backend.listGarbage({ limit: 1000, garbageBeforeMs: Infinity });
    await commit({ collect: { keys: segments.map(({ key }) => key), garbageBeforeMs: Infinity } });
    expect(await bench().backend.stats()).toMatchObject({ conversations: 5, segments: 5 });
  });
});

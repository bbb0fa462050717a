import { describe, expect, it } from 'vitest';
import type { Change, RequestMark } from '../../src/storage/index.js';
import { listOf, longList, puttingList } from './long-lists.js';
import { backendKinds, message, segment, storing, useBench, type Bench } from './support.js';

const DAY_MS = 24 * 60 * 60 * 1000;

describe.each(backendKinds)('requests in the %s backend', (kind) => {
  const bench = useBench(kind);
  const commit = (...args: Parameters<Bench['backend']['commit']>) => bench().backend.commit(...args);
  const mark = (id: string, timeMs = 1_000, digest = '0'): RequestMark => ({
    id,
    digest: digest.repeat(32),
    timeMs,
    notBeforeMs: timeMs - DAY_MS,
  });

  it('are made once, whatever they ask for', async () => {
    const [a, b, c] = [segment(1), segment(2), segment(3)];
    await commit(puttingList('long', longList(1500)));
    const changes: Change[] = [
      { ...storing('x', [a, b]), request: mark('put') },
      {
        newSegments: [c],
        append: { id: 'x', messages: [message('user', c)], timeMs: 2 },
        request: mark('append'),
      },
      { fork: { id: 'long', newId: 'fork', messageCount: 1200, timeMs: 3 }, request: mark('fork') },
      {
        addReferences: [a, segment(99), b].map(({ hash }) => ({ hash, holder: 'h' })),
        request: mark('refer'),
      },
      { removeReferences: [{ hash: a.hash, holder: 'h' }], request: mark('release') },
      { deleteSegments: [segment(99).hash, a.hash], request: mark('deleteSegments') },
      { delete: { id: 'x', timeMs: 4 }, request: mark('delete') },
      { newSegments: [segment(50)], request: mark('segments') },
    ];
    const results = [];
    for (const change of changes) results.push(await commit(change));
    const before = await bench().backend.stats();
    await bench().reopen();
    for (const [index, change] of changes.entries()) {
      expect(await commit(change)).toEqual({ ...results[index], replayed: true });
    }
    expect({ ...(await bench().backend.stats()), fileBytes: 0 }).toEqual({ ...before, fileBytes: 0 });
    expect(await bench().backend.getConversation('x')).toBeUndefined();
  });

  it('are refused under an id that another one had', async () => {
    const change = { ...storing('x', [segment(1)]), request: mark('r') };
    await commit(change);
    await expect(commit({ ...change, request: mark('r', 1_000, '1') })).rejects.toMatchObject({
      reason: 'REQUEST_ID_REUSED',
      metadata: { request_id: 'r' },
    });
    await expect(
      commit({ delete: { id: 'none', timeMs: 0 }, request: mark('r', 1_000, '1') }),
    ).rejects.toMatchObject({ reason: 'REQUEST_ID_REUSED' });
    expect(await commit(change)).toMatchObject({ replayed: true });
  });

  it('are not remembered when they are refused', async () => {
    const request = mark('r');
    await expect(commit({ delete: { id: 'x', timeMs: 0 }, request })).rejects.toMatchObject({
      reason: 'CONVERSATION_NOT_FOUND',
    });
    await commit(storing('x', [segment(1)]));
    const result = await commit({ delete: { id: 'x', timeMs: 0 }, request });
    expect(result.delete).toEqual({ releasedReferences: 1, garbageSegments: 1 });
    expect(result.replayed).toBeUndefined();
  });

  it('that changed nothing are remembered too', async () => {
    await commit(storing('x', [segment(1)]));
    await commit({ fork: { id: 'x', newId: 'y', messageCount: 1, timeMs: 0 } });
    const put = { ...storing('x', [segment(1)]), request: mark('put') };
    const fork = { fork: { id: 'x', newId: 'y', messageCount: 1, timeMs: 0 }, request: mark('fork') };
    const results = [await commit(put), await commit(fork)];
    expect(results).toMatchObject([{ put: { unchanged: true } }, { fork: { unchanged: true } }]);
    await commit({ delete: { id: 'y', timeMs: 0 } });
    await commit({ delete: { id: 'x', timeMs: 0 } });
    await bench().reopen();
    expect([await commit(put), await commit(fork)]).toEqual(
      results.map((each) => ({ ...each, replayed: true })),
    );
    expect(await bench().backend.getConversation('x')).toBeUndefined();
  });

  it('see each other in one group', async () => {
    await commit(storing('x', []));
    const append = { id: 'x', messages: [message('user')], timeMs: 0 };
    const results = await Promise.all(
      Array.from({ length: 40 }, (_, n) => commit({ append, request: mark(`r${n % 4}`) })),
    );
    expect(results.filter(({ replayed }) => !replayed)).toHaveLength(4);
    expect(await listOf(bench().backend, 'x')).toHaveLength(4);
    for (let n = 0; n < 40; n++) expect(results[n]!.append).toEqual(results[n % 4]!.append);
  });

  it('are forgotten after a day, and leave nothing behind', async () => {
    await commit(storing('x', []));
    const append = { id: 'x', messages: [message('user')], timeMs: 0 };
    const empty = await bench().backend.stats();
    await Promise.all(
      Array.from({ length: 300 }, (_, n) => commit({ append, request: mark(`r${n}`, 1_000 + n) })),
    );
    expect(await commit({ append, request: mark('r7', 1_007 + DAY_MS) })).toMatchObject({ replayed: true });
    await bench().reopen();
    const again = await commit({ append, request: mark('r7', 1_008 + DAY_MS) });
    expect(again.replayed).toBeUndefined();
    expect(again.append?.conversation.revision).toBe(302);
    expect(await commit({ append, request: mark('r7', 1_009 + DAY_MS) })).toMatchObject({ replayed: true });
    expect(await commit({ append, request: mark('r299', 1_009 + DAY_MS) })).toMatchObject({ replayed: true });
    expect(await bench().backend.check()).toEqual([]);
    for (let n = 0; n < 40; n++) await commit({ append, request: mark(`s${n}`, 5_000 + n + DAY_MS) });
    await bench().reopen();
    expect(await bench().backend.check()).toEqual([]);
    if (kind !== 'filesystem') return;
    // 41 files of requests are left, and the manifest.
    const { inUseBytes } = await bench().backend.stats();
    expect(inUseBytes - empty.inUseBytes).toBeLessThanOrEqual((41 + 16) * 4096);
  });

  it('of a clock that ran ahead are remembered for a day of it, and keep no others', async () => {
    await commit(storing('x', []));
    const append = { id: 'x', messages: [], timeMs: 2 };
    const aheadMs = 3000 * DAY_MS;
    await commit({ append, request: mark('slightly', DAY_MS) });
    expect(await commit({ append, request: mark('slightly', 1_000) })).toMatchObject({ replayed: true });
    await commit({ append, request: mark('ahead', aheadMs) });
    expect(await commit({ append, request: mark('ahead', aheadMs + 1) })).toMatchObject({ replayed: true });
    // Then the clock is right again.
    expect((await commit({ append, request: mark('ahead', 1_000) })).replayed).toBeUndefined();
    expect(await commit({ append, request: mark('ahead', 2_000) })).toMatchObject({ replayed: true });
    for (let n = 0; n < 40; n++) await commit({ append, request: mark(`ahead${n}`, aheadMs + n) });
    const before = await bench().backend.stats();
    for (let n = 0; n < 40; n++) await commit({ append, request: mark(`right${n}`, 3_000 + n) });
    for (let n = 0; n < 40; n++) await commit({ append, request: mark(`later${n}`, 3 * DAY_MS + n) });
    const after = await bench().backend.stats();
    // As many are removed as are added: requests with a future time hold nothing up.
    expect(after.inUseBytes).toBeLessThanOrEqual(before.inUseBytes + 64 * 1024);
    expect((await commit({ append, request: mark('ahead3', 3 * DAY_MS) })).replayed).toBeUndefined();
    expect((await commit({ append, request: mark('right3', 3 * DAY_MS) })).replayed).toBeUndefined();
  });

  it('have ids of any kind', async () => {
    for (const id of ['../../x', 'ü/ö', 'a\0b', ' ', 'x'.repeat(128)]) {
      const change = { ...storing(`c${id}`, [segment(1)]), request: mark(id) };
      const first = await commit(change);
      await bench().reopen();
      expect(await commit(change)).toEqual({ ...first, replayed: true });
    }
  });
});

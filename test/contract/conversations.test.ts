import { describe, expect, it } from 'vitest';
import {
  type Bench,
  backendKinds,
  garbageKeys,
  message,
  openBench,
  readConversation,
  segment,
  spec,
  storing,
  useBench,
} from './support.js';

describe.each(backendKinds)('conversations in the %s backend', (kind) => {
  const bench = useBench(kind);
  const commit = (...args: Parameters<Bench['backend']['commit']>) => bench().backend.commit(...args);

  it('gives back what was stored, also when it is opened again', async () => {
    const a = segment(1, 2, 3);
    const b = segment(0xffffffff);
    const fields = {
      application: 'app',
      model: 'gpt-4o',
      tokenizer: 'o200k_base',
      parentId: 'parent',
      expireTimeMs: -5,
      metadata: { z: '1', a: 'ü', '': '', __proto__x: 'y' },
    };
    const messages = [
      { ...message('system', a), name: 'nick', toolCallId: 'call_1' },
      message('user'),
      message('', b, a, b),
    ];
    const { put } = await commit({
      newSegments: [a, b],
      put: { spec: spec('c', fields), messages, expect: { kind: 'absentOrSame' }, timeMs: 5_000 },
    });
    expect(put).toMatchObject({ unchanged: false, segments: 2, newSegments: 2, newTokens: 4 });
    expect(put?.newFrameBytes).toBe(a.frame.length + b.frame.length);
    await bench().reopen();
    const found = await readConversation(bench(), 'c');
    expect(found?.conversation).toEqual({
      ...spec('c', fields),
      revision: 1,
      totalTokens: 8,
      messageCount: 3,
      createTimeMs: 5_000,
      storeTimeMs: 5_000,
      updateTimeMs: 5_000,
    });
    expect(found?.messages).toEqual([
      { role: 'system', name: 'nick', toolCallId: 'call_1', tokenCount: 3, hashes: [a.hash] },
      { role: 'user', name: '', toolCallId: '', tokenCount: 0, hashes: [] },
      { role: '', name: '', toolCallId: '', tokenCount: 5, hashes: [b.hash, a.hash, b.hash] },
    ]);
    expect(await bench().backend.getConversation('c')).toEqual(found?.conversation);
  });

  it('deletes only what passes a filter at the commit, if it is given one', async () => {
    await commit(storing('c', [segment(1)]));
    const remove = (application: string) =>
      commit({ delete: { id: 'c', revision: 1, filter: { application }, timeMs: 2_000 } });
    await expect(remove('another')).rejects.toMatchObject({ reason: 'CONVERSATION_NOT_FOUND' });
    const { application } = (await bench().backend.getConversation('c'))!;
    await Promise.all([
      commit({ delete: { id: 'c', timeMs: 2_000 } }),
      commit({
        ...storing('c', [segment(1)], 2_000),
        put: { ...storing('c', [segment(1)], 2_000).put!, spec: spec('c', { application: 'another' }) },
      }),
      expect(remove(application)).rejects.toMatchObject({ reason: 'CONVERSATION_NOT_FOUND' }),
    ]);
    expect((await bench().backend.getConversation('c'))?.application).toBe('another');
    expect((await remove('another')).delete).toMatchObject({ releasedReferences: 1 });
  });

  it('answers a second store of the same content with "unchanged", and refuses other content', async () => {
    const a = segment(1);
    const first = await commit(storing('c', [a]));
    const again = await commit(storing('c', [a], 9_000));
    expect(again.put).toEqual({
      ...first.put,
      unchanged: true,
      newSegments: 0,
      newTokens: 0,
      newFrameBytes: 0,
    });
    await expect(commit(storing('c', [a, segment(2)]))).rejects.toMatchObject({
      reason: 'CONVERSATION_EXISTS',
      metadata: { id: 'c', revision: '1' },
    });
    const other = storing('c', [a]);
    for (const fields of [{ model: 'm' }, { metadata: { a: '1' } }, { parentId: 'p' }, { expireTimeMs: 0 }]) {
      const put = { ...other.put!, spec: spec('c', fields) };
      await expect(commit({ newSegments: [a], put })).rejects.toMatchObject({
        reason: 'CONVERSATION_EXISTS',
      });
    }
    expect((await bench().backend.stats()).segments).toBe(1);
  });

  it('replaces a revision, and counts references as facts', async () => {
    const [a, b, c] = [segment(1), segment(2), segment(3)];
    await commit(storing('x', [a, b]));
    await commit(storing('y', [b]));
    const replace = (revision: number) => ({
      newSegments: [c],
      put: {
        spec: spec('x'),
        messages: [message('user', b, c)],
        expect: { kind: 'revision' as const, revision },
        timeMs: 3_000,
      },
    });
    await expect(commit(replace(2))).rejects.toMatchObject({
      reason: 'REVISION_MISMATCH',
      metadata: { id: 'x', revision: '1' },
    });
    await expect(commit(replace(0))).rejects.toMatchObject({ reason: 'REVISION_MISMATCH' });
    const { put } = await commit(replace(1));
    expect(put?.conversation).toMatchObject({ revision: 2, createTimeMs: 1_000, updateTimeMs: 3_000 });
    expect(put).toMatchObject({ segments: 2, newSegments: 1 });
    expect(await garbageKeys(bench())).toHaveLength(1);
    const [stored] = await bench().backend.findSegments([a.hash]);
    expect(await garbageKeys(bench())).toEqual([stored?.key]);
  });

  it('creates with revision 0 only where there is none', async () => {
    const put = { ...storing('c', []).put!, expect: { kind: 'revision' as const, revision: 0 } };
    await commit({ put });
    await expect(commit({ put })).rejects.toMatchObject({ reason: 'REVISION_MISMATCH' });
  });

  it('refuses a manifest whose segments are not there, and writes nothing of it', async () => {
    const [a, b] = [segment(1), segment(2)];
    const put = { ...storing('c', [a, b]).put! };
    await expect(commit({ newSegments: [a], put })).rejects.toMatchObject({
      reason: 'SEGMENT_MISSING',
      metadata: { hashes: b.hash },
    });
    expect(await bench().backend.getConversation('c')).toBeUndefined();
    expect((await bench().backend.stats()).segments).toBe(0);
  });

  it('takes changes that arrive together, each after those before it', async () => {
    const a = segment(1);
    const changes = [
      storing('c', [a]),
      storing('c', [a]),
      storing('c', [segment(2)]),
      storing('d', [a, segment(3)]),
      { delete: { id: 'c', timeMs: 1_000 } },
      { delete: { id: 'c', timeMs: 1_000 } },
    ];
    const settled = await Promise.allSettled(changes.map((change) => commit(change)));
    expect(
      settled.map((each) =>
        each.status === 'fulfilled' ? 'done' : (each.reason as { reason: string }).reason,
      ),
    ).toEqual(['done', 'done', 'CONVERSATION_EXISTS', 'done', 'done', 'CONVERSATION_NOT_FOUND']);
    expect(await bench().backend.stats()).toMatchObject({
      conversations: 1,
      segments: 2,
      garbageSegments: 0,
    });
  });

  it.each(['../../x', '/abs', 'a/b', 'ü', '\0', 'x.json', '.', 'é'.repeat(256), 'a'.repeat(512)])(
    'keeps the id %j as it is',
    async (id) => {
      await commit(storing(id, [segment(1)]));
      await commit(storing(`${id.slice(0, 100)}~`, [segment(1)]));
      await bench().reopen();
      expect((await readConversation(bench(), id))?.conversation.id).toBe(id);
      const { conversations } = await bench().backend.listConversations({
        filter: { idPrefix: id },
        order: 'newestFirst',
        limit: 10,
        scanLimit: 100,
      });
      expect(conversations.map((each) => each.id)).toContain(id);
    },
  );

  it('lets store times never go back', async () => {
    await commit(storing('a', [], 5_000));
    const { put } = await commit(storing('b', [], 4_000));
    expect(put?.conversation).toMatchObject({ createTimeMs: 5_000, updateTimeMs: 5_000 });
  });

  it('refuses work once it is closed', async () => {
    const before = await bench().backend.check();
    expect(before).toEqual([]);
    await bench().backend.close();
    await expect(commit(storing('c', []))).rejects.toMatchObject({ reason: 'SHUTTING_DOWN' });
    bench().backend = (await openBench('memory')).backend;
  });
});

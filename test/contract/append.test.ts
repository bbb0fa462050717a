import { describe, expect, it } from 'vitest';
import { listOf, longList, opened, puttingList, shared, statedBy, tokensOf } from './long-lists.js';
import { backendKinds, message, segment, spec, storing, useBench, type Bench } from './support.js';
import { messagesOf } from '../support/snapshots.js';

describe.each(backendKinds)('appending in the %s backend', (kind) => {
  const bench = useBench(kind);
  const commit = (...args: Parameters<Bench['backend']['commit']>) => bench().backend.commit(...args);
  const garbage = async () => (await bench().backend.stats()).garbageSegments;

  it('adds messages at the end, as one revision more', async () => {
    const [a, b, c] = [segment(1), segment(2, 3), segment(4, 5, 6)];
    await commit({ ...storing('x', [a, b]), put: { ...storing('x', [a, b]).put!, timeMs: 1_000 } });
    const { append } = await commit({
      newSegments: [b, c],
      append: { id: 'x', messages: [message('user', c, b, c), message('tool')], revision: 1, timeMs: 3_000 },
    });
    expect(append).toEqual({
      conversation: {
        ...spec('x'),
        revision: 2,
        messageCount: 4,
        totalTokens: 3 + 8,
        createTimeMs: 1_000,
        storeTimeMs: 1_000,
        updateTimeMs: 3_000,
      },
      unchanged: false,
      segments: 2,
      newSegments: 1,
      newTokens: 3,
      newFrameBytes: c.frame.length,
    });
    await bench().reopen();
    expect(await bench().backend.getConversation('x')).toEqual(append?.conversation);
    expect(await listOf(bench().backend, 'x')).toEqual([
      message('user', a),
      message('user', b),
      message('user', c, b, c),
      message('tool'),
    ]);
    expect(await bench().backend.stats()).toMatchObject({
      messages: 4,
      tokens: 11,
      segments: 3,
      garbageSegments: 0,
    });
  });

  it('refuses what is not there, and writes nothing of it', async () => {
    const [a, b] = [segment(1), segment(2)];
    await commit(storing('x', [a]));
    const append = { id: 'x', messages: [message('user', b)], timeMs: 2_000 };
    await expect(commit({ append: { ...append, id: 'y' }, newSegments: [b] })).rejects.toMatchObject({
      reason: 'CONVERSATION_NOT_FOUND',
    });
    await expect(commit({ append: { ...append, revision: 2 }, newSegments: [b] })).rejects.toMatchObject({
      reason: 'REVISION_MISMATCH',
      metadata: { id: 'x', revision: '1' },
    });
    await expect(commit({ append })).rejects.toMatchObject({
      reason: 'SEGMENT_MISSING',
      metadata: { hashes: b.hash },
    });
    expect(await bench().backend.getConversation('x')).toMatchObject({ revision: 1, messageCount: 1 });
    expect((await bench().backend.stats()).segments).toBe(1);
  });

  it('refuses what was made for another state of the conversation', async () => {
    const [a] = [segment(1)];
    await commit(storing('x', [a]));
    const { tokenizer, ...stored } = (await bench().backend.getConversation('x'))!;
    const append = { id: 'x', messages: [message('user', a)], timeMs: 2_000 };
    const blocks = new Uint8Array(0);
    const outdated = [
      { ...append, tokenizer: `not ${tokenizer}` },
      ...(['revision', 'storeTimeMs', 'updateTimeMs', 'totalTokens'] as const).map((name) => ({
        ...append,
        prefix: { after: { ...stored, [name]: stored[name] + 1 }, blocks },
      })),
    ];
    for (const each of outdated)
      await expect(commit({ append: each })).rejects.toMatchObject({ reason: 'PREFIX_OUTDATED' });
    const made = await commit({ append: { ...append, tokenizer, prefix: { after: stored, blocks } } });
    expect(made.append?.conversation.revision).toBe(2);
  });

  it('adds nothing as a revision, too', async () => {
    await commit(storing('x', [segment(1)]));
    const { append } = await commit({ append: { id: 'x', messages: [], timeMs: 2_000 } });
    expect(append).toMatchObject({ segments: 0, conversation: { revision: 2, messageCount: 1 } });
  });

  it.each([1, 7, 400])('grows a list by %i at a time to what one put makes of it', async (step) => {
    // The filesystem backend writes the whole manifest each time.
    const length = kind === 'filesystem' ? 400 : 4000;
    const whole = longList(step === 1 ? Math.min(length, 700) : length);
    await commit(puttingList('grown', whole.slice(0, 3)));
    for (let at = 3; at < whole.length; at += step) {
      const messages = whole.slice(at, at + step);
      await commit({ append: { id: 'grown', messages, timeMs: 2_000 } });
    }
    await commit(puttingList('put', whole));
    await bench().reopen();
    expect(await listOf(bench().backend, 'grown')).toEqual(whole);
    expect(await listOf(bench().backend, 'put')).toEqual(whole);
    const [grown, put] = [
      await bench().backend.getConversation('grown'),
      await bench().backend.getConversation('put'),
    ];
    expect(grown).toMatchObject({ messageCount: whole.length, totalTokens: tokensOf(whole) });
    expect(put).toMatchObject({ messageCount: whole.length, totalTokens: tokensOf(whole) });
    // The very same content, in whatever way it was stored.
    const again = await commit(puttingList('grown', whole));
    expect(again.put).toMatchObject({ unchanged: true, newSegments: 0 });
    await expect(commit(puttingList('grown', whole.slice(1)))).rejects.toMatchObject({
      reason: 'CONVERSATION_EXISTS',
    });
    const other = [...whole.slice(0, -1), message('user', shared[0]!)];
    await expect(commit(puttingList('grown', other))).rejects.toMatchObject({
      reason: 'CONVERSATION_EXISTS',
    });
  });

  it('leaves an open snapshot the revision that it is of', async () => {
    const before = longList(1500);
    await commit(puttingList('x', before));
    const snapshot = await opened(bench().backend, 'x');
    const first = await snapshot.read(0, 1);
    for (let n = 0; n < 3; n++) {
      await commit({ append: { id: 'x', messages: longList(600, 1500 + 600 * n), timeMs: 2_000 } });
    }
    const rest = await messagesOf(snapshot, 1);
    expect(await statedBy(bench().backend, [...first, ...rest])).toEqual(before);
    expect(snapshot.conversation.messageCount).toBe(1500);
    snapshot.release();
    expect(await listOf(bench().backend, 'x')).toEqual(longList(3300));
  });

  it('holds every segment until the conversation goes', async () => {
    const whole = longList(3000);
    await commit(puttingList('x', whole.slice(0, 100)));
    for (let at = 100; at < 3000; at += 290) {
      await commit({ append: { id: 'x', messages: whole.slice(at, at + 290), timeMs: 2_000 } });
    }
    expect(await garbage()).toBe(0);
    expect(await bench().backend.check()).toEqual([]);
    const { delete: deleted } = await commit({ delete: { id: 'x', revision: 11, timeMs: 3_000 } });
    expect(deleted?.garbageSegments).toBe(shared.length);
    expect(deleted?.releasedReferences).toBeGreaterThanOrEqual(shared.length);
    expect(await garbage()).toBe(shared.length);
    expect(await bench().backend.stats()).toMatchObject({ conversations: 0, messages: 0, tokens: 0 });
  });

  it('replaces a long list by a short one, and the other way round', async () => {
    const long = longList(2500);
    await commit(puttingList('x', long));
    const replace = (messages: typeof long, revision: number) =>
      commit({
        newSegments: shared,
        put: { spec: spec('x'), messages, expect: { kind: 'revision', revision }, timeMs: 2_000 },
      });
    await replace([message('user', shared[3]!)], 1);
    expect(await listOf(bench().backend, 'x')).toEqual([message('user', shared[3]!)]);
    expect(await garbage()).toBe(shared.length - 1);
    await replace(long.slice(200), 2);
    expect(await garbage()).toBe(0);
    await replace(long, 3);
    expect(await listOf(bench().backend, 'x')).toEqual(long);
    expect(await bench().backend.stats()).toMatchObject({ messages: 2500, garbageSegments: 0 });
  });

  it('keeps a message of more segments than a page has room for, among others', async () => {
    const huge = message(
      'user',
      ...Array.from({ length: 5000 }, (_, n) => shared[(n * 11) % shared.length]!),
    );
    const messages = [...longList(3), huge, ...longList(900, 3), huge];
    await commit(puttingList('x', messages.slice(0, 2)));
    await commit({ append: { id: 'x', messages: messages.slice(2, 700), timeMs: 2_000 } });
    await commit({ append: { id: 'x', messages: messages.slice(700), timeMs: 2_000 } });
    await commit(puttingList('y', messages));
    await commit(puttingList('z', [huge]));
    await bench().reopen();
    expect(await listOf(bench().backend, 'x')).toEqual(messages);
    expect(await listOf(bench().backend, 'y')).toEqual(messages);
    expect(await listOf(bench().backend, 'z')).toEqual([huge]);
  });

  it('grows beside metadata of any size', async () => {
    for (const bytes of [900, 1200, 2000, 3000, 50_000]) {
      const id = `x${bytes}`;
      const whole = longList(1500);
      await commit(puttingList(id, whole.slice(0, 300), { metadata: { k: 'v'.repeat(bytes) } }));
      for (let at = 300; at < 1500; at += 100) {
        await commit({ append: { id, messages: whole.slice(at, at + 100), timeMs: 2_000 } });
      }
      expect(await listOf(bench().backend, id)).toEqual(whole);
    }
  });

  it('comes with other changes in one commit, which are made one after the other', async () => {
    const list = longList(1200);
    const change = {
      ...puttingList('x', list.slice(0, 1000)),
      append: { id: 'y', messages: list.slice(1000), timeMs: 2_000 },
      fork: { id: 'y', newId: 'z', messageCount: undefined, timeMs: 2_000 },
      delete: { id: 'y', timeMs: 2_000 },
    };
    await commit(puttingList('y', list.slice(0, 1000)));
    const result = await commit(change);
    expect(result.append?.conversation).toMatchObject({ id: 'y', messageCount: 1200 });
    expect(result.fork?.conversation).toMatchObject({ id: 'z', messageCount: 1200, parentId: 'y' });
    expect(await listOf(bench().backend, 'x')).toEqual(list.slice(0, 1000));
    expect(await listOf(bench().backend, 'y')).toBeUndefined();
    expect(await listOf(bench().backend, 'z')).toEqual(list);
  });

  it('of many at once makes all of them, in order', async () => {
    await commit(puttingList('x', []));
    const list = longList(400);
    await Promise.all(list.map((each) => commit({ append: { id: 'x', messages: [each], timeMs: 2_000 } })));
    expect(await listOf(bench().backend, 'x')).toEqual(list);
    expect(await bench().backend.getConversation('x')).toMatchObject({ revision: 401 });
  });
});

import { describe, expect, it } from 'vitest';
import { backendKinds, message, segment, spec, useBench } from './support.js';

describe.each(backendKinds)('fields of messages in the %s backend', (kind) => {
  const bench = useBench(kind);
  const commit = (...args: Parameters<ReturnType<typeof bench>['backend']['commit']>) =>
    bench().backend.commit(...args);

  const said = segment(1, 2, 3);
  const fields = segment(7, 8, 9, 10);
  const more = segment(11);
  const withFields = { ...message('user', said, fields), fieldSegments: 1 };

  async function read(id: string) {
    const snapshot = (await bench().backend.openConversation(id))!;
    try {
      const messages = await snapshot.read(0, 10);
      const lengths = messages.map(({ tokenCount, segments, fields: kept = [] }) => [
        tokenCount,
        segments.length,
        kept.map((each) => each.tokenCount),
      ]);
      return { conversation: snapshot.conversation, lengths, end: await snapshot.locate(1000) };
    } finally {
      snapshot.release();
    }
  }

  const put = (messages: readonly (typeof withFields)[]) => ({
    newSegments: [said, fields],
    put: { spec: spec('c'), messages, expect: { kind: 'absentOrSame' as const }, timeMs: 1000 },
  });

  it('are no part of its tokens, and come back', async () => {
    const stored = await commit(put([withFields, { ...message('user', fields), fieldSegments: 1 }]));
    expect(stored.put).toMatchObject({ newSegments: 2, newTokens: 3, conversation: { totalTokens: 3 } });
    expect(await read('c')).toMatchObject({
      lengths: [
        [3, 1, [4]],
        [0, 0, [4]],
      ],
      end: { message: 2, tokensBefore: 3 },
    });
    expect(await bench().backend.stats()).toMatchObject({ tokens: 3, uniqueTokens: 7 });
  });

  it('make content of its own', async () => {
    await commit(put([withFields]));
    expect((await commit(put([withFields]))).put).toMatchObject({ unchanged: true });
    const plain = { ...put([]), put: { ...put([]).put, messages: [message('user', said, fields)] } };
    await expect(commit(plain)).rejects.toMatchObject({ reason: 'CONVERSATION_EXISTS' });
  });

  it('are appended, forked, and garbage when nothing has them any more', async () => {
    await commit(put([withFields]));
    const next = { ...message('assistant', more, fields), fieldSegments: 1 };
    const appended = await commit({
      newSegments: [more],
      append: { id: 'c', messages: [next], timeMs: 1001 },
    });
    expect(appended.append).toMatchObject({
      newTokens: 1,
      conversation: { totalTokens: 4, messageCount: 2 },
    });
    await commit({ fork: { id: 'c', newId: 'f', messageCount: 1, timeMs: 1002 } });
    expect(await read('f')).toMatchObject({ lengths: [[3, 1, [4]]], conversation: { totalTokens: 3 } });
    await commit({ delete: { id: 'c', timeMs: 1003 } });
    expect(await bench().backend.stats()).toMatchObject({ tokens: 3, garbageSegments: 1 });
    await commit({ delete: { id: 'f', timeMs: 1004 } });
    expect(await bench().backend.stats()).toMatchObject({ tokens: 0, garbageSegments: 3 });
  });
});

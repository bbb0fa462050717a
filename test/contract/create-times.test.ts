import { describe, expect, it } from 'vitest';
import type { ConversationFilter, ListOrder, ListPosition } from '../../src/storage/index.js';
import { backendKinds, longSegment, message, spec, useBench } from './support.js';

describe.each(backendKinds)('create times of their own in the %s backend', (kind) => {
  const bench = useBench(kind);
  const a = longSegment(10, 1);

  const store = async (id: string, timeMs: number, createTimeMs?: number, revision?: number) => {
    const { put } = await bench().backend.commit({
      newSegments: [a],
      put: {
        spec: spec(id, createTimeMs === undefined ? {} : { createTimeMs }),
        messages: [message('user', a)],
        expect: revision === undefined ? { kind: 'absentOrSame' } : { kind: 'revision', revision },
        timeMs,
      },
    });
    return put!;
  };

  const page = (order: ListOrder, limit: number, after?: ListPosition, filter: ConversationFilter = {}) =>
    bench().backend.listConversations({ filter, order, limit, scanLimit: 100, ...(after && { after }) });

  const ids = async (order: ListOrder, filter: ConversationFilter = {}) => {
    const { conversations } = await page(order, 100, undefined, filter);
    return conversations.map(({ id }) => id);
  };

  it('are kept beside the store times, and lists go by them', async () => {
    await store('now', 5_000);
    const { conversation } = await store('old', 6_000, 1_000);
    expect(conversation).toMatchObject({ createTimeMs: 1_000, storeTimeMs: 6_000, updateTimeMs: 6_000 });
    await store('older', 7_000, 500);
    await store('ahead', 8_000, 9_500);
    await store('next', 9_000);
    await bench().reopen();
    expect(await ids('oldestFirst')).toEqual(['older', 'old', 'now', 'next', 'ahead']);
    expect(await ids('newestFirst')).toEqual(['ahead', 'next', 'now', 'old', 'older']);
    expect(await ids('newestFirst', { createTimeFromMs: 1_000, createTimeBeforeMs: 9_000 })).toEqual([
      'now',
      'old',
    ]);
    expect(await ids('oldestFirst', { createTimeFromMs: 501, createTimeBeforeMs: 9_001 })).toEqual([
      'old',
      'now',
      'next',
    ]);
    expect(await ids('latestUpdateFirst')).toEqual(['next', 'ahead', 'older', 'old', 'now']);
    expect((await bench().backend.getConversation('older'))?.createTimeMs).toBe(500);
  });

  it('are a part of the content only where they are given', async () => {
    await store('c', 5_000, 1_000);
    expect(await store('c', 6_000)).toMatchObject({ unchanged: true, conversation: { createTimeMs: 1_000 } });
    expect(await store('c', 6_000, 1_000)).toMatchObject({ unchanged: true });
    await expect(store('c', 6_000, 2_000)).rejects.toMatchObject({ reason: 'CONVERSATION_EXISTS' });
    expect(await store('c', 6_000, 2_000, 1)).toMatchObject({
      conversation: { revision: 2, createTimeMs: 2_000, storeTimeMs: 5_000, updateTimeMs: 6_000 },
    });
    expect((await store('c', 7_000, undefined, 2)).conversation.createTimeMs).toBe(2_000);
  });

  it('can be given to a conversation that is stored already', async () => {
    await store('a', 1_000);
    await store('b', 2_000);
    await store('c', 3_000);
    await store('b', 4_000, 100, 1);
    expect(await ids('oldestFirst')).toEqual(['b', 'a', 'c']);
    await store('c', 5_000, 50, 1);
    expect(await ids('newestFirst')).toEqual(['a', 'b', 'c']);
    await bench().backend.commit({ delete: { id: 'b', timeMs: 6_000 } });
    expect(await ids('newestFirst')).toEqual(['a', 'c']);
  });

  it('stay when messages are appended, and are not those of a fork', async () => {
    await store('c', 5_000, 1_000);
    const { append } = await bench().backend.commit({
      append: { id: 'c', messages: [message('user', a)], timeMs: 6_000 },
    });
    expect(append?.conversation).toMatchObject({
      createTimeMs: 1_000,
      storeTimeMs: 5_000,
      updateTimeMs: 6_000,
    });
    const { fork } = await bench().backend.commit({
      fork: { id: 'c', newId: 'f', messageCount: undefined, timeMs: 7_000 },
    });
    expect(fork?.conversation).toMatchObject({ createTimeMs: 7_000, storeTimeMs: 7_000 });
    expect(await ids('oldestFirst')).toEqual(['c', 'f']);
  });

  it('do not disturb a list that began before the first of them', async () => {
    for (let n = 1; n <= 6; n++) await store(`c${n}`, n * 1_000);
    const newest = await page('newestFirst', 2);
    const oldest = await page('oldestFirst', 2);
    await bench().backend.commit({ delete: { id: 'c2', timeMs: 7_000 } });
    await store('old', 7_000, 100);
    await store('new', 8_000, 7_500);
    const after = async (order: ListOrder, next: ListPosition | undefined) =>
      (await page(order, 100, next)).conversations.map(({ id }) => id);
    expect(await after('newestFirst', newest.next)).toEqual(['c4', 'c3', 'c1', 'old']);
    expect(await after('oldestFirst', oldest.next)).toEqual(['c3', 'c4', 'c5', 'c6', 'new']);
  });

  it('are when the usage of a store is counted', async () => {
    if (!bench().backend.usage) return;
    const hour = 3_600_000;
    await store('c', 10 * hour, 2 * hour);
    await bench().backend.commit({ append: { id: 'c', messages: [message('user', a)], timeMs: 11 * hour } });
    const found: [number, number][] = [];
    const onRow = ({ timeMs, figures }: { timeMs: number; figures: { messages: number } }) =>
      void found.push([timeMs, figures.messages]);
    await bench().backend.usage!({ fromMs: 0, beforeMs: Infinity, onRow });
    expect(found).toEqual([
      [2 * hour, 1],
      [11 * hour, 1],
    ]);
  });
});

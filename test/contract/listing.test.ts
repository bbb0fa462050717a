import { describe, expect, it } from 'vitest';
import { limits, present } from '../../src/model/index.js';
import { type Bench, backendKinds, longSegment, message, spec, storing, useBench } from './support.js';

describe.each(backendKinds)('listing in the %s backend', (kind) => {
  const bench = useBench(kind);
  const commit = (...args: Parameters<Bench['backend']['commit']>) => bench().backend.commit(...args);

  const filled = async () => {
    for (let index = 1; index <= 9; index++) {
      await commit({
        newSegments: [longSegment(index, 1)],
        put: {
          spec: spec(`c${index}`, {
            model: index % 2 ? 'odd' : 'even',
            metadata: { third: String(index % 3) },
          }),
          messages: [message('user', longSegment(index, 1))],
          expect: { kind: 'absentOrSame' },
          timeMs: index * 1_000,
        },
      });
    }
  };
  const list = async (query: Partial<Parameters<Bench['backend']['listConversations']>[0]>) => {
    const page = await bench().backend.listConversations({
      filter: {},
      order: 'newestFirst',
      limit: 100,
      scanLimit: 100,
      ...query,
    });
    return { ids: page.conversations.map(({ id }) => id).join(' '), next: page.next };
  };

  it('keeps its order, and finds by time, after a clock that ran ahead', async () => {
    await filled();
    const put = (id: string, timeMs: number) =>
      commit({
        newSegments: [longSegment(1, 1)],
        put: {
          spec: spec(id),
          messages: [message('user', longSegment(1, 1))],
          expect: { kind: 'absentOrSame' },
          timeMs,
        },
      });
    await put('ahead', 1_000_000);
    await put('right', 11_000);
    await put('fork-parent', 12_000);
    await commit({ fork: { id: 'c1', newId: 'fork', messageCount: 1, timeMs: 13_000 } });
    await put('caught-up', 1_000_001);
    const later = 'ahead right fork-parent fork caught-up';
    expect((await list({ order: 'oldestFirst' })).ids).toBe(`c1 c2 c3 c4 c5 c6 c7 c8 c9 ${later}`);
    expect((await list({})).ids).toBe(`caught-up fork fork-parent right ahead c9 c8 c7 c6 c5 c4 c3 c2 c1`);
    const from = (createTimeFromMs: number, createTimeBeforeMs: number) =>
      list({ order: 'oldestFirst', filter: { createTimeFromMs, createTimeBeforeMs } });
    expect((await from(8_000, 20_000)).ids).toBe('c8 c9');
    expect((await from(20_000, 1_000_001)).ids).toBe('ahead right fork-parent fork');
    expect((await from(1_000_001, 9_000_000)).ids).toBe('caught-up');
    expect((await list({ filter: { createTimeFromMs: 1_000_000 } })).ids).toBe(
      'caught-up fork fork-parent right ahead',
    );
  });

  it('finds by as many conditions about one field as a filter may have', async () => {
    await filled();
    const application = present((await bench().backend.getConversation('c1'))?.application, 'it is stored');
    const condition = (...values: string[]) => ({
      ...{ field: 'application' as const, key: '', values, negated: false },
    });
    const conditions = Array.from({ length: limits.filterConditionsMax - 1 }, (_, n) =>
      condition(`other ${n}`, application, ''),
    );
    const all = await list({ filter: {} });
    for (const order of ['newestFirst', 'oldestFirst', 'latestUpdateFirst'] as const) {
      const { ids } = await list({ order, filter: { conditions } });
      expect(ids.split(' ').sort()).toEqual(all.ids.split(' ').sort());
      const none = [...conditions, condition('other 1', 'none')];
      expect((await list({ order, filter: { conditions: none } })).ids).toBe('');
    }
  });

  it('gives pages in both orders', async () => {
    await filled();
    const first = await list({ limit: 4 });
    expect(first.ids).toBe('c9 c8 c7 c6');
    const second = await list({ limit: 4, after: first.next! });
    expect(second.ids).toBe('c5 c4 c3 c2');
    expect(await list({ limit: 4, after: second.next! })).toEqual({ ids: 'c1', next: undefined });
    expect(await list({ limit: 9 })).toMatchObject({ next: undefined });
    const oldest = await list({ limit: 5, order: 'oldestFirst' });
    expect(oldest.ids).toBe('c1 c2 c3 c4 c5');
    expect((await list({ limit: 5, order: 'oldestFirst', after: oldest.next! })).ids).toBe('c6 c7 c8 c9');
  });

  it('repeats and skips nothing while conversations come and go', async () => {
    await filled();
    const { next } = await list({ limit: 4 });
    await commit(storing('new', []));
    await commit({ delete: { id: 'c6', timeMs: 9_000 } });
    await commit({ delete: { id: 'c5', timeMs: 9_000 } });
    expect((await list({ after: next! })).ids).toBe('c4 c3 c2 c1');
  });

  it('filters, and stops where it has looked at enough', async () => {
    await filled();
    expect((await list({ filter: { model: 'even', metadata: { third: '1' } } })).ids).toBe('c4');
    expect((await list({ filter: { tokensMin: 3, tokensMax: 5 } })).ids).toBe('c5 c4 c3');
    expect((await list({ filter: { idPrefix: 'c2' } })).ids).toBe('c2');
    expect((await list({ filter: { application: 'none' } })).ids).toBe('');
    const looked = await list({ filter: { tokensMax: 2, tokensMin: 2 }, scanLimit: 3 });
    expect(looked.ids).toBe('');
    expect(looked.next).toBeDefined();
  });

  it('finds a range of create times', async () => {
    await filled();
    const range = { createTimeFromMs: 3_000, createTimeBeforeMs: 6_000 };
    expect(await list({ filter: range })).toEqual({ ids: 'c5 c4 c3', next: undefined });
    expect(await list({ filter: range, order: 'oldestFirst' })).toEqual({
      ids: 'c3 c4 c5',
      next: undefined,
    });
    expect((await list({ filter: { createTimeFromMs: 100_000 } })).ids).toBe('');
    expect((await list({ filter: { createTimeBeforeMs: 0 } })).ids).toBe('');
  });
});

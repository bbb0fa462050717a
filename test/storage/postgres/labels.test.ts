import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ConversationFilter, ListOrder } from '../../../src/storage/index.js';
import { segment, spec, storing } from '../../contract/support.js';
import { postgresMissing } from '../../support/postgres.js';
import { eventually } from '../../support/wait.js';
import { SharedVault } from './support.js';

const missing = postgresMissing !== undefined;

describe.skipIf(missing).each([1, 4])('labels of a vault of %i partitions', (partitions) => {
  let vault: SharedVault;
  let one: Awaited<ReturnType<SharedVault['open']>>;
  let other: typeof one;
  beforeEach(async () => {
    vault = await SharedVault.create(partitions);
    [one, other] = [await vault.open({ beatMs: 20 }), await vault.open({ beatMs: 20 })];
  });
  afterEach(async () => {
    const violations = await one.check();
    await vault.close();
    expect(violations).toEqual([]);
  });

  const store = (id: string, metadata: Record<string, string>, timeMs = 1_000) =>
    one.commit({
      newSegments: [segment(1, 2)],
      put: { ...storing(id, [segment(1, 2)], timeMs).put!, spec: spec(id, { metadata }) },
    });
  const list = async (filter: ConversationFilter, order: ListOrder = 'newestFirst', scanLimit = 1_000) => {
    const query = { filter, order, limit: 1_000, scanLimit };
    return (await other.listConversations(query)).conversations.map(({ id }) => id);
  };
  const ready = () =>
    eventually(async () => {
      const [row] = await vault.rows('select count(*) n from label where p = $1 and ready and not dropped');
      expect(Number(row?.['n'])).toBe(1);
      expect((await vault.rows('select l from label where p = $1')).length).toBe(1);
    });
  const ofUser = (...values: string[]): ConversationFilter => ({
    conditions: [{ field: 'metadata', key: 'user', values, negated: false }],
  });

  it('find what is stored before, while and after their index is built, and cost a page', async () => {
    for (let n = 0; n < 20; n++) await store(`a${n}`, { user: String(n % 4) }, 1_000 + n);
    await one.setLabels!(['user']);
    const stored = Array.from({ length: 20 }, (_, n) => store(`b${n}`, { user: String(n % 4) }, 2_000 + n));
    await Promise.all(stored);
    await ready();
    for (let n = 0; n < 20; n++) await store(`c${n}`, n % 2 ? {} : { user: String(n % 4) }, 3_000 + n);
    const expected = (['a', 'b', 'c'] as const)
      .flatMap((name) => Array.from({ length: 20 }, (_, n) => ({ id: `${name}${n}`, n, name })))
      .filter(({ n, name }) => n % 4 === 2 && (name !== 'c' || n % 2 === 0))
      .map(({ id }) => id);
    // Those stored at once are in the order in which they came.
    const inOrder = await list({ idPrefix: '' }, 'oldestFirst');
    expected.sort((a, b) => inOrder.indexOf(a) - inOrder.indexOf(b));
    await eventually(async () => {
      // No more are examined than pass: the index leads to them.
      expect(await list(ofUser('2'), 'oldestFirst', expected.length)).toEqual(expected);
    });
    expect(await list({ metadata: { user: '2' } })).toEqual([...expected].reverse());
    expect((await list(ofUser('2', '3', 'none'), 'newestFirst')).length).toBe(5 * 4 + 5);
    expect(await list({ ...ofUser('2'), createTimeBeforeMs: 1_007 })).toEqual(['a6', 'a2']);
  });

  it('follow what is replaced, forked, appended to and deleted', async () => {
    await one.setLabels!(['user']);
    await ready();
    await store('x', { user: '1' });
    await store('y', { user: '1' });
    await other.commit({ fork: { id: 'x', newId: 'f', messageCount: 1, timeMs: 1_500 } });
    const replaced = storing('x', [segment(3)]).put!;
    await other.commit({
      newSegments: [segment(3)],
      put: {
        ...replaced,
        spec: spec('x', { metadata: { user: '2' } }),
        expect: { kind: 'revision', revision: 1 },
      },
    });
    await one.commit({ delete: { id: 'y', timeMs: 2_000 } });
    expect(await list(ofUser('1'))).toEqual(['f']);
    expect(await list(ofUser('2'))).toEqual(['x']);
    expect(await list(ofUser('1'), 'latestUpdateFirst')).toEqual(['f']);
  });

  it('that are none any more leave no tags, and lists are as right', async () => {
    await one.setLabels!(['user']);
    await ready();
    await store('x', { user: '1', session: 's' });
    await eventually(async () => expect(await list(ofUser('1'), 'newestFirst', 1)).toEqual(['x']));
    await one.setLabels!(['session']);
    expect(await list(ofUser('1'))).toEqual(['x']);
    await ready();
    expect(await list({ metadata: { session: 's' } })).toEqual(['x']);
    await one.setLabels!([]);
    await eventually(async () =>
      expect(await vault.rows(`select l from tag where p >= $1 and p < $1 + ${partitions}`)).toEqual([]),
    );
  });

  it('are built while conversations come and go', async () => {
    for (let n = 0; n < 30; n++) await store(`a${n}`, { user: '1' });
    let going = true;
    const change = async (name: string) => {
      for (let n = 0; going; n++) {
        await store(`${name}${n % 5}`, { user: String(n % 3) });
        await other.commit({ delete: { id: `${name}${n % 5}`, timeMs: 2_000 } });
        if (n < 30) await one.commit({ delete: { id: `a${n}`, timeMs: 2_000 } }).catch(() => {});
      }
    };
    const changing = [change('b'), change('c')];
    try {
      for (let n = 0; n < 4; n++) {
        await one.setLabels!(['user']);
        await ready();
        expect(await one.check()).toEqual([]);
        await one.setLabels!([]);
      }
    } finally {
      going = false;
      await Promise.all(changing);
    }
  });
});

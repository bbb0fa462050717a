import { describe, expect, it } from 'vitest';
import type { UsageRow } from '../../src/storage/index.js';
import type { Conversation } from '../../src/model/index.js';
import { MemoryStore } from '../../src/storage/memory/store.js';
import { noUsage } from '../../src/storage/shared/usage.js';
import { backendKinds, codec, isPartitioned, longSegment, message, spec, useBench } from './support.js';

/** Storages that count; partitions have copies, which test/storage/postgres/partitions.test.ts counts. */
const counting = backendKinds.filter((kind) => kind !== 'filesystem' && !isPartitioned(kind));

describe.each(counting)('usage in the %s backend', (kind) => {
  const bench = useBench(kind);

  const rows = async (fromMs = 0, beforeMs = 1e12) => {
    const found: UsageRow[] = [];
    await bench().backend.usage!({ fromMs, beforeMs, onRow: (row) => found.push(row) });
    return found;
  };
  const store = (id: string, timeMs: number, user?: string) =>
    bench().backend.commit({
      newSegments: [longSegment(10, 1), longSegment(5, 2)],
      put: {
        spec: spec(id, { application: 'a', model: 'm', metadata: user === undefined ? {} : { user } }),
        messages: [message('system', longSegment(10, 1)), message('assistant', longSegment(5, 2))],
        expect: { kind: 'absentOrSame' },
        timeMs,
      },
    });

  it('counts what is stored, by labels from the moment that they are set, and keeps it', async () => {
    await store('c1', 1_000);
    await store('c1', 1_000);
    await bench().backend.setLabels!(['user']);
    await store('c2', 2_000, '7');
    await store('c3', 2_000_000, '7');
    await bench().backend.commit({
      append: { id: 'c3', messages: [message('user', longSegment(10, 1))], timeMs: 2_000_500 },
    });
    await bench().backend.commit({ fork: { id: 'c3', newId: 'f', messageCount: 1, timeMs: 2_000_900 } });
    await bench().backend.commit({ delete: { id: 'c1', timeMs: 3_000_000 } });
    const common = { application: 'a', model: 'm', tokenizer: '' };
    const stored = { conversations: 1, messages: 2, systemTokens: 10, userTokens: 0, assistantTokens: 5 };
    const all = await rows();
    expect(all).toHaveLength(3);
    expect(all[0]).toMatchObject({
      ...common,
      timeMs: 0,
      labels: {},
      figures: { ...stored, newTokens: 15, prefixTokens: 0 },
    });
    expect(all[1]).toMatchObject({ ...common, labels: { user: '7' }, figures: { ...stored, newTokens: 0 } });
    expect(all[2]).toMatchObject({
      timeMs: 1_800_000,
      figures: { ...stored, conversations: 2, messages: 3, userTokens: 10, newTokens: 0 },
    });
    expect(await rows(1_900_000)).toEqual([all[2]]);
    expect(await rows(0, 1_800_000)).toEqual([all[0], all[1]]);
    if (kind === 'memory') return;
    await bench().reopen();
    expect(await rows()).toEqual(all);
  });
});

it('is counted for a bounded number of groups in memory', () => {
  const store = new MemoryStore(codec, 5);
  const figures = { ...noUsage, conversations: 1 };
  const count = (application: string) => {
    const conversation = { application, model: '', tokenizer: '', metadata: {} };
    store.countUsage({ timeMs: 0, conversation: conversation as unknown as Conversation, figures });
  };
  for (let n = 0; n < 15; n += 1) count(`${n}`);
  count('0');
  const found = [...store.usage.values()];
  expect(found).toHaveLength(11);
  expect(found[0]).toMatchObject({ application: '0', figures: { conversations: 2 } });
  expect(found.at(-1)).toMatchObject({ application: '(others)', figures: { conversations: 5 } });
});

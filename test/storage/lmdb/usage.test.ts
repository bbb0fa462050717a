import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type MaintainedBackend,
  openLmdbBackend,
  type UsageFigures,
  usageFigures,
  type UsageRow,
} from '../../../src/storage/index.js';
import { emptyLedger, encodeLedger, decodeLedger } from '../../../src/storage/lmdb/lists/usage-ledger.js';
import { decodeUsage, encodeUsage, usageKey } from '../../../src/storage/lmdb/lists/usage.js';
import { Environment, type Tables } from '../../../src/storage/lmdb/tables/environment.js';

import { USAGE_GROUPS_MAX } from '../../../src/storage/shared/usage.js';
import { codec, longSegment, message, spec } from '../../contract/support.js';
import { sampleOr } from '../../support/sample.js';
import { temporaryFolder, type TemporaryFolder } from '../faults/support.js';

const hour = 3_600_000;

let folder: TemporaryFolder;
let backend: MaintainedBackend;
const open = async () => {
  backend = await openLmdbBackend({
    folder: folder.path,
    codec,
    clock: () => 5_000,
    durability: 'relaxed',
    lock: false,
  });
};
beforeEach(async () => {
  folder = await temporaryFolder();
  await open();
});
afterEach(async () => {
  expect(await backend.check()).toEqual([]);
  await backend.close();
  await folder.remove();
});

/** Changes records while the vault is closed. */
async function spoil(change: (tables: Tables) => void): Promise<void> {
  await backend.close();
  const environment = await Environment.open(folder.path, { sync: false });
  await environment.write(() => change(environment.tables));
  await environment.close();
  await open();
}

async function rows(): Promise<UsageRow[]> {
  const found: UsageRow[] = [];
  await backend.usage({ fromMs: 0, beforeMs: 1e14, onRow: (row) => found.push(row) });
  return found;
}

/** Returns the applications with the conversations that are counted under them. */
async function counted(): Promise<string[]> {
  return (await rows()).map(({ application, figures }) => `${application} ${figures.conversations}`);
}

async function total(): Promise<UsageFigures> {
  const sum = Object.fromEntries(usageFigures.map((figure) => [figure, 0])) as Record<
    keyof UsageFigures,
    number
  >;
  for (const { figures } of await rows()) for (const figure of usageFigures) sum[figure] += figures[figure];
  return sum;
}

const part = (n: number) => longSegment(1 + (n % 5) * 7, n % 5);
const messages = (from: number, count: number) =>
  Array.from({ length: count }, (_, at) =>
    message(['system', 'user', 'assistant'][at % 3]!, part(from + at)),
  );
const segments = [0, 1, 2, 3, 4].map(part);

const store = (id: string, count: number, timeMs: number, application = 'a') =>
  backend.commit({
    newSegments: segments.filter((_, n) =>
      messages(count, count).some(({ segments: [named] }) => named?.hash === part(n).hash),
    ),
    put: {
      spec: spec(id, { application, model: 'm', metadata: { user: `${count % 2}` } }),
      messages: messages(count, count),
      expect: { kind: 'revision', revision: 0 },
      timeMs,
    },
  });

const step = fc.record({
  kind: fc.constantFrom('store', 'replace', 'append', 'fork', 'delete', 'labels', 'reopen', 'repair'),
  id: fc.integer({ min: 0, max: 4 }),
  other: fc.integer({ min: 0, max: 4 }),
  count: fc.integer({ min: 0, max: 4 }),
});

describe('the counters of usage', () => {
  it('count what is stored and what is gone, after any history', async () => {
    let run = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 25 }), async (steps) => {
        run += 1;
        for (const [at, { kind, id: number, other, count }] of steps.entries()) {
          const [id, newId] = [`${run}-${number}`, `${run}-${other}`];
          const timeMs = at * hour;
          const refused = (error: unknown) =>
            expect(error).toMatchObject({
              reason: expect.stringMatching(/^(CONVERSATION_|REVISION_MISMATCH|RANGE_PAST_END)/) as string,
            });
          if (kind === 'store') await store(id, count, timeMs).catch(refused);
          else if (kind === 'replace') {
            const found = await backend.getConversation(id);
            const put = {
              spec: spec(id, { application: `b${count}`, model: 'm' }),
              messages: messages(count + 1, count),
              expect: { kind: 'revision', revision: found?.revision ?? 0 },
              timeMs,
            } as const;
            await backend.commit({ newSegments: segments, put }).catch(refused);
          } else if (kind === 'append') {
            const append = { id, messages: messages(0, count), timeMs };
            await backend.commit({ newSegments: segments, append }).catch(refused);
          } else if (kind === 'fork')
            await backend.commit({ fork: { id, newId, messageCount: count, timeMs } }).catch(refused);
          else if (kind === 'delete') await backend.commit({ delete: { id, timeMs } }).catch(refused);
          else if (kind === 'labels') await backend.setLabels!(count > 2 ? ['user'] : []);
          else if (kind === 'repair') await backend.repair();
          else {
            await backend.close();
            await open();
          }
        }
        expect(await backend.check()).toEqual([]);
      }),
      { numRuns: sampleOr(15, 300) },
    );
  });

  it('are checked against what is stored', async () => {
    await store('c', 3, hour);
    await store('d', 3, 2 * hour);
    const before = await rows();
    await spoil(({ usage }) => {
      const [key] = [...usage.keys()];
      usage.put(key!, encodeUsage({ ...decodeUsage(usage.get(key!)!), messages: 4, conversations: 0 }));
    });
    expect((await backend.check()).map(({ invariant, detail }) => `${invariant}: ${detail}`)).toEqual([
      'usage: counters, forks and what was stored before have 1 conversations; what is stored and what is gone, 2',
      'usage: counters, forks and what was stored before have 7 messages; what is stored and what is gone, 6',
    ]);
    expect((await backend.repair()).remaining).toEqual([]);
    await spoil(({ usage }) => {
      const [key] = [...usage.keys()];
      usage.remove(key!);
    });
    // The counter that was removed had counted no conversation.
    expect(await backend.check()).toHaveLength(2);
    await backend.repair();
    expect(await rows()).toEqual(before.slice(1));
  });

  it('that are damaged are counted again from what was created in their time', async () => {
    await store('c', 3, hour);
    await store('d', 3, 2 * hour);
    await store('gone', 2, 2 * hour);
    const before = await rows();
    await backend.commit({ delete: { id: 'gone', timeMs: 3 * hour } });
    await spoil(({ usage }) => {
      for (const key of [...usage.keys()]) usage.put(key, Buffer.of(0x80));
    });
    await expect(rows()).rejects.toMatchObject({ reason: 'CORRUPT_STORE' });
    const { repaired, remaining } = await backend.repair();
    expect(remaining).toEqual([]);
    expect(new Set(repaired.map(({ invariant }) => invariant))).toEqual(new Set(['usage']));
    const now = await rows();
    expect(now[0]).toEqual(before[0]);
    expect(now[1]).toMatchObject({ timeMs: 2 * hour, figures: { conversations: 1, messages: 3 } });
  });

  it('of content that was stored before there were any are made by a repair', async () => {
    await store('c', 3, hour);
    await store('d', 2, 2 * hour);
    await backend.commit({ fork: { id: 'd', newId: 'f', messageCount: undefined, timeMs: 3 * hour } });
    const before = await rows();
    await spoil(({ usage, usageGroups, meta }) => {
      usage.clear();
      usageGroups.clear();
      meta.remove(5);
    });
    expect(await backend.check()).toEqual([]);
    await store('e', 1, 4 * hour, 'later');
    await backend.commit({ delete: { id: 'f', timeMs: 5 * hour } });
    expect(await rows()).toHaveLength(1);
    expect(await backend.check()).toEqual([]);
    const { repaired, remaining } = await backend.repair();
    expect(remaining).toEqual([]);
    expect(repaired.map(({ detail }) => detail)).toEqual([
      '3 conversations were stored before usage was counted',
    ]);
    expect((await rows()).slice(0, 2)).toEqual(before.slice(0, 2));
    expect(await total()).toMatchObject({ conversations: 3, messages: 6 });
    expect(await backend.repair()).toEqual({ repaired: [], remaining: [] });
  });
});

describe('the groups in memory', () => {
  /** Changes records of an open vault, past what it has in memory. */
  const spoilOpen = async (change: (tables: Tables) => void): Promise<void> => {
    const other = await Environment.open(folder.path, { sync: false });
    await other.write(() => change(other.tables));
    await other.close();
  };

  it('follow a repair that adds some, also after a change that was refused', async () => {
    await store('c', 3, hour, 'first');
    await spoil(({ usage, usageGroups, meta }) => {
      usage.clear();
      usageGroups.clear();
      meta.remove(5);
    });
    await store('d', 3, hour, 'second');
    await expect(store('d', 3, hour, 'third')).rejects.toMatchObject({ reason: 'REVISION_MISMATCH' });
    await backend.repair();
    await store('e', 3, hour, 'fourth');
    await store('f', 3, hour, 'first');
    expect((await counted()).sort()).toEqual(['first 2', 'fourth 1', 'second 1']);
  });

  it('leave the number of one whose record was lost', async () => {
    await store('c', 3, hour, 'first');
    await store('d', 3, hour, 'second');
    await spoilOpen(({ usageGroups }) => usageGroups.put(1, Buffer.from('no group')));
    await backend.repair();
    await store('e', 3, hour, 'first');
    expect((await counted()).sort()).toEqual([' 1', 'first 1', 'second 1']);
  });
});

describe('the stored bytes', () => {
  it('of a counter, of its key and of the ledger', () => {
    const figures = Object.fromEntries(usageFigures.map((figure, at) => [figure, 100 * at + 1]));
    const record = encodeUsage(figures as unknown as UsageFigures);
    expect(Buffer.from(record).toString('hex')).toBe('0165c901ad029103f503d904bd05');
    expect(decodeUsage(record)).toEqual(figures);
    expect(usageKey(1_234_567, 258).toString('hex')).toBe('0012d68700000102');
    const content = (from: number) => ({ conversations: from, messages: from + 1, tokens: from + 200 });
    const ledger = { uncountedTo: 300, uncounted: content(1), gone: content(2), inherited: content(3) };
    const bytes = encodeLedger(ledger);
    expect(Buffer.from(bytes).toString('hex')).toBe('ac02' + '0102c901' + '0203ca01' + '0304cb01');
    expect(decodeLedger(bytes)).toEqual(ledger);
    expect(Buffer.from(encodeLedger(emptyLedger)).toString('hex')).toBe('00'.repeat(10));
    expect(() => decodeLedger(Buffer.concat([bytes, Buffer.of(0)]))).toThrow(/too long/);
  });
});

it('counts as others what comes when there are too many groups, and in bounded memory', async () => {
  await store('before', 1, 1_000, 'known');
  await spoil(({ usageGroups }) => {
    for (let number = 2; number <= 2 * USAGE_GROUPS_MAX; number += 1)
      usageGroups.append(number, Buffer.from(JSON.stringify([`${number}`, '', '', {}])));
  });
  await store('c1', 2, 1_000, 'new');
  await store('c2', 2, 1_000, 'newer');
  await store('c3', 2, 1_000, 'known');
  const conversationsOf = (await rows()).map(({ application, model, tokenizer, figures }) => [
    [application, model, tokenizer],
    figures.conversations,
  ]);
  expect(conversationsOf).toEqual([
    [['known', 'm', ''], 2],
    [['(others)', '(others)', '(others)'], 2],
  ]);
});

it('finds a group of long texts by its hash', async () => {
  await backend.setLabels!(['user']);
  for (const [at, end] of ['a', 'b', 'a', 'b'].entries())
    await backend.commit({
      put: {
        spec: spec(`c${at}`, {
          application: 'a',
          model: 'm',
          metadata: { user: `${'x'.repeat(8000)}${end}` },
        }),
        messages: messages(0, 0),
        expect: { kind: 'revision', revision: 0 },
        timeMs: 1_000,
      },
    });
  expect(
    (await rows()).map(({ labels, figures }) => [labels['user']?.at(-1), figures.conversations]),
  ).toEqual([
    ['a', 2],
    ['b', 2],
  ]);
});

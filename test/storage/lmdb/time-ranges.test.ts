import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Conversation } from '../../../src/model/index.js';
import {
  type ConversationFilter,
  type ListOrder,
  type MaintainedBackend,
  openLmdbBackend,
} from '../../../src/storage/index.js';
import { codec, longSegment, message, spec } from '../../contract/support.js';
import { temporaryFolder, type TemporaryFolder } from '../faults/support.js';

const count = 400;

describe('lists of the lmdb backend find without a look at the others', () => {
  let folder: TemporaryFolder;
  let backend: MaintainedBackend;
  beforeEach(async () => {
    folder = await temporaryFolder();
    backend = await openLmdbBackend({ ...options(), unindexedMax: 1 });
  });

  afterEach(async () => {
    expect(await backend.check()).toEqual([]);
    await backend.close();
    await folder.remove();
  });

  const options = () =>
    ({ folder: folder.path, codec, clock: () => 1, durability: 'relaxed', lock: false }) as const;

  /** Stores a conversation at the time of its number. */
  async function store(number: number, fields: Partial<Conversation> = {}): Promise<void> {
    const segment = longSegment(9, 1);
    const put = { messages: [message('user', segment)], timeMs: number };
    await backend.commit({
      newSegments: [segment],
      put: { ...put, spec: spec(String(number), fields), expect: { kind: 'revision', revision: 0 } },
    });
  }

  async function append(number: number, timeMs: number): Promise<void> {
    const segment = longSegment(9, 1);
    const messages = [message('user', segment)];
    await backend.commit({ newSegments: [segment], append: { id: String(number), messages, timeMs } });
  }

  /** Stores them all, in a few transactions. */
  async function storeAll(fieldsOf: (number: number) => Partial<Conversation> = () => ({})): Promise<void> {
    await Promise.all(Array.from({ length: count }, (_, at) => store(at + 1, fieldsOf(at + 1))));
  }

  /** Returns the ids of a page that may look at twenty conversations. */
  async function page(filter: ConversationFilter, order: ListOrder): Promise<string> {
    const { conversations, next } = await backend.listConversations({
      ...{ filter, order, limit: 10, scanLimit: 20 },
    });
    return `${conversations.map(({ id }) => id).join(' ')}${next === undefined ? '' : ' ...'}`;
  }

  it('those that expire', async () => {
    await storeAll((n) => ({ expireTimeMs: n % 150 === 0 ? 9000 - n : undefined }));
    await expect.poll(() => page({ expires: true }, 'newestFirst')).toBe('300 150');
    expect(await page({ expires: true }, 'earliestUpdateFirst')).toBe('150 300');
    expect(await page({ expireTimeBeforeMs: 8800 }, 'latestStoreFirst')).toBe('300');
    expect(await page({ expireTimeFromMs: 8800 }, 'latestUpdateFirst')).toBe('150');
    expect(await page({ expireTimeFromMs: 8701, expireTimeBeforeMs: 8850 }, 'oldestFirst')).toBe('');
  });

  it('those that were changed in a range of times, in the order of their creation', async () => {
    await storeAll();
    for (const n of [7, 203, 350]) await append(n, 1000 + n);
    await expect.poll(() => page({ updateTimeFromMs: 1000 }, 'oldestFirst')).toBe('7 203 350');
    expect(await page({ updateTimeFromMs: 1200 }, 'newestFirst')).toBe('350 203');
    const range = { updateTimeFromMs: 201, updateTimeBeforeMs: 206 };
    expect(await page(range, 'newestFirst')).toBe('205 204 202 201');
    await backend.commit({ delete: { id: '204', timeMs: 2000 } });
    expect(await page(range, 'oldestFirst')).toBe('201 202 205');
  });

  it('those that began in a range of times, in the order of stores and changes', async () => {
    await storeAll((n) => (n >= 100 && n % 50 === 0 ? { createTimeMs: 10_000 - n } : {}));
    const early = { createTimeFromMs: 97, createTimeBeforeMs: 103 };
    const late = { createTimeFromMs: 9701 };
    await expect.poll(() => page(early, 'latestStoreFirst')).toBe('102 101 99 98 97');
    expect(await page(early, 'earliestUpdateFirst')).toBe('97 98 99 101 102');
    expect(await page(late, 'earliestStoreFirst')).toBe('100 150 200 250');
    expect(await page(late, 'latestUpdateFirst')).toBe('250 200 150 100');
  });

  it('each once, also those that the index does not have yet', async () => {
    await storeAll();
    await expect.poll(() => page({ updateTimeFromMs: 399 }, 'oldestFirst')).toBe('399 400');
    await backend.close();
    backend = await openLmdbBackend({ ...options(), unindexedMax: 100 });
    for (const number of [401, 402, 403]) await store(number);
    const changed = { updateTimeFromMs: 402 };
    for (const order of ['oldestFirst', 'earliestStoreFirst'] as const)
      expect(await page(changed, order)).toBe('402 403');
    for (const order of ['newestFirst', 'latestStoreFirst'] as const)
      expect(await page(changed, order)).toBe('403 402');
    expect(await page({ createTimeFromMs: 402 }, 'earliestUpdateFirst')).toBe('402 403');
  });

  it('those with a label, in the order of their last change', async () => {
    await backend.setLabels!(['user', 'team']);
    await storeAll((n) => ({ metadata: { user: String(n % 100), team: n <= count / 2 ? 'a' : 'b' } }));
    await append(7, 1000);
    const user = { metadata: { user: '7' } };
    await expect.poll(() => page(user, 'latestUpdateFirst')).toBe('7 307 207 107');
    expect(await page({ metadata: { user: '7', team: 'a' } }, 'earliestUpdateFirst')).toBe('107 7');
  });
});

import { status } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { limits } from '../../src/model/index.js';
import type { Fields } from './support/client.js';
import { startTestServer, type TestServer } from './support/server.js';

let server: TestServer;
beforeEach(async () => {
  server = await startTestServer();
});
afterEach(() => server.stop());

async function store(...conversations: Fields[]): Promise<void> {
  for (const conversation of conversations) await server.client.unary('StoreConversation', { conversation });
}

const list = (request: Fields) => server.client.unary('ListConversations', request);
const ids = (page: Fields) => (page['conversations'] as Fields[]).map(({ id }) => id);
const invalidToken = { code: status.INVALID_ARGUMENT, reason: 'INVALID_PAGE_TOKEN' };

describe('listing', () => {
  it('goes through all pages in either order', async () => {
    await store(...'abcde'.split('').map((id) => ({ id })));
    for (const [order, expected] of [
      [0, 'edcba'],
      [1, 'edcba'],
      [2, 'abcde'],
    ] as const) {
      const seen: unknown[] = [];
      let page_token = '';
      do {
        const page = await list({ page_size: 2, page_token, order });
        seen.push(...ids(page));
        page_token = page['next_page_token'] as string;
      } while (page_token !== '');
      expect(seen.join('')).toBe(expected);
    }
  });

  it('takes 0 for the default size, and no size beyond the maximum', async () => {
    const sizes: number[] = [];
    const counting = await startTestServer({
      list: async ({ limit }) => {
        sizes.push(limit);
        return { conversations: [], next: undefined };
      },
    });
    for (const page_size of [0, 1, 1000, 1001, 2 ** 31 - 1]) {
      await counting.client.unary('ListConversations', { page_size });
    }
    await counting.stop();
    expect(sizes).toEqual([limits.pageSizeDefault, 1, 1000, limits.pageSizeMax, limits.pageSizeMax]);
  });

  it('goes on behind a conversation that has been deleted since', async () => {
    await store({ id: 'a' }, { id: 'b' }, { id: 'c' });
    const page = await list({ page_size: 1 });
    await server.client.unary('DeleteConversation', { id: 'c' });
    expect(ids(await list({ page_size: 1, page_token: page['next_page_token'] }))).toEqual(['b']);
  });

  it('refuses page tokens that are foreign, altered or for another question', async () => {
    await store({ id: 'a' }, { id: 'b' });
    const token = (await list({ page_size: 1 }))['next_page_token'] as string;
    const other = await startTestServer();
    const altered = (token.startsWith('A') ? 'B' : 'A') + token.slice(1);
    const refused = await Promise.all([
      server.client.refused('ListConversations', { page_token: 'made up' }),
      server.client.refused('ListConversations', { page_token: altered }),
      server.client.refused('ListConversations', { page_token: `${token}=` }),
      server.client.refused('ListConversations', { page_token: token, order: 2 }),
      server.client.refused('ListConversations', { page_token: token, filter: { application: 'x' } }),
      other.client.refused('ListConversations', { page_token: token }),
    ]);
    await other.stop();
    for (const refusal of refused) expect(refusal).toMatchObject(invalidToken);
    expect(ids(await list({ page_size: 5, page_token: token, filter: {} }))).toEqual(['a']);
  });

  it('ends a page before its bytes are more than an ordinary client takes', async () => {
    const metadata = Object.fromEntries(
      Array.from({ length: 64 }, (_, index) => [`k${index}`, 'x'.repeat(8192)]),
    );
    const all = Array.from({ length: 12 }, (_, index) => ({ id: `c${index}`, metadata }));
    await store(...all);
    const seen: unknown[] = [];
    let page_token = '';
    do {
      const page = await list({ page_size: 100, page_token, order: 2 });
      expect(JSON.stringify(page).length).toBeLessThan(4 * 1024 * 1024);
      seen.push(...ids(page));
      page_token = page['next_page_token'] as string;
    } while (page_token !== '');
    expect(seen).toEqual(all.map(({ id }) => id));
  });

  it('passes every part of a filter on', async () => {
    const queries: unknown[] = [];
    const asking = await startTestServer({
      list: async ({ filter }) => {
        queries.push(filter);
        return { conversations: [], next: undefined };
      },
    });
    const filter = {
      application: 'a',
      model: 'm',
      tokenizer: 't',
      id_prefix: 'p',
      create_time_from: { seconds: 1, nanos: 1 },
      create_time_before: { seconds: -5, nanos: 0 },
      min_tokens: 0,
      max_tokens: 9,
      metadata: { k: 'v' },
    };
    for (const each of [filter, {}]) await asking.client.unary('ListConversations', { filter: each });
    await asking.stop();
    expect(queries).toEqual([
      {
        application: 'a',
        model: 'm',
        tokenizer: 't',
        idPrefix: 'p',
        createTimeFromMs: 1001,
        createTimeBeforeMs: 0,
        tokensMin: 0,
        tokensMax: 9,
        metadata: { k: 'v' },
      },
      {},
    ]);
  });
});

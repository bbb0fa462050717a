import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { limits } from '../../src/model/index.js';
import { wordsOf } from '../support/vault.js';
import type { Fields } from './support/client.js';
import { startTestServer, type TestServer } from './support/server.js';
import { rawMessage, varint } from './support/wire.js';

let server: TestServer;
let { client } = {} as TestServer;
beforeAll(async () => {
  server = await startTestServer();
  client = server.client;
});
afterAll(() => server.stop());

const run = (from: number, count: number) => Array.from({ length: count }, (_, index) => from + index);
const message = (ids: number[]): Fields => ({ role: 'user', tokens: { ids } });
const store = (id: string, application: string, ...messages: number[][]) =>
  client.unary('StoreConversation', { conversation: { id, application }, messages: messages.map(message) });

async function matches(request: Fields): Promise<[id: string, shared: number][]> {
  const found = (await client.unary('FindPrefix', request))['matches'] as Fields[];
  return found.map(({ conversation, shared_tokens }) => [
    (conversation as { id: string }).id,
    Number(shared_tokens),
  ]);
}

describe('FindPrefix', () => {
  beforeAll(async () => {
    await store('short', 'one', run(0, 300), run(900, 300));
    await store('long', 'one', run(0, 500), run(500, 500));
    await store('other', 'two', run(0, 290), run(7000, 400));
    await store('tiny', 'one', run(0, 255));
  });

  it('gives those that share the most blocks, most tokens first, in every form', async () => {
    const ids = run(0, 400);
    const expected = [
      ['long', 400],
      ['short', 300],
      ['other', 290],
    ];
    expect(await matches({ prefix: { tokens: { ids } } })).toEqual(expected);
    const words = Buffer.from(wordsOf(ids));
    expect(await matches({ prefix: { tokens_le32: words } })).toEqual(expected);
    expect(await matches({ prefix: { tokens_le32: words }, limit: 2 })).toEqual(expected.slice(0, 2));
    expect(await matches({ prefix: { tokens_le32: words }, min_tokens: 300 })).toEqual(expected.slice(0, 2));
    expect(await matches({ prefix: { tokens_le32: words }, application: 'two' })).toEqual([['other', 290]]);
    expect(await matches({ prefix: { tokens_le32: words }, application: '' })).toEqual([]);
    expect(await matches({ prefix: { tokens: { ids: run(0, 1000) } } })).toEqual([['long', 1000]]);
    const unlike = [...ids];
    unlike[100] = 0;
    expect(await matches({ prefix: { tokens: { ids: unlike } } })).toEqual([]);
    expect(await matches({ prefix: { tokens: { ids: run(0, 255) } } })).toEqual([]);
    expect(await matches({})).toEqual([]);
  });

  it('takes text with a tokenizer', async () => {
    const text = 'The quick brown fox jumps over the lazy dog. '.repeat(60);
    const conversation = { id: 'text', tokenizer: 'o200k_base' };
    const stored = await client.unary('StoreConversation', {
      conversation,
      messages: [{ role: 'system', text }],
    });
    const { total_tokens } = stored['conversation'] as Fields;
    const found = await matches({ prefix: { text: `${text}And more` }, tokenizer: 'o200k_base' });
    expect(found).toHaveLength(1);
    expect(found[0]![1]).toBeGreaterThanOrEqual(Number(total_tokens) - 1);
  });

  const refused: [string, Buffer, Fields][] = [
    ['a limit', rawMessage([6, 101]), { field: 'limit', limit: String(limits.prefixMatchesMax) }],
    ['an application', rawMessage([4, Buffer.alloc(257, 'x')]), { field: 'application', limit: '256' }],
    ['a tokenizer', rawMessage([3, Buffer.alloc(257, 'x')]), { field: 'tokenizer', limit: '256' }],
    [
      'a prefix given twice',
      rawMessage([2, Buffer.alloc(0)], [2, Buffer.alloc(0)]),
      { field: 'prefix', limit: '1' },
    ],
    [
      'a prefix in two forms',
      rawMessage([2, rawMessage([2, Buffer.alloc(4)], [3, Buffer.from('x')])]),
      { field: 'prefix.content' },
    ],
  ];
  it.each(refused)('refuses %s over its limit, by name', async (_name, bytes, metadata) => {
    expect(await client.refused('FindPrefix', bytes)).toMatchObject({
      code: status.INVALID_ARGUMENT,
      reason: 'INVALID_FIELD',
      metadata,
    });
  });

  it('refuses tokens that are none, tokenizers and vaults that are not there, and more than a request takes', async () => {
    const malformed = { code: status.INVALID_ARGUMENT, reason: 'MALFORMED_TOKENS' };
    expect(
      await client.refused('FindPrefix', rawMessage([2, rawMessage([2, Buffer.alloc(6)])])),
    ).toMatchObject({
      ...malformed,
      metadata: { field: 'prefix.tokens_le32' },
    });
    const tooBig = rawMessage([2, rawMessage([1, rawMessage([1, varint(2 ** 32)])])]);
    expect(await client.refused('FindPrefix', tooBig)).toMatchObject({
      ...malformed,
      metadata: { field: 'prefix.tokens' },
    });
    expect(await client.refused('FindPrefix', Buffer.from([0x12, 0x7f]))).toMatchObject({
      reason: 'MALFORMED_REQUEST',
    });
    const unknown = { prefix: { text: 'x' }, tokenizer: 'none' };
    expect(await client.refused('FindPrefix', unknown)).toMatchObject({ reason: 'UNKNOWN_TOKENIZER' });
    expect(await client.refused('FindPrefix', { vault: 'none' })).toMatchObject({
      reason: 'VAULT_NOT_FOUND',
    });
    const filler = rawMessage([100, Buffer.alloc(limits.requestFieldsBytesMax)]);
    expect(await client.refused('FindPrefix', filler)).toMatchObject({ reason: 'REQUEST_TOO_LARGE' });
  });
});

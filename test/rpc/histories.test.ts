import { status } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { limits } from '../../src/model/index.js';
import type { Fields } from './support/client.js';
import { startTestServer, type TestServer } from './support/server.js';

let server: TestServer;
let { client } = {} as TestServer;
beforeEach(async () => {
  server = await startTestServer();
  client = server.client;
});
afterEach(() => server.stop());

const message = (...ids: number[]): Fields => ({ role: 'user', tokens: { ids } });
const store = (id: string, ...messages: Fields[]) =>
  client.unary('StoreConversation', { conversation: { id, application: 'app' }, messages });

async function tokens(
  request: Fields,
): Promise<[index: number, offset: number, ids: number[], end: boolean][]> {
  const [header, ...parts] = await client.stream('RetrieveConversation', request);
  expect(header).toMatchObject({ part: 'header' });
  return parts.map(({ chunk }) => {
    const { message_index, token_offset, tokens: list, end_of_message } = chunk as Fields;
    const ids = ((list as Fields | null)?.['ids'] ?? []) as number[];
    return [message_index as number, token_offset as number, ids, end_of_message as boolean];
  });
}

describe('a conversation that grows', () => {
  it('is appended to, forked, read in ranges and deleted with others', async () => {
    await store('a', message(1, 2), message(3));
    const appended = await client.unary('AppendMessages', {
      id: 'a',
      messages: [message(4, 5), message(3)],
      if_revision: 1,
    });
    expect(appended).toMatchObject({
      conversation: { id: 'a', revision: 2, total_tokens: 6, message_count: 4 },
      total_segments: 2,
      new_segments: 1,
      deduped_segments: 1,
      new_tokens: 2,
    });
    expect(
      await client.refused('AppendMessages', { id: 'a', messages: [message(6)], if_revision: 1 }),
    ).toMatchObject({
      code: status.ABORTED,
      reason: 'REVISION_MISMATCH',
      metadata: { revision: '2' },
    });

    const fork = await client.unary('ForkConversation', { id: 'a', new_id: 'b', message_count: 3 });
    expect(fork).toMatchObject({
      conversation: { id: 'b', parent_id: 'a', revision: 1, message_count: 3, application: 'app' },
      new_segments: 0,
      stored_bytes: 0,
    });
    expect(await client.unary('ForkConversation', { id: 'a', new_id: 'c' })).toMatchObject({
      conversation: { message_count: 4 },
    });
    expect(await client.unary('ForkConversation', { id: 'a', message_count: 0 })).toMatchObject({
      conversation: { message_count: 0 },
    });
    expect(
      await client.refused('ForkConversation', { id: 'a', new_id: 'd', message_count: 5 }),
    ).toMatchObject({
      code: status.OUT_OF_RANGE,
      reason: 'RANGE_PAST_END',
      metadata: { field: 'message_count', size: '5', limit: '4' },
    });
    expect(await client.refused('ForkConversation', { id: 'a', new_id: 'b' })).toMatchObject({
      code: status.ALREADY_EXISTS,
      reason: 'CONVERSATION_EXISTS',
    });

    expect(await tokens({ id: 'b', token_offset: 1, token_limit: 3 })).toEqual([
      [0, 1, [2], true],
      [1, 0, [3], true],
      [2, 0, [4], false],
    ]);
    expect(await tokens({ id: 'b', message_offset: 1, message_limit: 1 })).toEqual([[1, 0, [3], true]]);
    expect(await tokens({ id: 'b', message_offset: 3 })).toEqual([]);

    expect(await client.unary('DeleteConversations', { ids: ['a', 'x'], dry_run: true })).toMatchObject({
      conversations: 1,
      missing: 1,
    });
    expect(
      await client.unary('DeleteConversations', { filter: { application: 'app', min_tokens: 1 } }),
    ).toEqual({
      conversations: 3,
      missing: 0,
      changed: 0,
      released_references: 9,
      garbage_segments: 3,
      damaged: [],
    });
    expect(await client.unary('DeleteConversations', { all: true })).toMatchObject({ conversations: 1 });
  });

  it('is described page by page', async () => {
    await store('a', message(1), message(2), message(3));
    const page = (request: Fields) =>
      client.unary('GetConversation', { id: 'a', include_messages: true, ...request });
    const first = await page({ message_limit: 2 });
    expect(first).toMatchObject({ next_message_offset: 2, conversation: { message_count: 3 } });
    expect((first['conversation'] as Fields)['messages']).toHaveLength(2);
    const rest = await page({ message_offset: 2, if_revision: 1 });
    expect(rest).toMatchObject({ next_message_offset: 0 });
    expect((rest['conversation'] as Fields)['messages']).toHaveLength(1);
    for (const include_messages of [false, true]) {
      const other = { id: 'a', include_messages, if_revision: 2 };
      expect(await client.refused('GetConversation', other)).toMatchObject({ code: status.ABORTED });
    }
  });
});

describe('many conversations in one stream', () => {
  it('keep their order, each with its status', async () => {
    await store('a', message(1), message(2));
    await store('b', message(3));
    const responses = await client.stream('RetrieveConversations', { ids: ['b', 'none', 'a'] });
    expect(responses).toHaveLength(1);
    const parts = responses.flatMap((response) => response['parts'] as Fields[]);
    expect(
      parts.map(({ index, status: item, part, chunk }) => [
        index,
        (item as Fields)['reason'],
        part,
        (chunk as Fields | undefined)?.['tokens'],
      ]),
    ).toEqual([
      [0, '', 'header', undefined],
      [0, '', 'chunk', { ids: [3] }],
      [1, 'CONVERSATION_NOT_FOUND', undefined, undefined],
      [2, '', 'header', undefined],
      [2, '', 'chunk', { ids: [1] }],
      [2, '', 'chunk', { ids: [2] }],
    ]);
    expect(parts[2]).toMatchObject({
      status: { code: status.NOT_FOUND, metadata: { resource_name: 'none' } },
    });
    expect(await client.stream('RetrieveConversations', {})).toEqual([]);
  });
});

describe('requests that are not as they must be', () => {
  const long = (size: number) => 'x'.repeat(size);
  const ids = Array.from({ length: limits.conversationsPerRequestMax + 1 }, () => 'c');
  const filter = { application: 'app' };
  const invalid: [string, string, Fields, string][] = [
    ['no id', 'AppendMessages', { messages: [{}] }, 'id'],
    ['a long id', 'AppendMessages', { id: long(513), messages: [{}] }, 'id'],
    ['no messages', 'AppendMessages', { id: 'c' }, 'messages'],
    ['a long role', 'AppendMessages', { id: 'c', messages: [{ role: long(257) }] }, 'messages[0].role'],
    ['a long request id', 'AppendMessages', { id: 'c', messages: [{}], request_id: long(129) }, 'request_id'],
    ['a long request id', 'StoreConversation', { request_id: long(129) }, 'request_id'],
    ['a long request id', 'DeleteConversation', { id: 'c', request_id: long(129) }, 'request_id'],
    ['a long request id', 'ForkConversation', { id: 'c', request_id: long(129) }, 'request_id'],
    ['no id', 'ForkConversation', { new_id: 'd' }, 'id'],
    ['a long new id', 'ForkConversation', { id: 'c', new_id: long(513) }, 'new_id'],
    ['a long vault name', 'ForkConversation', { id: 'c', vault: long(257) }, 'vault'],
    ['an empty id', 'RetrieveConversations', { ids: ['c', ''] }, 'ids[1]'],
    ['a long id', 'RetrieveConversations', { ids: [long(513)] }, 'ids[0]'],
    ['many ids', 'RetrieveConversations', { ids }, 'ids'],
    ['an unknown encoding', 'RetrieveConversations', { ids: ['c'], encoding: 4 }, 'encoding'],
    ['joined text', 'RetrieveConversations', { ids: ['c'], encoding: 3, joined: true }, 'encoding'],
    ['nothing to delete', 'DeleteConversations', {}, 'filter'],
    ['an empty filter', 'DeleteConversations', { filter: {} }, 'filter'],
    ['ids and a filter', 'DeleteConversations', { ids: ['c'], filter }, 'ids'],
    ['ids and all', 'DeleteConversations', { ids: ['c'], all: true }, 'all'],
    ['expired ones and ids', 'DeleteConversations', { expired: {}, ids: ['c'] }, 'expired'],
    ['expired ones and all', 'DeleteConversations', { expired: {}, all: true }, 'expired'],
    ['expired ones and a filter', 'DeleteConversations', { expired: {}, filter }, 'expired'],
    ['a filter and all', 'DeleteConversations', { filter, all: true }, 'all'],
    ['many ids', 'DeleteConversations', { ids }, 'ids'],
    ['an empty id', 'DeleteConversations', { ids: [''] }, 'ids[0]'],
    [
      'a long application',
      'DeleteConversations',
      { filter: { application: long(257) } },
      'filter.application',
    ],
    ['too large an offset', 'RetrieveConversation', { id: 'c', token_offset: 2 ** 53 }, 'token_offset'],
    ['too large a limit', 'RetrieveConversation', { id: 'c', token_limit: 2 ** 53 }, 'token_limit'],
  ];
  it.each(invalid)('with %s (%s) are refused', async (_name, method, request, field) => {
    expect(await client.refused(method, request)).toMatchObject({
      code: status.INVALID_ARGUMENT,
      reason: 'INVALID_FIELD',
      metadata: { field },
    });
  });

  it('with malformed tokens, or about what is not there, are refused', async () => {
    await store('a', message(1));
    const bad = { id: 'a', messages: [{ tokens_le32: Buffer.alloc(5) }] };
    expect(await client.refused('AppendMessages', bad)).toMatchObject({
      reason: 'MALFORMED_TOKENS',
      metadata: { field: 'messages[0].tokens_le32' },
    });
    for (const [method, request] of [
      ['AppendMessages', { id: 'none', messages: [message(1)] }],
      ['ForkConversation', { id: 'none' }],
    ] as const) {
      expect(await client.refused(method, request)).toMatchObject({
        code: status.NOT_FOUND,
        metadata: { resource_type: 'conversation', resource_name: 'none' },
      });
    }
    for (const [field, past] of [
      ['message_offset', 2],
      ['token_offset', 2],
    ] as const) {
      expect(await client.refused('RetrieveConversation', { id: 'a', [field]: past })).toMatchObject({
        code: status.OUT_OF_RANGE,
        reason: 'RANGE_PAST_END',
        metadata: { field, size: '2', limit: '1' },
      });
    }
  });
});

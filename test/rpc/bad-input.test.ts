import { status } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { limits } from '../../src/model/index.js';
import type { Fields } from './support/client.js';
import { startTestServer, type TestServer } from './support/server.js';
import { rawMessage, tokensMessage, varint } from './support/wire.js';

let server: TestServer;
let { client } = {} as TestServer;
beforeEach(async () => {
  server = await startTestServer();
  client = server.client;
});
afterEach(() => server.stop());

async function expectNothingStored(): Promise<void> {
  expect(await client.unary('GetStats', {})).toMatchObject({ conversations: 0, messages: 0, segments: 0 });
}

/** A StoreConversationRequest with one message, both given as bytes. */
const storeRaw = (message: Buffer): Buffer =>
  rawMessage([2, rawMessage([1, Buffer.from('c')])], [3, message]);

/** The tokens of conversation "c" as they come back. */
async function tokensBack(): Promise<number[]> {
  const parts = await client.stream('RetrieveConversation', { id: 'c' });
  return parts.flatMap((part) => {
    const chunk = part['chunk'] as { tokens?: { ids: number[] } } | undefined;
    return chunk?.tokens?.ids ?? [];
  });
}

describe('ids', () => {
  const tooLong = ['x'.repeat(513), 'ü'.repeat(257)];

  it('of 513 bytes are refused everywhere', async () => {
    for (const id of tooLong) {
      const calls: [string, Fields, string][] = [
        ['StoreConversation', { conversation: { id } }, 'conversation.id'],
        ['StoreConversation', { conversation: { parent_id: id } }, 'conversation.parent_id'],
        ['GetConversation', { id }, 'id'],
        ['RetrieveConversation', { id }, 'id'],
        ['DeleteConversation', { id }, 'id'],
        ['ListConversations', { filter: { id_prefix: id } }, 'filter.id_prefix'],
      ];
      for (const [method, request, field] of calls) {
        expect(await client.refused(method, request)).toMatchObject({
          code: status.INVALID_ARGUMENT,
          reason: 'INVALID_FIELD',
          metadata: { field, size: String(Buffer.byteLength(id)), limit: '512' },
        });
      }
    }
    await expectNothingStored();
  });

  it('that are empty are refused where one must be named, and made by a store', async () => {
    for (const method of ['GetConversation', 'RetrieveConversation', 'DeleteConversation']) {
      expect(await client.refused(method, {})).toMatchObject({
        code: status.INVALID_ARGUMENT,
        reason: 'INVALID_FIELD',
        metadata: { field: 'id', size: '0', limit: '1' },
      });
    }
    await expectNothingStored();
    const { conversation } = await client.unary('StoreConversation', {});
    expect((conversation as Fields)['id']).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7/);
  });

  it.each(['../../x', 'a/b', 'ü', 'a\u0000b', '.', 'x'.repeat(512), 'ü'.repeat(256), '__proto__'])(
    '%j is an ordinary id',
    async (id) => {
      await client.unary('StoreConversation', { conversation: { id } });
      const { conversation } = await client.unary('GetConversation', { id });
      expect((conversation as Fields)['id']).toBe(id);
      await client.unary('DeleteConversation', { id });
      await expectNothingStored();
    },
  );
});

describe('tokens on the wire', () => {
  const malformed: [string, Buffer][] = [
    ['a varint over 32 bits', varint(2 ** 32)],
    ['a varint of 64 bits', Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01])],
    ['a truncated varint', Buffer.from([5, 0x80])],
  ];
  it.each(malformed)('%s is refused', async (_name, packed) => {
    expect(await client.refused('StoreConversation', storeRaw(tokensMessage(packed)))).toMatchObject({
      code: status.INVALID_ARGUMENT,
      reason: 'MALFORMED_TOKENS',
      metadata: { field: 'messages[0].tokens' },
    });
    await expectNothingStored();
  });

  it('over 32 bits are refused in the unpacked form as well', async () => {
    const unpacked = rawMessage([4, rawMessage([1, 5], [1, 2 ** 32])]);
    expect(await client.refused('StoreConversation', storeRaw(unpacked))).toMatchObject({
      code: status.INVALID_ARGUMENT,
      reason: 'MALFORMED_TOKENS',
    });
    await expectNothingStored();
  });

  const accepted: [string, Buffer, number[]][] = [
    ['over-long', tokensMessage(Buffer.from([0x85, 0x80, 0x00, 7])), [5, 7]],
    ['unpacked', rawMessage([4, rawMessage([1, 5], [1, 300], [1, 0xffff_ffff])]), [5, 300, 0xffff_ffff]],
    [
      'split',
      rawMessage([4, rawMessage([1, Buffer.from([5, 6])], [1, 300], [1, Buffer.from([7])])]),
      [5, 6, 300, 7],
    ],
    ['merged', Buffer.concat([tokensMessage([5]), tokensMessage([6])]), [5, 6]],
  ];
  it.each(accepted)('%s varints are accepted and made canonical', async (_name, message, tokens) => {
    const stored = await client.unary('StoreConversation', storeRaw(message));
    expect(await tokensBack()).toEqual(tokens);
    const again = await client.unary('StoreConversation', storeRaw(tokensMessage(tokens)));
    expect(again).toMatchObject({ unchanged: true, total_segments: stored['total_segments'] });
  });

  it('as little-endian words must be a multiple of 4 bytes', async () => {
    for (const size of [1, 2, 3, 5]) {
      const request = { messages: [{ tokens_le32: Buffer.alloc(size) }] };
      expect(await client.refused('StoreConversation', request)).toMatchObject({
        code: status.INVALID_ARGUMENT,
        reason: 'MALFORMED_TOKENS',
        metadata: { field: 'messages[0].tokens_le32' },
      });
    }
    await expectNothingStored();
  });
});

describe('messages', () => {
  it('with two contents are refused, with none are empty', async () => {
    const both = Buffer.concat([tokensMessage([1]), rawMessage([5, Buffer.alloc(4)])]);
    expect(await client.refused('StoreConversation', storeRaw(both))).toMatchObject({
      code: status.INVALID_ARGUMENT,
      reason: 'INVALID_FIELD',
      metadata: { field: 'messages[0].content' },
    });
    await expectNothingStored();
    await client.unary('StoreConversation', { conversation: { id: 'c' }, messages: [{ role: 'user' }] });
    const [, chunk, ...rest] = await client.stream('RetrieveConversation', { id: 'c' });
    expect(chunk).toMatchObject({
      chunk: { end_of_message: true, message: { role: 'user', token_count: 0 } },
    });
    expect((chunk!['chunk'] as Fields)['content']).toBeUndefined();
    expect(rest).toEqual([]);
  });

  it('may be none at all', async () => {
    await client.unary('StoreConversation', { conversation: { id: 'c' } });
    expect(await client.stream('RetrieveConversation', { id: 'c' })).toHaveLength(1);
  });

  it('have roles, names and tool call ids of a limited length', async () => {
    const fields: [string, number][] = [
      ['role', 256],
      ['name', 256],
      ['tool_call_id', 512],
    ];
    for (const [field, limit] of fields) {
      const fits = { messages: [{}, { [field]: 'x'.repeat(limit) }] };
      await client.unary('DeleteConversation', {
        id: ((await client.unary('StoreConversation', fits))['conversation'] as Fields)['id'],
      });
      const tooLong = { messages: [{}, { [field]: 'x'.repeat(limit + 1) }] };
      expect(await client.refused('StoreConversation', tooLong)).toMatchObject({
        code: status.INVALID_ARGUMENT,
        reason: 'INVALID_FIELD',
        metadata: { field: `messages[1].${field}`, size: String(limit + 1), limit: String(limit) },
      });
    }
    await expectNothingStored();
  });

  it('in text need a tokenizer that the server has', async () => {
    const request = { conversation: { tokenizer: 'llama-3' }, messages: [{ text: 'hello' }] };
    const refused = await client.refused('StoreConversation', request);
    expect(refused).toMatchObject({ code: status.INVALID_ARGUMENT, reason: 'UNKNOWN_TOKENIZER' });
    expect(refused.metadata['known']).toContain('o200k_base');
    await expectNothingStored();
  });
});

describe('fields', () => {
  const long = (size: number) => 'x'.repeat(size);
  const many = (size: number) =>
    Object.fromEntries(Array.from({ length: size }, (_, index) => [`k${index}`, 'v']));

  const invalid: [string, string, Fields, string][] = [
    [
      'a long application',
      'StoreConversation',
      { conversation: { application: long(257) } },
      'conversation.application',
    ],
    ['a long model', 'StoreConversation', { conversation: { model: long(257) } }, 'conversation.model'],
    [
      'a long tokenizer',
      'StoreConversation',
      { conversation: { tokenizer: long(257) } },
      'conversation.tokenizer',
    ],
    ['much metadata', 'StoreConversation', { conversation: { metadata: many(65) } }, 'conversation.metadata'],
    [
      'an empty metadata key',
      'StoreConversation',
      { conversation: { metadata: { '': 'v' } } },
      'conversation.metadata',
    ],
    [
      'a long metadata key',
      'StoreConversation',
      { conversation: { metadata: { [long(129)]: '' } } },
      'conversation.metadata',
    ],
    [
      'a long metadata value',
      'StoreConversation',
      { conversation: { metadata: { k: long(8193) } } },
      'conversation.metadata',
    ],
    [
      'an expiry before 1970',
      'StoreConversation',
      { conversation: { expire_time: { seconds: -1 } } },
      'conversation.expire_time',
    ],
    [
      'a time that is none',
      'StoreConversation',
      { conversation: { expire_time: { nanos: -1 } } },
      'conversation.expire_time',
    ],
    [
      'a time too far',
      'StoreConversation',
      { conversation: { expire_time: { seconds: 253402300800 } } },
      'conversation.expire_time',
    ],
    ['an unknown encoding', 'RetrieveConversation', { id: 'c', encoding: 4 }, 'encoding'],
    ['a negative encoding', 'RetrieveConversation', { id: 'c', encoding: -1 }, 'encoding'],
    ['an unknown order', 'ListConversations', { order: 3 }, 'order'],
    ['a negative page size', 'ListConversations', { page_size: -1 }, 'page_size'],
    [
      'a filter with much metadata',
      'ListConversations',
      { filter: { metadata: many(17) } },
      'filter.metadata',
    ],
    ['a negative age', 'CollectGarbage', { min_age: { seconds: -1 } }, 'min_age'],
    ['a long vault name', 'GetStats', { vault: long(257) }, 'vault'],
  ];
  it.each(invalid)('%s is refused', async (_name, method, request, field) => {
    expect(await client.refused(method, request)).toMatchObject({
      code: status.INVALID_ARGUMENT,
      reason: 'INVALID_FIELD',
      metadata: { field },
    });
    await expectNothingStored();
  });

  it('of 64 bits must be numbers that JavaScript holds exactly', async () => {
    const request = Buffer.concat([
      rawMessage([1, Buffer.from('')]),
      Buffer.from([0x28, ...Array<number>(9).fill(0xff), 1]),
    ]);
    expect(await client.refused('StoreConversation', request)).toMatchObject({
      code: status.INVALID_ARGUMENT,
      reason: 'INVALID_FIELD',
      metadata: {
        field: 'if_revision',
        value: '18446744073709551615',
        limit: String(Number.MAX_SAFE_INTEGER),
      },
    });
    await expectNothingStored();
  });

  it('keep the largest values that are allowed', async () => {
    const conversation = {
      id: 'c',
      application: long(256),
      metadata: Object.fromEntries(
        Array.from({ length: 64 }, (_, index) => [`${index}`.padStart(128, 'k'), long(8192)]),
      ),
      expire_time: { seconds: 253402300799, nanos: 999_000_000 },
    };
    const { conversation: stored } = await client.unary('StoreConversation', { conversation });
    expect(stored).toMatchObject(conversation);
    const { conversations } = await client.unary('ListConversations', {});
    expect(conversations).toEqual([stored]);
  });

  it('that are not UTF-8, or not the message at all, are MALFORMED_REQUEST', async () => {
    const conversation = (bytes: Buffer) => rawMessage([2, rawMessage([1, bytes])]);
    const malformed: [string, Buffer][] = [
      ['StoreConversation', conversation(Buffer.from([0xff]))],
      ['StoreConversation', Buffer.from([0x12, 0x05, 0x0a])],
      ['StoreConversation', storeRaw(rawMessage([1, Buffer.from([0xc0, 0xaf])]))],
      ['StoreConversation', storeRaw(Buffer.from([0x22, 0x7f, 0x0a]))],
      ['GetConversation', Buffer.from('not a message')],
      ['RetrieveConversation', Buffer.from([0x12, 0x7f])],
      ['CollectGarbage', Buffer.from([0xff, 0xff])],
      ['GetStats', rawMessage([1, Buffer.from([0xed, 0xa0, 0x80])])],
      ['VerifyVault', Buffer.from([0xff, 0xff])],
      ['PutSegments', rawMessage([3, Buffer.from([0xff])])],
      ['PutSegments', rawMessage([2, Buffer.from([0x0a, 0x7f, 0x0a])])],
      ['GetSegments', Buffer.from('not a message')],
      ['HasSegments', Buffer.from([0x12, 0x7f])],
      ['AddReferences', rawMessage([2, rawMessage([2, Buffer.from([0xc0, 0xaf])])])],
      ['RemoveReferences', Buffer.from([0x12, 0x7f])],
      ['DeleteSegment', rawMessage([2, Buffer.from([0xff])])],
      ['ListGarbage', Buffer.from([0xff, 0xff])],
    ];
    for (const [method, bytes] of malformed) {
      expect(await client.refused(method, bytes)).toMatchObject({
        code: status.INVALID_ARGUMENT,
        reason: 'MALFORMED_REQUEST',
      });
    }
    await expectNothingStored();
  });
});

describe('requests over the limit', () => {
  it('are refused with both numbers', async () => {
    const message = Buffer.alloc(limits.requestBytesMax);
    const request = rawMessage([3, rawMessage([5, message])]);
    const refused = await client.refused('StoreConversation', request);
    expect(refused).toMatchObject({
      code: status.RESOURCE_EXHAUSTED,
      reason: 'REQUEST_TOO_LARGE',
      metadata: { size: String(request.length), limit: String(limits.requestBytesMax) },
    });
    expect(refused.details).toContain(String(request.length));
    await expectNothingStored();
  });

  it('are cut off by the transport when they are absurd, with both numbers', async () => {
    const request = Buffer.alloc(limits.transportRequestBytesMax + 1);
    const refused = await client.refused('StoreConversation', request);
    expect(refused.code).toBe(status.RESOURCE_EXHAUSTED);
    expect(refused.details).toContain(String(request.length));
    expect(refused.details).toContain(String(limits.transportRequestBytesMax));
    await expectNothingStored();
  });

  it('in what is decoded into objects are refused with both numbers', async () => {
    const filler = rawMessage([100, Buffer.alloc(limits.requestFieldsBytesMax)]);
    for (const method of ['StoreConversation', 'ListConversations', 'CollectGarbage', 'PutSegments']) {
      expect(await client.refused(method, filler)).toMatchObject({
        code: status.RESOURCE_EXHAUSTED,
        reason: 'REQUEST_TOO_LARGE',
        metadata: { size: String(filler.length), limit: String(limits.requestFieldsBytesMax) },
      });
    }
  });

  it('in their number of messages are refused with both numbers', async () => {
    const size = limits.messagesPerRequestMax + 1;
    const request = Buffer.alloc(2 * size, Buffer.from([0x1a, 0x00]));
    expect(await client.refused('StoreConversation', request)).toMatchObject({
      code: status.INVALID_ARGUMENT,
      reason: 'INVALID_FIELD',
      metadata: { field: 'messages', size: String(size), limit: String(limits.messagesPerRequestMax) },
    });
    await expectNothingStored();
  });
});

describe('what is not there', () => {
  it.each(['GetConversation', 'RetrieveConversation', 'DeleteConversation'])(
    '%s names it',
    async (method) => {
      expect(await client.refused(method, { id: 'a/ü' })).toMatchObject({
        code: status.NOT_FOUND,
        reason: 'CONVERSATION_NOT_FOUND',
        metadata: { resource_type: 'conversation', resource_name: 'a/ü' },
      });
    },
  );

  it('may be deleted where that is allowed', async () => {
    const request = { id: 'none', allow_missing: true };
    expect(await client.unary('DeleteConversation', request)).toMatchObject({ released_references: 0 });
  });

  it('may be a vault', async () => {
    const calls: [string, Fields][] = [
      ['StoreConversation', {}],
      ['GetConversation', { id: 'c' }],
      ['RetrieveConversation', { id: 'c' }],
      ['DeleteConversation', { id: 'c', allow_missing: true }],
      ['ListConversations', {}],
      ['CollectGarbage', {}],
      ['GetStats', {}],
      ['GetCapabilities', {}],
      ['VerifyVault', {}],
      ['PutSegments', {}],
      ['GetSegments', {}],
      ['HasSegments', {}],
      ['AddReferences', {}],
      ['RemoveReferences', {}],
      ['DeleteSegment', { hash: '0'.repeat(64) }],
      ['ListGarbage', {}],
    ];
    for (const [method, request] of calls) {
      expect(await client.refused(method, { ...request, vault: 'other' })).toMatchObject({
        code: status.NOT_FOUND,
        reason: 'VAULT_NOT_FOUND',
        metadata: { resource_type: 'vault', resource_name: 'other' },
      });
    }
    await expectNothingStored();
    expect(await client.unary('GetStats', { vault: 'default' })).toMatchObject({ conversations: 0 });
  });
});

describe('a store of an id that is there', () => {
  const store = (ids: number[], more: Fields = {}) => ({
    conversation: { id: 'c' },
    messages: [{ tokens: { ids } }],
    ...more,
  });

  it('changes nothing with the same content, and is refused with other content', async () => {
    await client.unary('StoreConversation', store([1]));
    expect(await client.unary('StoreConversation', store([1]))).toMatchObject({ unchanged: true });
    expect(await client.refused('StoreConversation', store([2]))).toMatchObject({
      code: status.ALREADY_EXISTS,
      reason: 'CONVERSATION_EXISTS',
    });
    expect(await tokensBack()).toEqual([1]);
  });

  it('replaces it when if_revision matches, and is refused when it does not', async () => {
    await client.unary('StoreConversation', store([1], { if_revision: 0 }));
    for (const if_revision of [0, 2]) {
      expect(await client.refused('StoreConversation', store([2], { if_revision }))).toMatchObject({
        code: status.ABORTED,
        reason: 'REVISION_MISMATCH',
        metadata: { revision: '1' },
      });
    }
    expect(await tokensBack()).toEqual([1]);
    await client.unary('StoreConversation', store([2], { if_revision: 1 }));
    expect(await tokensBack()).toEqual([2]);
    const stale = { id: 'c', if_revision: 1 };
    expect(await client.refused('RetrieveConversation', stale)).toMatchObject({
      reason: 'REVISION_MISMATCH',
    });
    expect(await client.refused('DeleteConversation', stale)).toMatchObject({ reason: 'REVISION_MISMATCH' });
    await client.unary('DeleteConversation', { id: 'c', if_revision: 2 });
  });
});

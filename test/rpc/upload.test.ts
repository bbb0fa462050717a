import { Metadata, status } from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from 'vitest';
import { isStowkenError, limits } from '../../src/model/index.js';
import type { StoreResult, Vault } from '../../src/vault/index.js';
import { eventually, withDeadline } from '../support/wait.js';
import { method, refusal, type Fields } from './support/client.js';
import { startTestServer, type TestServer } from './support/server.js';
import { rawMessage, tokensMessage } from './support/wire.js';

let server: TestServer;
afterEach(() => server.stop());

const words = (...tokens: number[]) => Buffer.from(Uint32Array.from(tokens).buffer);
const spec = (id: string, fields: Fields = {}): Fields => ({ spec: { conversation: { id }, ...fields } });
const upload = 'UploadConversation';

async function tokensBack(id: string): Promise<number[][]> {
  const messages: number[][] = [];
  for (const { chunk } of await server.client.stream('RetrieveConversation', { id })) {
    const { message_index: index, tokens } = (chunk ?? {}) as Fields;
    if (typeof index === 'number')
      (messages[index] ??= []).push(...(((tokens as Fields)?.['ids'] as number[]) ?? []));
  }
  return messages;
}

describe('an upload', () => {
  it('takes blocks in every form, and stores what they say together', async () => {
    server = await startTestServer();
    const response = await server.client.sendAll(upload, [
      spec('c', {
        conversation: { id: 'c', application: 'agent', tokenizer: 'gpt-4o', metadata: { a: 'b' } },
      }),
      { message: { role: 'system', name: 'n', tool_call_id: 't' } },
      { tokens: { tokens: { ids: [1, 2] } } },
      { tokens: { tokens_le32: words(3, 4_000_000_000) } },
      { tokens: {} },
      { message: { role: 'user' } },
      { message: { role: 'user' } },
      { tokens: { text: 'Hel' } },
      { tokens: { text: 'lo' } },
      { finish: {} },
    ]);
    expect(response).toMatchObject({
      conversation: { id: 'c', application: 'agent', revision: 1, message_count: 3, metadata: { a: 'b' } },
      total_segments: 2,
      new_segments: 2,
      unchanged: false,
    });
    const [first, second, third] = await tokensBack('c');
    expect([first, second]).toEqual([[1, 2, 3, 4_000_000_000], []]);
    const { conversation } = await server.client.unary('StoreConversation', {
      conversation: { tokenizer: 'gpt-4o' },
      messages: [{ role: 'user', text: 'Hello' }],
    });
    expect(await tokensBack((conversation as Fields)['id'] as string)).toEqual([third]);
  });

  it('makes special tokens of text where they are asked for, as a store does', async () => {
    server = await startTestServer();
    const [plain, special] = [{ role: 'user' }, { role: 'user', special_tokens: true }];
    const texts = ['<|endof', 'text|>a'].map((text) => ({ tokens: { text } }));
    const conversation = { id: 'c', tokenizer: 'o200k_base' };
    const parts = [{ message: plain }, ...texts, { message: special }, ...texts, { finish: {} }];
    await server.client.sendAll(upload, [spec('c', { conversation }), ...parts]);
    const text = '<|endoftext|>a';
    await server.client.unary('StoreConversation', {
      conversation: { ...conversation, id: 's' },
      messages: [
        { ...special, text },
        { ...plain, text },
        { ...special, text },
        { ...special, tokens: { ids: [5] } },
      ],
    });
    const [ordinary, asked] = await tokensBack('c');
    expect(asked).toEqual([199999, 64]);
    expect(ordinary).not.toContain(199999);
    expect(await tokensBack('s')).toEqual([asked, ordinary, asked, [5]]);
  });

  it('makes an id, and gives it again to a retry', async () => {
    server = await startTestServer();
    const parts = [{ spec: { request_id: 'r' } }, { message: {} }, { tokens: { tokens_le32: words(7) } }];
    const first = await server.client.sendAll(upload, [...parts, { finish: { total_tokens: 1 } }]);
    expect((first['conversation'] as Fields)['id']).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7/);
    expect(await server.client.sendAll(upload, [...parts, { finish: { total_tokens: 1 } }])).toEqual(first);
    const other = [{ spec: { request_id: 'r' } }, { finish: { total_tokens: 0 } }];
    expect(await server.client.refused(upload, other)).toMatchObject({
      code: status.ALREADY_EXISTS,
      reason: 'REQUEST_ID_REUSED',
      metadata: { request_id: 'r' },
    });
  });

  const begun = [spec('c'), { message: { role: 'user' } }];
  const invalid: [string, readonly (Fields | Buffer)[], string][] = [
    ['nothing', [], 'spec'],
    ['no spec', [{ message: {} }, { finish: {} }], 'spec'],
    ['two specs', [spec('c'), spec('c')], 'spec'],
    ['a request without a part', [spec('c'), Buffer.alloc(0)], 'part'],
    ['a request of two parts', [spec('c'), rawMessage([2, Buffer.alloc(0)], [4, Buffer.alloc(0)])], 'part'],
    ['tokens before a message', [spec('c'), { tokens: { tokens_le32: words(1) } }], 'tokens'],
    ['a message after finish', [spec('c'), { finish: {} }, { message: {} }], 'message'],
    ['no finish', [...begun], 'finish'],
    [
      'text and tokens',
      [...begun, { tokens: { text: 'x' } }, { tokens: { tokens_le32: words(1) } }],
      'tokens.content',
    ],
    [
      'a block in two forms',
      [...begun, rawMessage([3, rawMessage([2, words(1)], [3, Buffer.from('x')])])],
      'tokens.content',
    ],
    [
      'a wrong total',
      [...begun, { tokens: { tokens_le32: words(1) } }, { finish: { total_tokens: 2 } }],
      'finish.total_tokens',
    ],
    ['a long id', [spec('x'.repeat(513))], 'spec.conversation.id'],
    [
      'a long parent id',
      [spec('c', { conversation: { parent_id: 'x'.repeat(513) } })],
      'spec.conversation.parent_id',
    ],
    [
      'a long application',
      [spec('c', { conversation: { application: 'x'.repeat(257) } })],
      'spec.conversation.application',
    ],
    [
      'a long metadata value',
      [spec('c', { conversation: { metadata: { k: 'x'.repeat(8193) } } })],
      'spec.conversation.metadata',
    ],
    ['a long request id', [spec('c', { request_id: 'x'.repeat(129) })], 'spec.request_id'],
    ['a long vault name', [spec('c', { vault: 'x'.repeat(257) })], 'spec.vault'],
    ['a long role', [spec('c'), { message: { role: 'x'.repeat(257) } }], 'message.role'],
    ['a long name', [spec('c'), { message: { name: 'x'.repeat(257) } }], 'message.name'],
    [
      'a long tool call id',
      [spec('c'), { message: { tool_call_id: 'x'.repeat(513) } }],
      'message.tool_call_id',
    ],
  ];
  it.each(invalid)('of %s is refused', async (_name, requests, field) => {
    server = await startTestServer();
    expect(await server.client.refused(upload, requests)).toMatchObject({
      code: status.INVALID_ARGUMENT,
      reason: 'INVALID_FIELD',
      metadata: { field },
    });
    expect(await server.client.unary('GetStats', {})).toMatchObject({ conversations: 0 });
  });

  it('with malformed tokens, an unknown vault or too long a part is refused', async () => {
    server = await startTestServer();
    const refused = (...requests: (Fields | Buffer)[]) => server.client.refused(upload, requests);
    expect(await refused(...begun, { tokens: { tokens_le32: Buffer.alloc(3) } })).toMatchObject({
      code: status.INVALID_ARGUMENT,
      reason: 'MALFORMED_TOKENS',
      metadata: { field: 'tokens.tokens_le32' },
    });
    const cutOff = rawMessage([3, rawMessage([1, rawMessage([1, Buffer.from([5, 0x80])])])]);
    expect(await refused(...begun, cutOff)).toMatchObject({
      reason: 'MALFORMED_TOKENS',
      metadata: { field: 'tokens.tokens' },
    });
    expect(await refused(spec('c', { vault: 'none' }))).toMatchObject({
      code: status.NOT_FOUND,
      reason: 'VAULT_NOT_FOUND',
    });
    expect(await refused(spec('c'), tokensMessage([1]).subarray(0, 3))).toMatchObject({
      reason: 'MALFORMED_REQUEST',
    });
    const size = limits.uploadPartBytesMax;
    expect(await refused(...begun, { tokens: { tokens_le32: Buffer.alloc(size) } })).toMatchObject({
      code: status.RESOURCE_EXHAUSTED,
      reason: 'REQUEST_TOO_LARGE',
      metadata: { limit: String(size) },
    });
  });
});

/** A vault whose upload takes parts on the test's command, and reports their end. */
function heldUpload() {
  const state = { taken: 0, ended: false, signal: undefined as AbortSignal | undefined };
  let go: () => void = () => undefined;
  const gate = new Promise<void>((resolve) => (go = resolve));
  const held: Vault['upload'] = async (_input, parts, signal) => {
    state.signal = signal;
    const aborted = new Promise((resolve) => signal.addEventListener('abort', resolve));
    try {
      for await (const part of parts) {
        void part;
        state.taken++;
        await Promise.race([gate, aborted]);
        signal.throwIfAborted();
      }
    } finally {
      state.ended = true;
    }
    return { conversation: await Promise.reject(new Error('no conversation')) } as StoreResult;
  };
  return { state, held, go: () => go() };
}

const reasonOf = (state: { signal: AbortSignal | undefined }) =>
  eventually(() => {
    const reason: unknown = state.signal?.reason;
    expect(isStowkenError(reason)).toBe(true);
    return isStowkenError(reason) && reason.reason;
  });

describe('a client that sends faster than its upload is taken', () => {
  it('is held back while a few parts wait', async () => {
    const { state, held, go } = heldUpload();
    server = await startTestServer({ upload: held });
    const { call, response, send } = server.client.upload(upload);
    send(spec('c'));
    const part = { tokens: { tokens_le32: Buffer.alloc(256 * 1024) } };
    let sent = 0;
    let waiting = 0;
    // A write whose callback was called has left the client; other writes are held back.
    for (let index = 0; index < 64; index++) {
      waiting++;
      call.write(method(upload).requestSerialize(part), () => {
        waiting--;
        sent++;
      });
    }
    await eventually(() => expect(state.taken).toBe(1));
    for (let calls = 0; calls < 200; calls++) await server.client.unary('GetStats', {});
    const partBytes = 256 * 1024;
    const heldBytesMax = 4 * 1024 * 1024;
    expect(sent * partBytes).toBeLessThanOrEqual(heldBytesMax);
    expect(waiting).toBeGreaterThan(0);
    expect(state.taken).toBe(1);
    go();
    call.end();
    await expect(response).rejects.toMatchObject({ code: status.INTERNAL });
    expect(state.taken).toBe(64);
  });
});

describe('an upload that ends before its time', () => {
  it('by its client stops the work', async () => {
    const { state, held } = heldUpload();
    server = await startTestServer({ upload: held });
    const { call, response, send } = server.client.upload(upload);
    send(spec('c'));
    send({ message: {} });
    await eventually(() => expect(state.taken).toBe(1));
    call.cancel();
    expect(refusal(await response.catch((error: unknown) => error)).code).toBe(status.CANCELLED);
    expect(await reasonOf(state)).toBe('CANCELLED');
    await eventually(() => expect(state.ended).toBe(true));
  });

  it('by its deadline stops the work, also while it waits for the client', async () => {
    const { state, held, go } = heldUpload();
    go();
    server = await startTestServer({ upload: held });
    // A client without a deadline ends nothing by itself, so it is the server's that passes.
    await withDeadline(async (deadlineMs) => {
      Object.assign(state, { taken: 0, ended: false, signal: undefined });
      const metadata = new Metadata();
      metadata.set('grpc-timeout', `${deadlineMs}m`);
      const { response, send } = server.client.upload(upload, {}, metadata);
      send(spec('c'));
      send({ message: {} });
      expect(refusal(await response.catch((error: unknown) => error)).code).toBe(status.DEADLINE_EXCEEDED);
      return state.taken === 1;
    });
    await eventually(() => expect(state.ended).toBe(true));
    expect(await reasonOf(state)).toBe('DEADLINE_EXCEEDED');
  });

  it('by a refusal says so at once, though the client goes on', async () => {
    server = await startTestServer();
    const { response, send } = server.client.upload(upload);
    send({ finish: {} });
    expect(refusal(await response.catch((error: unknown) => error)).reason).toBe('INVALID_FIELD');
    for (let index = 0; index < 10; index++) send({ tokens: { tokens_le32: Buffer.alloc(1024 * 1024) } });
    expect(await server.client.unary('GetStats', {})).toMatchObject({ conversations: 0 });
  });

  it('by a broken connection leaves garbage and nothing else', async () => {
    server = await startTestServer();
    const { call, response, send } = server.client.upload(upload);
    send(spec('c'));
    send({ message: {} });
    for (let block = 0; block < 4; block++) {
      const bytes = Buffer.from(
        Uint32Array.from({ length: 262_144 }, (_, index) => block * 262_144 + index).buffer,
      );
      send({ tokens: { tokens_le32: bytes } });
      send({ message: {} });
    }
    await eventually(async () => {
      const { garbage_segments } = await server.client.unary('GetStats', {});
      expect(garbage_segments).toBeGreaterThan(0);
    });
    call.cancel();
    await response.catch(() => undefined);
    await eventually(async () => {
      for await (const _ of server.client.open('CollectGarbage', {})) void _;
      expect(await server.client.unary('GetStats', {})).toMatchObject({ segments: 0, conversations: 0 });
    });
  });
});

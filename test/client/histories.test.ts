import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunningServer } from '../../src/cli/index.js';
import { connect, type NewMessage, type StowkenClient } from '../../src/client/index.js';
import { startTestServer } from '../cli/support/start-server.js';
import { fewRetries, startFaultServer } from './support.js';

let server: RunningServer;
let client: StowkenClient;

beforeAll(async () => {
  server = await startTestServer();
  client = connect({ server: server.address });
});
afterAll(async () => {
  client.close();
  await server.stop();
});

async function tokensOf(id: string, range = {}): Promise<[offset: number, tokens: number[]][]> {
  const messages: [number, number[]][] = [];
  for await (const part of client.read(id, { encoding: 'tokens', ...range })) {
    if (part.kind === 'message') messages.push([part.tokenOffset, Array.from(part.content)]);
  }
  return messages;
}

describe('an upload', () => {
  it('sends messages of every form, and is what a store of them is', async () => {
    // Would be split inside surrogate pairs if the client did not check.
    const emoji = '👩‍👩‍👧‍👦 '.repeat(20_000);
    const messages: NewMessage[] = [
      { role: 'system', text: emoji },
      { role: 'user', tokens: Uint32Array.from({ length: 300_000 }, (_, index) => index * 7919) },
      { role: 'tool', name: 'n', toolCallId: 't', tokensLe32: Buffer.from([1, 0, 0, 0]) },
      { role: 'assistant' },
      { role: 'assistant', text: '' },
    ];
    const conversation = { id: 'uploaded', tokenizer: 'o200k_base', metadata: { a: 'b' } };
    async function* lazily() {
      yield* messages;
    }
    const uploaded = await client.upload({ conversation, messages: lazily() });
    expect(uploaded).toMatchObject({ unchanged: false, conversation: { messageCount: 5, revision: 1 } });
    expect((await client.store({ conversation, messages })).unchanged).toBe(true);
  });

  it('tells the server how many tokens it sent', async () => {
    const { conversation } = await client.upload({ messages: [{ role: 'user', tokens: [1, 2, 3] }] });
    expect(conversation.totalTokens).toBe(3);
    expect((await client.upload({ messages: [] })).conversation.totalTokens).toBe(0);
  });

  it('rejects with what its messages reject with, and leaves nothing', async () => {
    async function* failing() {
      yield { role: 'user', tokens: [1] };
      throw new Error('the file ends here');
    }
    const conversation = { id: 'failing' };
    await expect(client.upload({ conversation, messages: failing() })).rejects.toThrow('the file ends here');
    await expect(client.upload({ conversation, messages: [{ role: '\ud800' }] })).rejects.toThrow(TypeError);
    await expect(client.get('failing')).rejects.toMatchObject({ reason: 'CONVERSATION_NOT_FOUND' });
  });

  it('stops when it is refused, cancelled or out of time', async () => {
    async function* endless() {
      for (;;) yield { role: 'user', tokens: new Uint32Array(65_536) };
    }
    const long = { id: 'x'.repeat(513) };
    await expect(client.upload({ conversation: long, messages: endless() })).rejects.toMatchObject({
      reason: 'INVALID_FIELD',
      metadata: { field: 'spec.conversation.id' },
    });
    await expect(client.upload({ messages: endless(), timeoutMs: 200 })).rejects.toMatchObject({
      reason: 'DEADLINE_EXCEEDED',
    });
    const abort = new AbortController();
    setTimeout(() => abort.abort(), 200);
    await expect(client.upload({ messages: endless(), signal: abort.signal })).rejects.toMatchObject({
      reason: 'CANCELLED',
    });
  });
});

describe('a history', () => {
  it('is appended to, forked, and read in ranges', async () => {
    await client.store({ conversation: { id: 'a' }, messages: [{ role: 'user', tokens: [1, 2] }] });
    const appended = await client.append('a', [{ role: 'tool', tokens: [3, 4] }], { ifRevision: 1 });
    expect(appended).toMatchObject({ newSegments: 1, conversation: { revision: 2, totalTokens: 4 } });
    const fork = await client.fork('a', { newId: 'b', messageCount: 1 });
    expect(fork.conversation).toMatchObject({ id: 'b', parentId: 'a', messageCount: 1 });
    expect((await client.fork('a')).conversation.messageCount).toBe(2);
    expect(await tokensOf('a', { tokenOffset: 1, tokenLimit: 2 })).toEqual([
      [1, [2]],
      [0, [3]],
    ]);
    expect(await tokensOf('a', { messageOffset: 1 })).toEqual([[0, [3, 4]]]);
    const past = tokensOf('a', { messageOffset: 3 });
    await expect(past).rejects.toMatchObject({ code: status.OUT_OF_RANGE, reason: 'RANGE_PAST_END' });
    await expect(tokensOf('a', { messageLimit: 2 ** 32 })).rejects.toThrow(RangeError);
  });

  it.each([-1, 1.5, NaN, Infinity, 2 ** 32])('has no page or limit of %s', async (size) => {
    await expect(client.listPage({ pageSize: size })).rejects.toThrow(RangeError);
    await expect(client.segments.listGarbagePage({ pageSize: size })).rejects.toThrow(RangeError);
    await expect(client.findPrefix({ tokens: [1] }, { limit: size })).rejects.toThrow(RangeError);
  });

  it('is not appended to twice by a request id of its own', async () => {
    await client.store({ conversation: { id: 'once' }, messages: [] });
    const append = (token: number) =>
      client.append('once', [{ role: 'user', tokens: [token] }], { requestId: 'turn-1' });
    expect(await append(1)).toEqual(await append(1));
    expect((await client.get('once')).conversation.messageCount).toBe(1);
    await expect(append(2)).rejects.toMatchObject({
      code: status.ALREADY_EXISTS,
      reason: 'REQUEST_ID_REUSED',
    });
  });

  it('is described over as many pages as it takes', async () => {
    const messages = Array.from({ length: 40_000 }, (_, index) => ({ role: 'user', tokens: [index] }));
    await client.store({ conversation: { id: 'long' }, messages });
    const described = await client.get('long', { includeMessages: true });
    expect(new Set(described.messages.map(({ segments }) => segments[0]!.hash)).size).toBe(messages.length);
  });
});

describe('many conversations', () => {
  it('are read in one stream and deleted in one call', async () => {
    for (const id of ['m1', 'm2']) {
      const conversation = { id, application: 'many' };
      await client.store({ conversation, messages: [{ role: 'user', tokens: [5] }] });
    }
    const parts = [];
    for await (const { index, part } of client.retrieveMany(['m2', 'none', 'm1'], { encoding: 'tokens' })) {
      parts.push([index, part.kind === 'failed' ? part.error.reason : part.kind]);
    }
    expect(parts).toEqual([
      [0, 'header'],
      [0, 'chunk'],
      [1, 'CONVERSATION_NOT_FOUND'],
      [2, 'header'],
      [2, 'chunk'],
    ]);
    const whole = [];
    for await (const each of client.readMany(['m2', 'none', 'm1'], { tokensMax: 1 })) whole.push(each);
    const read = {
      kind: 'conversation',
      tokens: Uint32Array.of(5),
      messages: [{ role: 'user', tokenCount: 1 }],
    };
    expect(whole).toMatchObject([
      { index: 0, ...read, conversation: { id: 'm2', application: 'many' } },
      { index: 1, kind: 'failed', error: { reason: 'CONVERSATION_NOT_FOUND' } },
      { index: 2, ...read, conversation: { id: 'm1' } },
    ]);
    expect(await client.deleteMany({ ids: ['m1', 'none'], dryRun: true })).toMatchObject({
      conversations: 1,
      missing: 1,
    });
    expect(await client.deleteMany({ filter: { application: 'many' } })).toMatchObject({
      conversations: 2,
      missing: 0,
      changed: 0,
      releasedReferences: 2,
    });
    await expect(client.deleteMany({})).rejects.toMatchObject({ reason: 'INVALID_FIELD' });
  });
});

describe('while no server answers', () => {
  it('an append is tried again under one request id', async () => {
    const ids: string[] = [];
    const unavailable = { code: status.UNAVAILABLE, details: 'not now' };
    const faulty = await startFaultServer({
      AppendMessages(call: { request: { requestId: string } }, callback: (error: object) => void) {
        ids.push(call.request.requestId);
        callback(unavailable);
      },
    } as never);
    const other = connect({ server: faulty.address, retry: fewRetries });
    const appending = other.append('a', [{ role: 'user', tokens: [1] }]);
    await expect(appending).rejects.toMatchObject({ code: status.UNAVAILABLE });
    expect(ids).toHaveLength(fewRetries.attemptsMax);
    expect(new Set(ids).size).toBe(1);
    expect(ids[0]).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    other.close();
    faulty.stop();
  });
});

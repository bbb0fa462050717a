import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunningServer } from '../../src/cli/index.js';
import { connect, type NewMessage, type StowkenClient } from '../../src/client/index.js';
import { startTestServer } from '../cli/support/start-server.js';

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

async function read(id: string) {
  const messages = [];
  for await (const part of client.read(id, { encoding: 'tokens' })) {
    if (part.kind === 'message') messages.push({ role: part.role, tokens: Array.from(part.content) });
  }
  return messages;
}

describe('StowkenClient', () => {
  it('gives back any tokens exactly, whichever form they were stored in', async () => {
    const ids = fc.array(fc.integer({ min: 0, max: 0xffffffff }), { maxLength: 300 });
    await fc.assert(
      fc.asyncProperty(fc.array(ids, { maxLength: 8 }), async (contents) => {
        const forms: ((tokens: number[]) => Partial<NewMessage>)[] = [
          (tokens) => ({ tokens }),
          (tokens) => ({ tokens: Uint32Array.from([0, ...tokens]).subarray(1) }),
          (tokens) => ({ tokensLe32: Buffer.from(Uint32Array.from(tokens).buffer) }),
        ];
        const stored = [];
        for (const form of forms) {
          const messages = contents.map((tokens) => ({ role: 'user', ...form(tokens) }));
          stored.push((await client.store({ messages })).conversation.id);
        }
        const expected = contents.map((tokens) => ({ role: 'user', tokens }));
        for (const id of stored) expect(await read(id)).toEqual(expected);
      }),
      { numRuns: 30 },
    );
  });

  it('stores the same segments from text as from its tokens', async () => {
    const text = 'Zwölf Boxkämpfer jagen Viktor quer über den großen Sylter Deich. 你好 👩‍👩‍👧 <|endoftext|>';
    const conversation = { id: 'text', tokenizer: 'o200k_base' };
    await client.store({ conversation, messages: [{ role: 'user', text }] });
    const [message] = await read('text');
    const again = await client.store({ messages: [{ role: 'tool', tokens: message!.tokens }] });
    expect(again).toMatchObject({ newSegments: 0, dedupedSegments: 1, newTokens: 0 });
  });

  it('joins the chunks of a long message', async () => {
    const tokens = Uint32Array.from({ length: 700_000 }, (_, index) => index * 5_003);
    await client.store({ conversation: { id: 'long' }, messages: [{ role: 'a', tokens }, { role: 'b' }] });
    const chunks = [];
    for await (const part of client.retrieve('long', { encoding: 'tokens' })) {
      if (part.kind === 'chunk') chunks.push(part);
    }
    expect(chunks.length).toBeGreaterThan(2);
    const messages = await read('long');
    expect(messages.map(({ role }) => role)).toEqual(['a', 'b']);
    expect(Buffer.from(Uint32Array.from(messages[0]!.tokens).buffer).equals(Buffer.from(tokens.buffer))).toBe(
      true,
    );
    expect(messages[1]!.tokens).toEqual([]);
  });

  it('gives the tokens of a text, and where each ends in it, over the chunks of a long message', async () => {
    const text = 'Grüße an 你好 👩‍👩‍👧. '.repeat(60_000);
    const conversation = { id: 'text and tokens', tokenizer: 'o200k_base' };
    await client.store({ conversation, messages: [{ role: 'user', text }] });
    const [stored] = await read('text and tokens');
    const options = { encoding: 'text', includeTokens: true } as const;
    const chunks = [];
    for await (const part of client.retrieve('text and tokens', options))
      if (part.kind === 'chunk') chunks.push(part);
    expect(chunks.length).toBeGreaterThan(1);
    for await (const part of client.read('text and tokens', options)) {
      if (part.kind !== 'message') continue;
      expect(part.content === text).toBe(true);
      expect(Array.from(part.tokens!)).toEqual(stored!.tokens);
      expect(part.tokenEnds!.length).toBe(stored!.tokens.length);
      expect(part.tokenEnds!.at(-1)).toBe(Buffer.byteLength(text));
      expect(part.tokenEnds!.every((end, at, all) => at === 0 || end >= all[at - 1]!)).toBe(true);
    }
    for await (const part of client.read('text and tokens', { encoding: 'text' }))
      if (part.kind === 'message') expect([part.tokens, part.tokenEnds]).toEqual([undefined, undefined]);
  });

  it('describes, lists and deletes what it stored', async () => {
    const expireTimeMs = Date.UTC(2031, 0, 2, 3, 4, 5, 678);
    const spec = {
      id: 'described/../ü',
      application: 'app',
      model: 'm',
      tokenizer: 't',
      parentId: 'text',
      expireTimeMs,
      metadata: { a: '1', ключ: '值' },
    };
    const message = { role: 'tool', name: 'n', toolCallId: 'c', tokens: [1, 2] };
    const { conversation, unchanged } = await client.store({ conversation: spec, messages: [message] });
    expect(conversation).toMatchObject({ ...spec, revision: 1, totalTokens: 2, messageCount: 1 });
    expect(unchanged).toBe(false);
    const { messages } = await client.get(spec.id, { includeMessages: true });
    expect(messages).toMatchObject([{ role: 'tool', name: 'n', toolCallId: 'c', tokenCount: 2 }]);
    expect(messages[0]!.segments[0]!.hash).toMatch(/^[0-9a-f]{64}$/);

    const page = await client.listPage({
      filter: { application: 'app', tokensMin: 2, metadata: { a: '1' } },
    });
    expect(page.conversations).toEqual([conversation]);
    expect((await client.store({ conversation: spec, messages: [message] })).unchanged).toBe(true);
    expect(await client.delete(spec.id, { ifRevision: 1 })).toEqual({
      releasedReferences: 1,
      garbageSegments: 1,
      missing: false,
    });
    await expect(client.get(spec.id)).rejects.toMatchObject({ reason: 'CONVERSATION_NOT_FOUND' });
    expect(await client.delete(spec.id, { allowMissing: true })).toEqual({
      releasedReferences: 0,
      garbageSegments: 0,
      missing: true,
    });

    const parts = [];
    for await (const part of client.collectGarbage()) parts.push(part);
    expect(parts[0]).toMatchObject({ kind: 'plan', segments: 1 });
    expect(parts.at(-1)).toMatchObject({ kind: 'summary', segments: 1, keptSegments: 0 });
  });

  it('walks all pages in order', async () => {
    for (let index = 0; index < 7; index++) {
      await client.store({ conversation: { id: `page/${index}`, application: 'pages' }, messages: [] });
    }
    const ids: string[] = [];
    const listed = client.list({ filter: { application: 'pages' }, order: 'oldestFirst', pageSize: 2 });
    for await (const { id } of listed) ids.push(id);
    expect(ids).toEqual([0, 1, 2, 3, 4, 5, 6].map((index) => `page/${index}`));
  });

  it('tells statistics and capabilities in numbers', async () => {
    const stats = await client.stats();
    expect(stats.rawBytes).toBe(stats.tokens * 4);
    expect(stats.conversations).toBeGreaterThan(0);
    const { storage, tokenizers, limits } = await client.capabilities();
    expect(storage).toBe('memory');
    expect(tokenizers).toContain('o200k_base');
    expect(Object.values(limits).every(Number.isSafeInteger)).toBe(true);
  });

  it.each<[string, NewMessage]>([
    ['half a surrogate pair in text', { role: 'user', text: 'a\ud800b' }],
    ['half a surrogate pair in a role', { role: '\udfff', text: '' }],
    ['two forms of content', { role: 'user', text: '', tokens: [] }],
    ['a token below 0', { role: 'user', tokens: [-1] }],
    ['a token of 33 bits', { role: 'user', tokens: [2 ** 32] }],
    ['a token that is no whole number', { role: 'user', tokens: [1.5] }],
  ])('refuses %s before anything is sent', async (_what, message) => {
    const { conversations } = await client.stats();
    await expect(client.store({ messages: [message] })).rejects.toThrow(/messages\[0\]|token 0/);
    expect((await client.stats()).conversations).toBe(conversations);
  });

  it('refuses metadata that would be lost', async () => {
    const metadata = JSON.parse('{"__proto__":"x"}') as Record<string, string>;
    await expect(client.store({ conversation: { metadata }, messages: [] })).rejects.toThrow(/__proto__/);
  });
});

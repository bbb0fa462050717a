import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { limits } from '../../src/model/index.js';
import { ordinaryIntake } from '../../src/rpc/index.js';
import type { Fields } from './support/client.js';
import { startTestServer, type TestServer } from './support/server.js';

let server: TestServer;
let { client } = {} as TestServer;
beforeEach(async () => {
  server = await startTestServer();
  client = server.client;
});
afterEach(() => server.stop());

interface Chunk {
  readonly message_index: number;
  readonly token_offset: number;
  readonly tokens?: { readonly ids: number[] };
  readonly tokens_le32?: Buffer;
  readonly text?: string;
  readonly end_of_message: boolean;
  readonly message: Fields | null;
}

const text = 'Hello, 世界 👋 <|endoftext|>';

async function chunks(id: string, encoding?: string): Promise<Chunk[]> {
  const [header, ...parts] = await client.stream('RetrieveConversation', { id, encoding });
  expect(header).toMatchObject({ part: 'header', header: { id } });
  return parts.map((part) => part['chunk'] as Chunk);
}

const words = (tokens: readonly number[]) => Buffer.from(Uint32Array.from(tokens).buffer);

describe('a conversation', () => {
  it('sent as text, as tokens or as little-endian words is the same, and comes back as each', async () => {
    const conversation = { tokenizer: 'gpt-4o' };
    await client.unary('StoreConversation', {
      conversation: { ...conversation, id: 'text' },
      messages: [{ role: 'user', text }],
    });
    const [inTokens] = await chunks('text');
    const ids = inTokens!.tokens!.ids;
    for (const [id, content] of [
      ['tokens', { tokens: { ids } }],
      ['le32', { tokens_le32: words(ids) }],
    ] as const) {
      const request = { conversation: { ...conversation, id }, messages: [{ role: 'user', ...content }] };
      expect(await client.unary('StoreConversation', request)).toMatchObject({
        total_segments: 1,
        new_segments: 0,
        deduped_segments: 1,
      });
      expect((await chunks(id, 'ENCODING_TOKENS'))[0]?.tokens).toEqual({ ids });
      expect((await chunks(id, 'ENCODING_LE32'))[0]?.tokens_le32).toEqual(words(ids));
      expect((await chunks(id, 'ENCODING_TEXT'))[0]?.text).toBe(text);
    }
    expect(await client.unary('GetStats', {})).toMatchObject({
      conversations: 3,
      messages: 3,
      segments: 1,
      tokens: 3 * ids.length,
      unique_tokens: ids.length,
      raw_bytes: 12 * ids.length,
      unique_raw_bytes: 4 * ids.length,
    });
  });

  it('keeps everything that is said of it and of its messages', async () => {
    const conversation = {
      id: 'c',
      application: 'agent',
      model: 'gpt-4o',
      tokenizer: 'o200k_base',
      parent_id: 'parent',
      create_time: { seconds: 1_000_000_000, nanos: 7_000_000 },
      expire_time: { seconds: 4_000_000_000, nanos: 5_000_000 },
      metadata: { 'key/ü': 'value', empty: '' },
    };
    const speakers = [
      { role: 'system', name: '', tool_call_id: '' },
      { role: 'tool', name: 'search', tool_call_id: 'call-1' },
    ];
    const messages = speakers.map((speaker, index) => ({ ...speaker, tokens: { ids: [index, 7] } }));
    await client.unary('StoreConversation', { conversation, messages });
    const described = await client.unary('GetConversation', { id: 'c', include_messages: true });
    const segment = { hash: expect.stringMatching(/^[0-9a-f]{64}$/) as string, token_count: 2 };
    expect(described['conversation']).toMatchObject({
      ...conversation,
      revision: 1,
      total_tokens: 4,
      message_count: 2,
      messages: speakers.map((speaker) => ({ ...speaker, token_count: 2, segments: [segment] })),
    });
    const brief = await client.unary('GetConversation', { id: 'c' });
    expect(brief['conversation']).toEqual({ ...(described['conversation'] as Fields), messages: [] });
    expect(await client.stream('RetrieveConversation', { id: 'c' })).toMatchObject([
      { header: brief['conversation'] },
      ...speakers.map((speaker, index) => ({
        chunk: {
          message_index: index,
          token_offset: 0,
          tokens: { ids: [index, 7] },
          end_of_message: true,
          message: { ...speaker, token_count: 2 },
        },
      })),
    ]);
  });

  it('with a long message comes in chunks that join to it', async () => {
    const ids = Array.from({ length: 400_000 }, (_, index) => (index * 2_654_435_761) % 2 ** 32);
    await client.unary('StoreConversation', {
      conversation: { id: 'c' },
      messages: [{ role: 'user', tokens_le32: words(ids) }, { tokens: { ids: [1] } }],
    });
    const parts = await chunks('c');
    const long = parts.filter(({ message_index }) => message_index === 0);
    expect(long.length).toBeGreaterThan(1);
    expect(long.map(({ end_of_message }) => end_of_message).indexOf(true)).toBe(long.length - 1);
    expect(long.map(({ message }) => message?.['role'])).toEqual([
      'user',
      ...Array<undefined>(long.length - 1),
    ]);
    let tokenOffset = 0;
    for (const { token_offset, tokens } of long) {
      expect(token_offset).toBe(tokenOffset);
      tokenOffset += tokens!.ids.length;
    }
    expect(words(long.flatMap(({ tokens }) => tokens!.ids)).equals(words(ids))).toBe(true);
    expect(parts.at(-1)).toMatchObject({ message_index: 1, tokens: { ids: [1] } });
  });

  it('that is deleted leaves garbage, which a collection plans and then removes', async () => {
    for (const id of ['a', 'b']) {
      const messages = [{ tokens: { ids: [1, 2, 3] } }, { tokens: { ids: [id.charCodeAt(0)] } }];
      await client.unary('StoreConversation', { conversation: { id }, messages });
    }
    expect(await client.unary('DeleteConversation', { id: 'a' })).toEqual({
      released_references: 2,
      garbage_segments: 1,
      missing: false,
    });
    const collect = async (request: Fields) =>
      (await client.stream('CollectGarbage', request)).map((response) => {
        const part = response['part'] as string;
        return [part, (response[part] as Fields)['segments']];
      });
    expect(await collect({ dry_run: true })).toEqual([
      ['plan', 1],
      ['summary', 0],
    ]);
    expect(await collect({ min_age: { seconds: 3600 } })).toEqual([
      ['plan', 0],
      ['summary', 0],
    ]);
    expect(await client.unary('GetStats', {})).toMatchObject({ segments: 3, garbage_segments: 1 });
    expect(await collect({})).toEqual([
      ['plan', 1],
      ['progress', 1],
      ['summary', 1],
    ]);
    expect(await client.unary('GetStats', {})).toMatchObject({ segments: 2, garbage_segments: 0 });
  });
});

describe('capabilities', () => {
  it('are version, storage, tokenizers and every limit', async () => {
    const capabilities = await client.unary('GetCapabilities', {});
    expect(capabilities).toMatchObject({ version: '1.2.3', storage: 'memory' });
    expect(capabilities['tokenizers']).toContain('o200k_base');
    const startedWith = ['intake_bytes_max', 'request_idle_ms', 'connection_idle_ms'];
    expect(Object.keys(capabilities['limits'] as Fields)).toHaveLength(
      Object.keys(limits).length + startedWith.length,
    );
    expect(capabilities['limits']).toMatchObject({
      intake_bytes_max: ordinaryIntake.bytesMax,
      request_idle_ms: ordinaryIntake.requestIdleMs,
      connections_max: ordinaryIntake.connectionsMax,
      page_size_max: limits.pageSizeMax,
      request_bytes_max: limits.requestBytesMax,
    });
  });
});

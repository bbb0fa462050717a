import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connect, type StowkenClient } from '../../src/client/index.js';
import { anything, mixed, run as runs } from '../text/letters.js';
import { startTestServer } from './support/start-server.js';
import { jsonLines, stowkenAt } from './support/stowken.js';

let server: Awaited<ReturnType<typeof startTestServer>>;
let run: ReturnType<typeof stowkenAt>;
let client: StowkenClient;
beforeAll(async () => {
  server = await startTestServer();
  run = stowkenAt(server.address);
  client = connect({ server: server.address });
});
afterAll(async () => {
  client.close();
  await server.stop();
});

type Content = { text: string } | { tokens: number[] };

const store = (id: string, tokenizer: string, ...contents: Content[]) =>
  client.store({
    conversation: { id, tokenizer },
    messages: contents.map((content) =>
      'text' in content
        ? { role: 'user', text: content.text }
        : { role: 'user', tokens: Uint32Array.from(content.tokens) },
    ),
  });

async function tokensOf(id: string): Promise<number[][]> {
  const messages: number[][] = [];
  for await (const part of client.read(id, { encoding: 'tokens' }))
    if (part.kind === 'message') messages.push([...part.content]);
  return messages;
}

/** Returns the messages of an export, each as its text or its ids. */
async function exported(id: string, ...flags: string[]): Promise<unknown[]> {
  const { code, stdout, stderr } = await run(['export', '--id-prefix', id, ...flags]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const [line] = jsonLines(stdout);
  return (line!['messages'] as Record<string, unknown>[]).map(
    (message) => message['content'] ?? message['tokens'],
  );
}

/** Imports an export under another id, and returns the ids that are stored then. */
async function roundTrip(id: string): Promise<number[][]> {
  const { stdout } = await run(['export', '--id-prefix', id]);
  const copy = stdout.replace(`{"id":"${id}"`, `{"id":"copy-${id}"`);
  expect(await run(['import', '-'], copy)).toMatchObject({ code: 0, stderr: '' });
  return tokensOf(`copy-${id}`);
}

describe('export', () => {
  it('has text where it encodes to the stored ids, and else the ids', async () => {
    const letters = [39, 68, 75, 75, 78];
    const special = [12_194, 200_018, 0];
    const cut = [239];
    const unknown = [12_194, 4_000_000_000];
    const contents = [{ text: 'Hello' }, letters, special, { text: '<|endoftext|>' }, cut, unknown, []];
    const given = contents.map((content) => (Array.isArray(content) ? { tokens: content } : content));
    await store('mixed', 'o200k_base', ...given, { text: 'Bye' });
    expect(await exported('mixed')).toEqual([
      ...['Hello', letters, special, '<|endoftext|>', cut, unknown],
      ...['', 'Bye'],
    ]);
    expect(await roundTrip('mixed')).toEqual(await tokensOf('mixed'));
  });

  it('has text of other ids, and U+FFFD, only where it is asked for', async () => {
    await store('forced', 'o200k_base', { tokens: [39, 68, 75, 75, 78] }, { tokens: [239] });
    expect(await exported('forced', '--text-only')).toEqual(['Hello', '\ufffd']);
    expect(await exported('forced', '--tokens')).toEqual([[39, 68, 75, 75, 78], [239]]);
    const both = await run(['export', '--text-only', '--tokens']);
    expect(both).toMatchObject({ code: 2, stderr: expect.stringContaining('choose one') as string });
  });

  it('has ids of a tokenizer that the server does not have', async () => {
    await store('foreign', 'mystery', { tokens: [1, 2, 3] });
    expect(await exported('foreign')).toEqual([[1, 2, 3]]);
    const { stdout } = await run(['get', 'foreign', '--json']);
    expect(stdout).toContain('[1,2,3]');
  });

  it('has the text of every text, and stores the same ids again', async () => {
    let count = 0;
    const texts = fc.array(fc.oneof(mixed, runs, anything), { minLength: 1, maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(texts, async (some) => {
        const id = `text-${count++}.`;
        const valid = some.map((text) => Buffer.from(text).toString());
        await store(id, 'o200k_base', ...valid.map((text) => ({ text })));
        expect(await exported(id)).toEqual(valid);
        expect(await roundTrip(id)).toEqual(await tokensOf(id));
      }),
      { numRuns: 12 },
    );
  });

  it('stores the same ids again, whatever they are', async () => {
    let count = 0;
    const ids = fc.array(fc.oneof(fc.nat({ max: 300 }), fc.nat({ max: 201_000 })), { maxLength: 30 });
    await fc.assert(
      fc.asyncProperty(fc.array(ids, { minLength: 1, maxLength: 12 }), async (messages) => {
        const id = `ids-${count++}.`;
        await store(id, 'o200k_base', ...messages.map((tokens) => ({ tokens })));
        expect(await tokensOf(id)).toEqual(messages);
        expect(await roundTrip(id)).toEqual(messages);
      }),
      { numRuns: 12 },
    );
  });

  it.each(['o200k_base', 'cl100k_base'])(
    'is as exact for a message of several chunks: %s',
    async (tokenizer) => {
      const words = Array.from(
        { length: 150_000 },
        (_, at) => ['word', ' of', '\n\n', ' 中文', '  12', "'s"][(at * 7) % 6],
      );
      const text = words.join('');
      const id = `long-${tokenizer}`;
      await store(id, tokenizer, { text }, { text: 'short' });
      expect((await exported(id)).map((content) => content === text || content)).toEqual([true, 'short']);
      const [tokens] = await tokensOf(id);
      expect(tokens!.length).toBeGreaterThan(140_000);
      // A token in two, at the end: what was sent before it is text.
      const split = [39, 68, 75, 75, 78];
      await store(`${id}-split`, tokenizer, { tokens: [...tokens!, ...split] }, { text: 'short' });
      const [content, short] = await exported(`${id}-split`);
      expect(short).toBe('short');
      expect(Array.isArray(content) && content.length).toBe(tokens!.length + split.length);
      expect((content as number[]).slice(-5)).toEqual(split);
    },
  );
});

import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { connect } from '../../../src/client/index.js';
import { randomFrom } from '../../support/random.js';
import { jsonLines } from '../support/stowken.js';
import { samples } from './samples/index.js';
import { importServer, lines } from './support.js';

const { run, address, same } = importServer();

describe('import, then export --format same', () => {
  it('gives back the lines of every shape, and imports them as unchanged', async () => {
    const sent = samples.map(({ document }) => document);
    const first = await run(['import', '--json', '--concurrency', '1', '-'], lines(sent));
    expect(first.stderr).toBe('');
    expect(jsonLines(first.stdout)[0]).toMatchObject({ stored: sent.length, failed: 0 });
    expect(await same()).toEqual(sent);
    const withIds = samples.filter(({ id }) => id !== undefined).map(({ document }) => document);
    const [again] = jsonLines((await run(['import', '--json', '-'], lines(withIds))).stdout);
    expect(again).toMatchObject({ stored: 0, unchanged: withIds.length, failed: 0 });
    await run(['delete', '--all']);
  });

  it('encodes special tokens where they are asked for, and gives the lines back', async () => {
    const line = { id: 's', model: 'gpt-4o', messages: [{ role: 'user', content: 'a<|endoftext|>b' }] };
    await run(['import', '--special-tokens', '-'], lines([line]));
    const ids = jsonLines((await run(['export', '--tokens'])).stdout);
    expect(ids).toMatchObject([{ messages: [{ tokens: [64, 199999, 65] }] }]);
    expect(await same()).toEqual([line]);
    const grown = { ...line, messages: [...line.messages, { role: 'user', content: '<|endofprompt|>' }] };
    await run(['import', '--special-tokens', '-'], lines([grown]));
    expect(await same()).toEqual([grown]);
    const all = jsonLines((await run(['export', '--tokens'])).stdout);
    expect(all).toMatchObject([{ messages: [{}, { tokens: [200018] }] }]);
    await run(['delete', '--all']);
  });

  it('gives back the events of a session', async () => {
    const events = [
      { type: 'user', uuid: 'u1', sessionId: 's1', message: { role: 'user', content: 'List' } },
      { type: 'system', uuid: 'u2', sessionId: 's1', content: 'hook' },
      {
        type: 'assistant',
        uuid: 'u3',
        sessionId: 's1',
        message: { role: 'assistant', content: [{ type: 'text', text: 'a' }] },
      },
    ];
    await run(['import', '-'], lines(events.slice(0, 2)));
    const [grown] = jsonLines((await run(['import', '--json', '-'], lines(events))).stdout);
    expect(grown).toMatchObject({ stored: 1, failed: 0, formats: { 'claude-code': 1 } });
    expect(await same()).toEqual(events);
    await run(['delete', '--all']);
  });

  it('stores what lines have in common once, and counts it as no message', async () => {
    const tools = Array.from({ length: 40 }, (_, at) => ({
      name: `tool-${at}`,
      description: 'x y z '.repeat(at),
    }));
    const messages = [{ role: 'user', content: 'once' }];
    const sent = [0, 1, 2].map((n) => ({ id: `n${n}`, seed: n, tools, messages }));
    const unique = async () =>
      (jsonLines((await run(['stats', '--json'])).stdout)[0] as { unique_tokens: number }).unique_tokens;
    const before = await unique();
    const [first] = jsonLines((await run(['import', '--json', '-'], lines(sent.slice(0, 1)))).stdout);
    const between = await unique();
    const [others] = jsonLines((await run(['import', '--json', '-'], lines(sent.slice(1)))).stdout);
    expect(first).toMatchObject({ stored: 1, tokens: 1, new_tokens: 1 });
    expect(others).toMatchObject({ stored: 2, tokens: 2 });
    expect((await unique()) - between).toBeLessThan((between - before) / 10);
    expect(await same()).toEqual(sent);
    const verified = await run(['verify']);
    expect(verified.code).toBe(0);
    await run(['delete', '--all']);
    expect(jsonLines((await run(['stats', '--json'])).stdout)[0]).toMatchObject({ conversations: 0 });
    expect((await run(['verify'])).code).toBe(0);
  });

  it('unpacks images of any size, stores them once, and gives the lines back', async () => {
    const random = randomFrom(1);
    const bytes = Buffer.from(Array.from({ length: 5 * 2 ** 20 + 1 }, () => random.below(256)));
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    const data = bytes.toString('base64');
    const line = (id: string, more: object = {}) => ({
      id,
      messages: [
        {
          role: 'user',
          content: [
            { type: 'text', text: 'What is this?' },
            { type: 'image_url', image_url: { url: `data:image/png;base64,${data}`, detail: 'low' } },
            { type: 'image', source: { type: 'base64', media_type: 'image/png', data } },
            { type: 'image_url', image_url: { url: 'https://example.org/a.png' } },
          ],
        },
        { role: 'assistant', content: 'Noise.' },
      ],
      ...more,
    });
    const words = 'What is said in a file. '.repeat(300);
    const file = `data:text/plain;base64,${Buffer.from(words).toString('base64')}`;
    const inDocument = { request: { file, odd: `${'A'.repeat(5000)}B=` } };
    const sent = [line('one'), line('two', inDocument)];
    const stored = async () =>
      (jsonLines((await run(['stats', '--json'])).stdout)[0] as { segment_bytes: number }).segment_bytes;
    const before = await stored();
    const import1 = ['import', '--concurrency', '1', '--json', '-'];
    expect(jsonLines((await run(import1, lines(sent))).stdout)[0]).toMatchObject({
      ...{ stored: 2, failed: 0 },
    });
    expect((await stored()) - before).toBeLessThan(bytes.length + 20_000);
    expect(await same()).toEqual(sent);
    const text = (await run(['get', 'one'])).stdout;
    expect(text).toContain(`image/png:sha256:${sha256}`);
    expect(text).toContain(`: ${sha256}]\n`);
    const [shown] = jsonLines((await run(['get', 'one', '--json'])).stdout);
    expect(shown).toMatchObject({ messages: [{ attachments: [{ sha256, size_bytes: bytes.length }] }, {}] });
    const hash = createHash('sha256').update(words).digest('hex');
    expect((await run(['get', 'two', '--attachment', hash])).stdout).toBe(words);
    expect((await run(['get', 'two', '--attachment', `sha256:${hash}`])).stdout).toBe(words);
    expect((await run(['get', 'two', '--attachment', 'f'.repeat(64)])).stderr).toContain('has no attachment');
    expect(jsonLines((await run(['import', '--json', '-'], lines(sent))).stdout)[0]).toMatchObject({
      ...{ stored: 0, unchanged: 2 },
    });
    const grown = { ...sent[0]!, messages: [...sent[0]!.messages, ...sent[0]!.messages] };
    expect(jsonLines((await run(['import', '--json', '-'], lines([grown]))).stdout)[0]).toMatchObject({
      ...{ stored: 1, failed: 0 },
    });
    expect(await same('--id-prefix', 'one')).toEqual([grown]);
    expect((await run(['verify'])).code).toBe(0);
    await run(['delete', '--all']);
    await run(['gc', '--min-age', '0s']);
    expect(await stored()).toBe(0);
  });

  it('refuses data that is longer than an attachment, and says so', async () => {
    const long = 'A'.repeat(4 * Math.ceil((64 * 2 ** 20 + 1) / 3));
    const result = await run(['import', '-'], `${JSON.stringify({ id: 'long', messages: [], long })}\n`);
    expect(result.stderr).toMatch(/a value of \d+ bytes is longer than an attachment: 67108864/);
    expect(result.code).toBe(1);
  });

  it('keeps numbers as they are written, also those that JSON readers change or refuse', async () => {
    const sent = [
      '{"id":12345678901234567890,"messages":[{"role":"user","content":"a"}],"timestamp":1719999999123456789}',
      '{"id":"n","messages":[{"role":"user","content":"NaN 1e999"}],"reward":NaN,"list":[-Infinity,1e400,-0.5]}',
      '{"id":"d","messages":[{"role":"user","content":"-0 0.123456789012345678"}],"zeros":[-0,-0.0,0,-0.05],' +
        '"digits":[3.14159265358979323846,0.30000000000000001,123456789012.3456789,0.30000000000000004],' +
        '"small":[1e-400,4.95e-324,5e-324,1e-7]}',
      '{"id":"c","messages":[{"role":"assistant","content":[{"type":"tool_use","input":{"id":9007199254740993}}]},' +
        '{"role":"user","content":12345678901234567890}],"$stowken":["number","1"]}',
    ];
    const [first] = jsonLines((await run(['import', '--json', '-'], `${sent.join('\n')}\n`)).stdout);
    expect(first).toMatchObject({ stored: 4, failed: 0 });
    const lines = async () => (await run(['export', '--format', 'same'])).stdout.trim().split('\n').sort();
    expect(await lines()).toEqual([...sent].sort());
    const [again] = jsonLines((await run(['import', '--json', '-'], `${sent.join('\n')}\n`)).stdout);
    expect(again).toMatchObject({ stored: 0, unchanged: 4 });
    const listed = jsonLines((await run(['list', '--json'])).stdout) as { id: string; create_time: string }[];
    const created = listed.find(({ id }) => id === '12345678901234567890')!.create_time;
    expect(created).toBe('2024-07-03T09:46:39.123Z');
    await run(['delete', '--all']);
  });

  it('keeps keys that look like its own marks, however their letters are written', async () => {
    const marks = [
      '"$stow\\u006ben"',
      '"\\u0024STOWKEN"',
      '"$$\\u0073towken"',
      '"\\u0024\\u0073\\u0074owken"',
    ];
    const sent = marks.map(
      (key, at) => `{"id":"m${at}","messages":[{"role":"user","content":"a"}],"x":{${key}:["number","7"]}}`,
    );
    await run(['import', '--concurrency', '1', '-'], sent.join('\n'));
    expect(await same()).toEqual(sent.map((line) => JSON.parse(line) as unknown));
    await run(['delete', '--all']);
  });

  it('takes the conversations of a list in the only document of a file', async () => {
    const all = ['a', 'b'].map((id) => ({ id, messages: [{ role: 'user', content: id }] }));
    const file = JSON.stringify({ version: '1.0', data: all }, null, 2);
    const [first] = jsonLines((await run(['import', '--json', '--concurrency', '1', '-'], file)).stdout);
    expect(first).toMatchObject({ stored: 2, failed: 0, formats: { 'openai-chat': 2 } });
    expect(await same()).toEqual(all);
    const client = connect({ server: address() });
    const fields: unknown[] = [];
    for await (const part of client.read('a', { encoding: 'text', includeFields: true }))
      if (part.kind === 'message') fields.push(JSON.parse(part.fieldsJson!));
    client.close();
    expect(fields).toMatchObject([{ import: { wrapper: { version: '1.0', data: [] } } }]);
    const bad = JSON.stringify({ data: [...all, { messages: [], model: 'x' }, { messages: [{}] }] });
    const { code, stderr } = await run(['import', '-'], bad);
    expect({ code, stderr }).toEqual({ code: 1, stderr: '<stdin>:1:data[3]: messages[0]: it has no role\n' });
    await run(['delete', '--all']);
    // A line among others is a conversation, whatever its lists are.
    const lines = `${JSON.stringify({ data: all })}\n${JSON.stringify({ data: all })}\n`;
    expect(jsonLines((await run(['import', '--json', '-'], lines)).stdout)[0]).toMatchObject({ stored: 2 });
    await run(['delete', '--all']);
  });

  it('refuses an object that has a key twice, of which one value would be lost', async () => {
    const bad = [
      '{"id":"r","messages":[{"role":"user","content":"a","content":"b"}]}',
      '{"id":"s","messages":[{"role":"user","content":"a"}], "x" : {"\\u0061\\"\\\\":1,"a\\"\\\\" :2}}',
    ];
    const good =
      '{"id":"g","messages":[{"role":"user","content":"\\"a\\": {\\\\"}],"a":{"a":["a",{"a":":"}]},"__proto__":1}';
    const { code, stderr, stdout } = await run(['import', '--json', '-'], `${bad.join('\n')}\n${good}\n`);
    expect(code).toBe(1);
    expect(stderr).toContain('<stdin>:1: an object has the key "content" twice');
    expect(jsonLines(stdout)[0]).toMatchObject({ stored: 1, failed: 2 });
    expect((await run(['export', '--format', 'same'])).stdout).toBe(`${good}\n`);
    await run(['delete', '--all']);
  });

  it('takes the results of promptfoo and the chats of Telegram, which lie deeper', async () => {
    const files = [
      ['promptfoo', { evalId: 'e', results: { version: 3, results: [] as unknown[] }, config: {} }],
      ['telegram', { about: 'x', chats: { about: 'y', list: [] as unknown[] } }],
    ] as const;
    for (const [format, file] of files) {
      const { document } = samples.find((sample) => sample.format === format)!;
      const list = 'results' in file ? file.results.results : file.chats.list;
      list.push(document, { ...(document as object), id: 5 });
      const [summary] = jsonLines(
        (await run(['import', '--json', '-'], JSON.stringify(file, null, 1))).stdout,
      );
      expect(summary).toMatchObject({ stored: 2, failed: 0, formats: { [format]: 2 } });
      const all = await same();
      expect(all).toHaveLength(2);
      expect(all).toEqual(expect.arrayContaining(list));
      await run(['delete', '--all']);
    }
  });

  it('keeps fields of any size', async () => {
    const tops = Array.from({ length: 20 }, (_, at) => ({ token: `t${at}`, logprob: -at / 7 }));
    const logprobs = Array.from({ length: 3000 }, (_, at) => ({ token: `${at}`, top_logprobs: tops }));
    const line = {
      id: 'long',
      tools: [{ name: 'f', description: 'x '.repeat(40_000) }],
      messages: [{ role: 'user', content: 'Hi' }],
      choices: [{ message: { role: 'assistant', content: 'Ho' }, logprobs: { content: logprobs, n: 2 } }],
      trace: 'y '.repeat(700_000),
    };
    const text = `${JSON.stringify(line).slice(0, -1)},"seed":12345678901234567890}\n`;
    expect(text.length).toBeGreaterThan(4_000_000);
    const [first] = jsonLines((await run(['import', '--json', '-'], text)).stdout);
    expect(first).toMatchObject({ stored: 1, failed: 0 });
    expect((await run(['export', '--format', 'same'])).stdout).toBe(text);
    const [again] = jsonLines((await run(['import', '--json', '-'], text)).stdout);
    expect(again).toMatchObject({ stored: 0, unchanged: 1 });
    await run(['delete', '--all']);
  });

  it('stores nothing in a dry run', async () => {
    const { code, stdout } = await run(['import', '--dry-run', '-'], `${lines([samples[0]!.document])}bad\n`);
    expect(code).toBe(1);
    expect(stdout).toBe('would store 1 conversation, failed 1\nread as openai-chat 1\n');
    expect(await same()).toEqual([]);
  });
});

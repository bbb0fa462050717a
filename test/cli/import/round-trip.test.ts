import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connect } from '../../../src/client/index.js';
import type { RunningServer } from '../../../src/cli/index.js';
import { randomFrom } from '../../support/random.js';
import { startTestServer } from '../support/start-server.js';
import { jsonLines, stowkenAt } from '../support/stowken.js';
import { samples } from './samples/index.js';

let server: RunningServer;
let run: ReturnType<typeof stowkenAt>;
beforeAll(async () => {
  server = await startTestServer();
  run = stowkenAt(server.address);
});
afterAll(() => server.stop());

const lines = (documents: readonly unknown[]) =>
  documents.map((each) => `${JSON.stringify(each)}\n`).join('');

async function same(...flags: string[]): Promise<unknown[]> {
  const { code, stdout, stderr } = await run(['export', '--format', 'same', ...flags]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return jsonLines(stdout);
}

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

  it('keeps lines that have fields and no message', async () => {
    const sent = [
      { custom_id: 'failed', response: null, error: { code: 'rate_limit' } },
      { id: 'none', model: 'gpt-4o', tools: [{ name: 'f' }], messages: [] },
    ];
    const [first] = jsonLines((await run(['import', '--json', '-'], lines(sent))).stdout);
    expect(first).toMatchObject({ stored: 2, failed: 0 });
    expect(await same()).toEqual(expect.arrayContaining(sent));
    const [again] = jsonLines((await run(['import', '--json', '-'], lines(sent))).stdout);
    expect(again).toMatchObject({ stored: 0, unchanged: 2, failed: 0 });
    const later = { ...sent[0], error: { code: 'other' } };
    await run(['import', '-'], lines([later]));
    expect(await same('--id-prefix', 'failed')).toEqual([later]);
    await run(['delete', '--all']);
  });

  it('stores rows of one id beside each other, once', async () => {
    const sent: object[] = [
      { id: 'q1', prompt: 'a', completion: 'b', metadata: { n: '1' } },
      { id: 'q1', prompt: 'a', completion: 'c', metadata: { n: '2' } },
      { id: 2, messages: [{ role: 'user', content: 'a' }] },
      { id: 2, messages: [{ role: 'user', content: 'b' }] },
      { id: 'chat', messages: [{ role: 'user', content: 'a' }] },
      { id: 'chat', messages: [{ role: 'user', content: 'b' }], model: 'gpt-4o' },
    ];
    sent.push({ ...sent[0]!, metadata: { n: '3' } });
    const [first] = jsonLines((await run(['import', '--json', '-'], lines(sent))).stdout);
    expect(first).toMatchObject({ stored: 7, beside: 4, unchanged: 0, failed: 0 });
    expect(await same()).toEqual(expect.arrayContaining(sent));
    const again = await run(['import', '--json', '-'], lines(sent));
    expect(jsonLines(again.stdout)).toMatchObject([{ stored: 0, unchanged: 7, failed: 0 }]);
    // An id that came before, of a chat, is that chat's.
    const other = { id: 'chat', messages: [{ role: 'user', content: 'c' }] };
    const [refused] = jsonLines((await run(['import', '--json', '-'], lines([other]))).stdout);
    expect(refused).toMatchObject({ stored: 0, failed: 1, failures: [{ reason: 'CONVERSATION_EXISTS' }] });
    const strict = await run(['import', '--json', '--on-conflict', 'fail', '-'], lines(sent));
    expect(jsonLines(strict.stdout)).toMatchObject([{ stored: 0 }]);
    const { stdout } = await run(['import', '-'], lines([{ id: 2, prompt: 'x', completion: 'y' }]));
    expect(stdout).toContain('stored 1 conversation under ids like ID~1f0c9a');
    await run(['delete', '--all']);
  });

  it('gives back a line that has nothing but an empty list', async () => {
    const sent = [{ messages: [] }, { messages: [], error: null }];
    await run(['import', '-'], lines(sent));
    expect(await same()).toEqual(expect.arrayContaining(sent));
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

  it('encodes the same text once more if its special tokens are asked for later', async () => {
    const line = { id: 's', model: 'gpt-4o', messages: [{ role: 'user', content: 'a<|endoftext|>b' }] };
    const tokens = async () =>
      jsonLines((await run(['export', '--tokens'])).stdout).map(
        (each) => (each as { messages: { tokens: number[] }[] }).messages[0]!.tokens,
      );
    const special = [[64, 199999, 65]];
    await run(['import', '-'], lines([line]));
    expect(await tokens()).not.toEqual(special);
    const [asked] = jsonLines(
      (await run(['import', '--special-tokens', '--json', '-'], lines([line]))).stdout,
    );
    expect(asked).toMatchObject({ stored: 1, unchanged: 0 });
    expect(await tokens()).toEqual(special);
    // Without the option nothing is asked for, unless the line is to replace what is stored.
    const [kept] = jsonLines((await run(['import', '--json', '-'], lines([line]))).stdout);
    expect(kept).toMatchObject({ stored: 0, unchanged: 1 });
    expect(await tokens()).toEqual(special);
    await run(['import', '--on-conflict', 'replace', '-'], lines([line]));
    expect(await tokens()).not.toEqual(special);
    await run(['delete', '--all']);
  });

  it('gives back what is said of a conversation by the line that was imported last', async () => {
    const messages = [{ role: 'user', content: 'x' }];
    const more = [...messages, { role: 'assistant', content: 'y' }];
    await run(['import', '-'], lines([{ id: 'm', model: 'gpt-4o', metadata: { a: '1' }, messages }]));
    const last = { id: 'm', model: 'gpt-4o-mini', metadata: { a: '2' }, messages: more };
    await run(['import', '-'], lines([last]));
    expect(await same()).toEqual([last]);
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

  it('appends what came since to a known id, and keeps the newest document', async () => {
    const history = ['a', 'b', 'c'].map((content) => ({ role: 'user', content }));
    const grown = [1, 2, 3].map((count) => ({ id: 't', turns: count, messages: history.slice(0, count) }));
    const all = await run(['import', '--json', '-'], lines(grown));
    expect(jsonLines(all.stdout)[0]).toMatchObject({
      stored: 3,
      failed: 0,
      tokens: expect.any(Number) as number,
    });
    expect(await same()).toEqual([grown[2]]);
    const again = await run(['import', '--json', '-'], lines(grown));
    expect(jsonLines(again.stdout)[0]).toMatchObject({ stored: 0, unchanged: 3, failed: 0 });

    const other = lines([{ id: 't', messages: [{ role: 'user', content: 'other' }] }]);
    const refused = await run(['import', '-'], other);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toMatch(
      /CONVERSATION_EXISTS\): --on-conflict replace stores these in their place/,
    );
    expect((await run(['import', '--on-conflict', 'keep', '-'], other)).stdout).toMatch(
      /unchanged 1, failed 0/,
    );
    expect(await same()).toEqual([grown[2]]);
    expect((await run(['import', '--on-conflict', 'replace', '-'], other)).stdout).toMatch(/^stored 1 /);
    expect(await same()).toEqual(jsonLines(other));
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
      '{"id":"c","messages":[{"role":"assistant","content":[{"type":"tool_use","input":{"id":9007199254740993}}]},' +
        '{"role":"user","content":12345678901234567890}],"$stowken":["number","1"]}',
    ];
    const [first] = jsonLines((await run(['import', '--json', '-'], `${sent.join('\n')}\n`)).stdout);
    expect(first).toMatchObject({ stored: 3, failed: 0 });
    const lines = async () => (await run(['export', '--format', 'same'])).stdout.trim().split('\n').sort();
    expect(await lines()).toEqual([...sent].sort());
    const [again] = jsonLines((await run(['import', '--json', '-'], `${sent.join('\n')}\n`)).stdout);
    expect(again).toMatchObject({ stored: 0, unchanged: 3 });
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
    const client = connect({ server: server.address });
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

  it('writes all messages of forks, and of what was added to, in whatever shape they were', async () => {
    await run(['import', '-'], lines([{ id: 'p', prompt: 'Hi', completion: 'Ho', score: 1 }]));
    await run(['fork', 'p', 'f', '--messages', '1']);
    await run(['append', 'p', '-'], lines([{ role: 'user', content: 'More' }]));
    await run(['import', '-'], lines([{ id: 'q', prompt: 'Hi', completion: 'Ho', score: 1 }]));
    const { code, stdout, stderr } = await run(['export', '--format', 'same']);
    expect(code).toBe(0);
    expect(stderr.split('\n')).toEqual([
      expect.stringMatching(/^[fp]: it has not the messages of the line/),
      expect.stringMatching(/^[fp]: it has not the messages of the line/),
      '',
    ]);
    const [user, assistant] = [
      { role: 'user', content: 'Hi' },
      { role: 'assistant', content: 'Ho' },
    ];
    const all = jsonLines(stdout);
    expect(all).toHaveLength(3);
    expect(all).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ id: 'p', messages: [user, assistant, { role: 'user', content: 'More' }] }),
        expect.objectContaining({ id: 'f', messages: [user] }),
        { id: 'q', prompt: 'Hi', completion: 'Ho', score: 1 },
      ]),
    );
    await run(['delete', '--all']);
  });

  it('writes what was added to a room whose texts are in parts', async () => {
    const text = ['See ', { type: 'link', text: 'it' }];
    const room = { id: 9, name: 'r', messages: [{ id: 1, type: 'message', date: 'd', from: 'Ann', text }] };
    await run(['import', '-'], lines([room]));
    expect(await same()).toEqual([room]);
    await run(['append', '9', '-'], lines([{ role: 'user', content: 'More' }]));
    const { stdout } = await run(['export', '--format', 'same']);
    expect(jsonLines(stdout)).toMatchObject([{ messages: [{ content: 'See it' }, { content: 'More' }] }]);
    await run(['delete', '--all']);
  });

  it('keeps records that say nothing among others of their kind', async () => {
    const sent = [
      { step: 1, note: 'It has more than four words.' },
      { step: 2, note: null },
      { step: 3, note: '' },
    ];
    const other = { step: 4, loss: 0.5 };
    const first = await run(['import', '--json', '-'], lines([...sent, other]));
    expect(jsonLines(first.stdout)).toMatchObject([
      { stored: 3, failed: 1, formats: { texts: 1, record: 2 } },
    ]);
    expect(first.stderr).toContain('measurements: leave the file out');
    expect(await same()).toEqual(expect.arrayContaining(sent));
    await run(['delete', '--all']);
    const events = [
      ['event', { part: { type: 'text', text: 'Here is what I found.' } }],
      ['event', { status: 'idle' }],
    ];
    await run(['import', '-'], lines(events));
    expect(await same()).toEqual(expect.arrayContaining(events));
    await run(['delete', '--all']);
  });

  it('keeps records before the first of their kind and after many, and stores them once', async () => {
    const failed = { id: 'r', request: null, error: 'timeout' };
    const begin = [failed, ...Array.from({ length: 1500 }, () => ({ ...failed, id: 'x', error: 'refused' }))];
    const said = { id: 'r', request: { messages: [{ role: 'user', content: 'Hi' }] }, error: null };
    const end = [{ ...failed, id: 'y' }, { state: 'idle' }, failed];
    const file = lines([...begin, said, ...end]);
    const first = await run(['import', '--json', '-'], file);
    expect(jsonLines(first.stdout)).toMatchObject([
      // A thousand lines wait for one that says something.
      { stored: 1003, failed: 502, unchanged: 0, formats: { nested: 1, record: 1002 } },
    ]);
    expect(await same()).toEqual(expect.arrayContaining([failed, said, { ...failed, id: 'y' }]));
    const again = await run(['import', '--json', '-'], file);
    expect(jsonLines(again.stdout)).toMatchObject([{ stored: 0, unchanged: 1003, failed: 502 }]);
    await run(['delete', '--all']);
  });

  it('refuses settings that are alone in their file, and takes rows with such texts', async () => {
    const settings = { name: 'x', description: 'It serves what was stored before.' };
    const alone = await run(['import', '--json', '-'], lines([settings]));
    expect(jsonLines(alone.stdout)).toMatchObject([{ stored: 0, failed: 1 }]);
    const said = { input: { content: '2+2' }, references: [{ output: { content: '4' } }] };
    const short = await run(['import', '--json', '-'], lines([said]));
    expect(jsonLines(short.stdout)).toMatchObject([{ stored: 1, failed: 0, formats: { texts: 1 } }]);
    expect(await same()).toEqual([said]);
    await run(['delete', '--all']);
    const rows = [settings, { ...settings, name: 'y', level: 'B1' }];
    const several = await run(['import', '--json', '-'], lines(rows));
    expect(jsonLines(several.stdout)).toMatchObject([{ stored: 2, failed: 0 }]);
    expect(await same()).toEqual(expect.arrayContaining(rows));
    await run(['delete', '--all']);
  });

  it('stores nothing in a dry run', async () => {
    const { code, stdout } = await run(['import', '--dry-run', '-'], `${lines([samples[0]!.document])}bad\n`);
    expect(code).toBe(1);
    expect(stdout).toBe('would store 1 conversation, failed 1\nread as openai-chat 1\n');
    expect(await same()).toEqual([]);
  });
});

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RunningServer } from '../../src/cli/index.js';
import { connect } from '../../src/client/index.js';
import { startTestServer } from './support/start-server.js';
import { jsonLines, stowken, stowkenAt, type CliResult } from './support/stowken.js';

const folder = mkdtempSync(join(tmpdir(), 'stowken-import-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let server: RunningServer;
let run: (args: readonly string[], stdin?: string | Buffer) => Promise<CliResult>;
beforeEach(async () => {
  server = await startTestServer();
  run = stowkenAt(server.address);
});
afterEach(() => server.stop());

const toLines = (records: readonly unknown[]) =>
  records.map((record) => `${JSON.stringify(record)}\n`).join('');

async function exported(...flags: string[]): Promise<Record<string, unknown>[]> {
  const { code, stdout, stderr } = await run(['export', ...flags]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return jsonLines(stdout);
}

const byId = (records: readonly Record<string, unknown>[]) =>
  new Map(records.map((record) => [record['id'], record]));

/** Any text that UTF-8 can encode. */
const text = fc.oneof(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'binary' }), fc.lorem());
const label = fc.oneof(fc.constant(''), fc.string({ unit: 'grapheme', maxLength: 20 }));
const toolCall = fc.record({
  id: fc.stringMatching(/^call_[0-9a-f]{8}$/),
  type: fc.constant('function'),
  function: fc.record({ name: fc.string({ minLength: 1 }), arguments: fc.json() }),
});
const speaker = {
  role: fc.constantFrom('system', 'user', 'assistant', 'tool', 'ein Wort', ''),
  name: fc.string({ minLength: 1, maxLength: 20 }),
  tool_call_id: fc.string({ minLength: 1, maxLength: 20 }),
};
const message = fc.oneof(
  fc.record({ ...speaker, content: text }, { requiredKeys: ['role', 'content'] }),
  fc.record({
    role: fc.constant('assistant'),
    content: fc.option(text, { nil: null }),
    tool_calls: fc.array(toolCall, { minLength: 1, maxLength: 3 }),
  }),
);
const metadata = fc.dictionary(
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }).filter((key) => key !== '__proto__'),
  fc.string({ unit: 'grapheme' }),
  { minKeys: 1, maxKeys: 5, noNullPrototype: true },
);
const record = fc.record(
  {
    id: fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 }),
    application: label,
    model: label,
    tokenizer: fc.constantFrom('o200k_base', 'cl100k_base', 'gpt-4o'),
    parent_id: fc.string({ minLength: 1, maxLength: 20 }),
    expire_time: fc
      // One that has expired cannot be exported.
      .date({ min: new Date('2100-01-01'), max: new Date('2200-01-01'), noInvalidDate: true })
      .map((date) => date.toISOString()),
    metadata,
    messages: fc.array(message, { maxLength: 6 }),
  },
  { requiredKeys: ['id', 'application', 'model', 'tokenizer', 'messages'] },
);
const records = fc.uniqueArray(record, { maxLength: 12, selector: ({ id }) => id });

describe('import, then export', () => {
  it('gives back the same conversations', async () => {
    await fc.assert(
      fc.asyncProperty(records, async (sent) => {
        const result = await run(['import', '-'], toLines(sent));
        expect(result).toMatchObject({ code: 0, stderr: '' });
        expect(byId(await exported())).toEqual(byId(sent));
        if (sent.length > 0) await run(['delete', '--', ...sent.map(({ id }) => id)]);
        expect(await exported()).toEqual([]);
      }),
      { numRuns: 40 },
    );
  });

  it('gives back token ids as they were', async () => {
    const tokens = fc.array(fc.integer({ min: 0, max: 0xffffffff }), { maxLength: 50 });
    const messages = fc.array(fc.record({ role: fc.constant('user'), tokens }), { maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(fc.array(messages, { maxLength: 5 }), async (conversations) => {
        const sent = conversations.map((each, index) => ({
          id: String(index),
          application: '',
          model: '',
          tokenizer: index % 2 === 0 ? '' : 'of-my-own',
          messages: each,
        }));
        expect(await run(['import', '-'], toLines(sent))).toMatchObject({ code: 0, stderr: '' });
        expect(byId(await exported('--tokens'))).toEqual(byId(sent));
        await run(['delete', '--allow-missing', '0', '1', '2', '3', '4']);
      }),
      { numRuns: 20 },
    );
  });

  it('gives back an import of its own output as unchanged', async () => {
    const sent = fc.sample(records, { numRuns: 1, seed: 7 })[0]!;
    await run(['import', '-'], toLines(sent));
    const { stdout } = await run(['export']);
    expect((await run(['import', '-'], stdout)).stdout).toMatch(
      `stored 0 conversations, unchanged ${sent.length},`,
    );
    const { stdout: asTokens } = await run(['export', '--tokens']);
    expect((await run(['import', '-'], asTokens)).stdout).toMatch(`unchanged ${sent.length}, failed 0`);
  });

  it('keeps the order of creation when it is stored one at a time', async () => {
    const ids = Array.from({ length: 20 }, (_, index) => `c${(index * 7) % 20}`);
    await run(['import', '--concurrency', '1', '-'], toLines(ids.map((id) => ({ id, messages: [] }))));
    expect((await exported('--concurrency', '3')).map(({ id }) => id)).toEqual(ids);
  });

  it('falls back to token ids where there is no text', async () => {
    const unknownToken = {
      id: 'b',
      tokenizer: 'o200k_base',
      messages: [
        { role: 'u', tokens: [9] },
        { role: 'u', tokens: [4_000_000_000] },
      ],
    };
    const unknownTokenizer = { id: 'a', tokenizer: 'mine', messages: [{ role: 'u', tokens: [9] }] };
    await run(['import', '--concurrency', '1', '-'], toLines([unknownTokenizer, unknownToken]));
    const [first, second] = await exported();
    expect(first).toMatchObject(unknownTokenizer);
    expect(second!['messages']).toContainEqual({ role: 'u', tokens: [4_000_000_000] });
  });
});

describe('export of bytes that are no UTF-8', () => {
  const lead = 172; // r50k_base: the byte 0xf0
  const record = {
    id: 'c',
    tokenizer: 'r50k_base',
    messages: [
      { role: 'u', content: 'ab' },
      { role: 'a', tokens: [64, lead] },
    ],
  };

  it('gives token ids, which import takes back as the same conversation', async () => {
    await run(['import', '-'], toLines([record]));
    const { stdout } = await run(['export']);
    expect(JSON.parse(stdout)).toMatchObject(record);
    expect((await run(['import', '-'], stdout)).stdout).toMatch('unchanged 1, failed 0');
    expect(JSON.parse((await run(['get', 'c', '--json'])).stdout)).toMatchObject(record);
  });

  it('shows what can be read to those who only look', async () => {
    await run(['import', '-'], toLines([record]));
    expect((await run(['get', 'c'])).stdout).toContain('\na\ufffd\n');
  });
});

describe('import', () => {
  it('reads gzip and plain files by their bytes, and counts what is unchanged', async () => {
    const sent = [
      { id: 'a', messages: [{ role: 'user', content: 'one two' }] },
      { id: 'b', messages: [{ role: 'user', content: 'one two' }] },
    ];
    writeFileSync(join(folder, 'zipped'), gzipSync(toLines(sent.slice(0, 1))));
    writeFileSync(join(folder, 'plain.gz'), `\n${toLines(sent)}`);
    const { code, stdout } = await run([
      'import',
      join(folder, 'zipped'),
      '--concurrency',
      '1',
      join(folder, 'plain.gz'),
    ]);
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^stored 2 conversations, unchanged 1, failed 0\n4 tokens stored; new segments have 2\n/,
    );
  });

  it('encodes text with the tokenizer of the model, and says where that is not known', async () => {
    const messages = [{ role: 'user', content: 'Hello, world' }];
    const models = ['gpt-4-turbo', 'openai/gpt-4o', 'claude-3', 'claude-3', 'llama\u001b[1m', undefined];
    const lines = toLines(models.map((model, at) => ({ id: `m${at}`, model, messages })));
    const { code, stdout } = await run(['import', '--tokenizer', 'r50k_base', '-'], lines);
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /\n3 conversations encoded with r50k_base, because the tokenizer of their model is not known: claude-3, llama\\u\{1b\}\[1m\n$/,
    );
    const stored = jsonLines((await run(['export'])).stdout) as { id: string; tokenizer: string }[];
    expect(Object.fromEntries(stored.map(({ id, tokenizer }) => [id, tokenizer]))).toEqual({
      ...{ m0: 'cl100k_base', m1: 'o200k_base' },
      ...{ m2: 'r50k_base', m3: 'r50k_base', m4: 'r50k_base', m5: 'r50k_base' },
    });
    const again = await run(['import', '--json', '--tokenizer', 'r50k_base', '-'], lines);
    expect(jsonLines(again.stdout)[0]).toMatchObject({
      unchanged: 6,
      assumed_tokenizer: { tokenizer: 'r50k_base', models: { 'claude-3': 2, 'llama\u001b[1m': 1, '': 1 } },
    });
  });

  it('takes the OpenAI shape', async () => {
    const messages = [
      {
        role: 'system',
        content: [
          { type: 'text', text: 'You are ' },
          { type: 'text', text: 'brief.' },
        ],
      },
      { role: 'assistant', content: 'Yes', refusal: null, annotations: [], tool_calls: null, name: null },
      {
        role: 'assistant',
        tool_calls: [{ id: 'c1', type: 'function', function: { name: 'f', arguments: '{}' } }],
      },
      { role: 'tool', tool_call_id: 'c1', content: null },
    ];
    await run(['import', '--application', 'app', '-'], toLines([{ model: 'gpt-4o', messages }]));
    const [conversation] = await exported();
    expect(conversation!['id']).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7/);
    expect(conversation).toMatchObject({ application: 'app', model: 'gpt-4o', tokenizer: 'o200k_base' });
    expect(conversation!['messages']).toEqual([
      { role: 'system', content: 'You are brief.' },
      { role: 'assistant', content: 'Yes' },
      { role: 'assistant', content: null, tool_calls: messages[2]!.tool_calls },
      { role: 'tool', tool_call_id: 'c1', content: '' },
    ]);
  });

  const user = (fields: object) => ({ messages: [{ role: 'user', ...fields }] });
  it.each<[string, string | Buffer, RegExp]>([
    ['no JSON', '{"messages":[}', /not JSON/],
    ['a cut line', '{"messages":[', /not a JSON object: it begins with "\{" and ends with "\["/],
    ['no object', '[]', /not a JSON object: it is a list without messages/],
    ['no UTF-8', Buffer.from([0x7b, 0xff, 0x7d]), /not UTF-8/],
    ['no messages', '{}', /^it has no messages in a shape that is known/m],
    ['no list of messages', '{"messages":1}', /^messages: it is no list of messages$/m],
    ['a message that is no object', '{"messages":[1]}', /^messages\[0\]: it is no object$/m],
    ['no role', '{"messages":[{"content":"a"}]}', /^messages\[0\]: it has no role$/m],
    ['a time that is none', '{"expire_time":"soon","messages":[]}', /^expire_time: it is no time like 2/],
    [
      'values in values without end',
      `{"messages":[],"x":${'['.repeat(5000)}${']'.repeat(5000)}}`,
      /too deep/,
    ],
    [
      'an unknown tokenizer for text',
      JSON.stringify({ tokenizer: 'x', ...user({ content: 'a' }) }),
      /UNKNOWN_TOKENIZER/,
    ],
    ['an id that is too long', JSON.stringify({ id: 'x'.repeat(513), messages: [] }), /512.*INVALID_FIELD/],
  ])('reports a line with %s and stores the others', async (_what, line, reason) => {
    const file = join(folder, 'lines.jsonl');
    const good = (id: string) => `${JSON.stringify({ id, messages: [] })}\n`;
    writeFileSync(
      file,
      Buffer.concat([Buffer.from(good('first')), Buffer.from(line), Buffer.from(`\n${good('last')}`)]),
    );
    const { code, stdout, stderr } = await run(['import', file]);
    expect(code).toBe(1);
    expect(stdout).toMatch(/^stored 2 conversations, unchanged 0, failed 1\n/);
    const [where, why] = stderr.split(`${file}:2: `);
    expect(where).toBe('');
    expect(why).toMatch(reason);
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
    expect((await exported()).map(({ id }) => id).sort()).toEqual(['first', 'last']);
  });

  it('refuses other content under a stored id, by name', async () => {
    await run(['import', '-'], '{"id":"a","messages":[{"role":"user","content":"a"}]}');
    const { code, stderr } = await run(
      ['import', '-'],
      '{"id":"a","messages":[{"role":"user","content":"b"}]}',
    );
    expect(code).toBe(1);
    expect(stderr).toBe(
      '<stdin>:1: conversation "a" is stored with other messages, which these do not continue (CONVERSATION_EXISTS): ' +
        '--on-conflict replace stores these in their place, and --on-conflict keep leaves the stored ones\n',
    );
  });

  it('counts a refusal of the server that says the same, and shows it once', async () => {
    const line = (index: number, tokenizer: string) => ({
      id: `c${index}`,
      tokenizer,
      messages: [{ role: 'user', content: 'a' }],
    });
    const tokenizers = ['here', 'there', 'here', 'there', 'here'];
    const { code, stdout, stderr } = await run(
      ['import', '--json', '-'],
      toLines(tokenizers.map((tokenizer, index) => line(index, tokenizer))),
    );
    expect(code).toBe(1);
    expect(jsonLines(stdout)).toMatchObject([
      { failed: 5, failures: [{ reason: 'UNKNOWN_TOKENIZER', count: 5 }] },
    ]);
    const shown = stderr.trimEnd().split('\n');
    expect(shown.map((each) => /tokenizer "(\w+)"/.exec(each)?.[1]).sort()).toEqual([
      'here',
      'there',
      undefined,
    ]);
    expect(shown.at(-1)).toBe('5 failures: 5 × UNKNOWN_TOKENIZER');
  });

  it('refuses lines like one that was refused, and takes the others', async () => {
    const log = (index: number) => `{"ts":${index},"level":"info","msg":"request ${index}"}`;
    const good = (index: number) => JSON.stringify({ id: `g${index}`, messages: [] });
    const lines = Array.from({ length: 300 }, (_, index) =>
      [
        log(index),
        good(index),
        `line ${index}`,
        `{"id": None, "n": ${index}}`,
        '{"messages":[{"say":"it"}]}',
      ].join('\n'),
    );
    const { code, stdout, stderr } = await run(['import', '--json', '-'], lines.join('\n'));
    expect(code).toBe(1);
    const [summary] = jsonLines(stdout);
    expect(summary).toMatchObject({ stored: 300, failed: 1200 });
    const reasons = (summary as { failures: { reason: string; count: number }[] }).failures;
    expect(reasons.map(({ count }) => count)).toEqual([300, 300, 300, 300]);
    expect(stderr.trimEnd().split('\n')).toHaveLength(5);
  });

  it('reads a document that is alone in its file, though lines like it were refused before', async () => {
    const lines = ['a', 'b'].map((content) => ({ data: [{ text: content }] }));
    const refused = join(folder, 'lines.jsonl');
    const whole = join(folder, 'whole.json');
    writeFileSync(refused, toLines(lines));
    writeFileSync(whole, JSON.stringify({ data: [{ text: 'c' }] }));
    const { stdout } = await run(['import', '--json', refused, whole]);
    expect(jsonLines(stdout)).toMatchObject([{ stored: 1, failed: 2, formats: { text: 1 } }]);
  });

  it('reports a file that it cannot read and a gzip file that is cut', async () => {
    const cut = join(folder, 'cut.gz');
    writeFileSync(cut, gzipSync(toLines([{ messages: [] }])).subarray(0, -4));
    const missing = join(folder, 'missing');
    const { code, stderr } = await run(['import', missing, cut]);
    expect(code).toBe(1);
    expect(stderr).toMatch(`${missing}: there is no such file or folder\n`);
    expect(stderr).toContain(`${cut}: it is gzip, and damaged or cut: unexpected end of file`);
  });

  it('stops when no server answers', async () => {
    const lines = toLines(Array.from({ length: 500 }, () => ({ messages: [] })));
    const { code, stderr } = await stowken(['import', '--server', '127.0.0.1:1', '--concurrency', '4', '-'], {
      stdin: lines,
    });
    expect(code).toBe(1);
    expect(stderr).toMatch(/^<stdin>:\d: no server answers/);
    expect(stderr).toMatch(
      /stopped: no server answers; what follows was not tried\n(?:\d failures: \d × UNAVAILABLE\n)?$/,
    );
    expect(stderr.split('\n').length).toBeLessThan(10);
  });
});

describe('export', () => {
  it('takes the filters of list', async () => {
    await run(
      ['import', '-'],
      toLines([
        { id: 'a', application: 'x', messages: [] },
        { id: 'b', application: 'y', messages: [] },
      ]),
    );
    expect((await exported('--application', 'y')).map(({ id }) => id)).toEqual(['b']);
    expect(await exported('--min-tokens', '1')).toEqual([]);
  });

  it('streams a conversation that is too long to read ahead', async () => {
    const client = connect({ server: server.address });
    const tokens = Uint32Array.from({ length: 2_500_000 }, (_, index) => index);
    const messages = ['a', 'b'].map((role) => ({ role, tokens }));
    await client.store({ conversation: { id: 'long' }, messages });
    client.close();
    const [long] = (await exported('--tokens')) as { messages: { role: string; tokens: number[] }[] }[];
    expect(long!.messages.map(({ role }) => role)).toEqual(['a', 'b']);
    expect(long!.messages[1]!.tokens).toEqual(Array.from(tokens));
  });
});

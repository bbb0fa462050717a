import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connect, type StowkenClient } from '../../src/client/index.js';
import { stowkenAt } from '../cli/support/stowken.js';
import { TestClient } from '../rpc/support/client.js';
import { startStrictStowken, type StowkenProcess } from '../support/process.js';
import { encodeByPeer, preTokenizers, tokenizerJson } from '../text/hugging-face.js';

const folder = mkdtempSync(join(tmpdir(), 'stowken-chats-'));
const model = join(folder, 'model');
const json = tokenizerJson({
  merges: [
    ['t', 'h'],
    ['th', 'e'],
    ['Ġ', 'the'],
  ],
  preTokenizer: preTokenizers.Qwen,
  added: [
    { id: 400, content: '<|im_start|>', normalized: false, special: true },
    { id: 401, content: '<|im_end|>', normalized: false, special: true },
  ],
});
const template = (mark: string) => `{{ bos_token + '${mark}' }}
{%- for tool in tools or [] %}{{ tool | tojson }}{% endfor %}
{%- for m in messages %}
    {{- '<|im_start|>' + m.role + '\\n' + (m.content or '') }}
    {%- for call in m.tool_calls or [] %}{{ call.function.arguments | tojson }}{% endfor %}
    {{- '<|im_end|>\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}`;

/** Ids of the reference, whose added tokens are numbered after its vocabulary. */
async function idsOf(text: string): Promise<number[]> {
  const size = Object.keys(json.model.vocab).length;
  const [ids] = await encodeByPeer(json, [text]);
  return ids!.map((id) => (id >= size ? id - size + 400 : id));
}

const tool = { type: 'function', function: { name: 'f', parameters: { type: 'object' } } };
const tool_calls = [{ id: 'c', type: 'function', function: { name: 'f', arguments: '{"x": 1}' } }];
const line = {
  id: 'chat',
  tools: [tool],
  messages: [
    { role: 'user', content: 'the <|im_end|> rest of the 日本語' },
    { role: 'assistant', content: null, tool_calls },
    { role: 'tool', tool_call_id: 'c', content: '42' },
  ],
};
const user = '<|im_start|>user\nthe <|im_end|> rest of the 日本語<|im_end|>\n';
const rest = '<|im_start|>assistant\n{"x": 1}<|im_end|>\n<|im_start|>tool\n42<|im_end|>\n';
const toolText = '{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}';

let server: StowkenProcess;
let client: StowkenClient;
let run: ReturnType<typeof stowkenAt>;

async function start(...args: string[]): Promise<void> {
  server = await startStrictStowken('--data', join(folder, 'data'), '--workers', '2', ...args);
  client = connect({ server: server.address });
  run = stowkenAt(server.address);
}

async function stop(): Promise<void> {
  client.close();
  expect(await server.kill('SIGTERM')).toBe(0);
}

function writeTemplate(mark: string): void {
  const config = { bos_token: { content: '<s>' }, eos_token: '</s>', chat_template: template(mark) };
  writeFileSync(join(model, 'tokenizer_config.json'), JSON.stringify(config));
}

const given = ['--tokenizer', `small=${model}`];

beforeAll(async () => {
  mkdirSync(model);
  writeFileSync(join(model, 'tokenizer.json'), JSON.stringify(json));
  writeTemplate('first');
  await start(...given);
  const { code, stderr } = await run(['import', '--tokenizer', 'small', '-'], JSON.stringify(line));
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
});
afterAll(async () => {
  await stop();
  rmSync(folder, { recursive: true });
});

const rendered = async (...args: string[]) => {
  const { code, stdout, stderr } = await run(['get', 'chat', '--render', ...args]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return stdout;
};
const refused = async (...args: string[]) => {
  const { code, stdout, stderr } = await run(['get', ...args]);
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  return stderr;
};

describe('a conversation of a tokenizer with a chat template', () => {
  it('is rendered as the text and the ids that its model saw', async () => {
    const text = `<s>first${toolText}${user}${rest}`;
    expect(await rendered()).toBe(text);
    expect(JSON.parse(await rendered('--tokens'))).toEqual(await idsOf(text));
    expect(JSON.parse(await rendered('--json', '--add-generation-prompt'))).toEqual({
      id: 'chat',
      text: `${text}<|im_start|>assistant\n`,
    });
    const begun = await rendered('--message-limit', '1', '--add-generation-prompt', '--tokens');
    expect(JSON.parse(begun)).toEqual(await idsOf(`<s>first${toolText}${user}<|im_start|>assistant\n`));
    // As varints, in which no command asks for it.
    const raw = new TestClient(server.address);
    const [header, ...chunks] = await raw.stream('RetrieveConversation', { id: 'chat', render: {} });
    raw.close();
    expect(header).toMatchObject({ header: { id: 'chat', message_count: 3 } });
    const ids = await idsOf(text);
    expect(chunks).toMatchObject([
      {
        chunk: {
          message_index: 0,
          tokens: { ids },
          end_of_message: true,
          message: { role: '', token_count: ids.length },
        },
      },
    ]);
  });

  it('is rendered with another one that is named', async () => {
    writeFileSync(
      join(folder, 'other.jinja'),
      '{% for m in messages %}{{ m.role }};{% endfor %}{{ eos_token }}',
    );
    expect(await rendered('--chat-template', join(folder, 'other.jinja'))).toBe('user;assistant;tool;</s>');
    const long = client.read('chat', { encoding: 'text', render: { chatTemplate: 'x'.repeat(262_145) } });
    await expect(long.next()).rejects.toMatchObject({ reason: 'INVALID_FIELD' });
  });

  it('is refused in words where it cannot be rendered', async () => {
    writeFileSync(join(folder, 'other.jinja'), '{{ raise_exception("roles must alternate") }}');
    const other = join(folder, 'other.jinja');
    expect(await refused('chat', '--render', '--chat-template', other)).toContain(
      'roles must alternate (RENDER_FAILED)',
    );
    expect(await refused('chat', '--render', '--token-limit', '3')).toContain(
      'token_limit is given, and a render begins',
    );
    expect(await run(['get', 'chat', '--add-generation-prompt'])).toMatchObject({ code: 2 });
    await client.store({
      conversation: { id: 'plain', tokenizer: 'o200k_base' },
      messages: [{ role: 'user', text: 'hi' }],
    });
    expect(await refused('plain', '--render')).toMatch(
      /tokenizer "o200k_base" has no chat template: name one .* \(NO_CHAT_TEMPLATE\)/,
    );
    writeFileSync(other, '{{ bos_token }}{{ messages[0].content }}');
    expect(await refused('plain', '--render', '--chat-template', other)).toMatch(
      /uses bos_token, and the server does not know that of tokenizer "o200k_base"/,
    );
    writeFileSync(other, '<|im_start|>{{ messages[0].content }}');
    const { stdout } = await run(['get', 'plain', '--render', '--chat-template', other]);
    expect(stdout).toBe('<|im_start|>hi');
  });

  it('is imported as the ids that its model saw, message by message', async () => {
    const seen = { ...line, id: 'seen' };
    const imported = async (value: object, ...args: string[]) => {
      const flags = ['import', ...args, '--tokenizer', 'small', '--json', '-'];
      return JSON.parse((await run(flags, JSON.stringify(value))).stdout) as Record<string, unknown>;
    };
    expect(await imported(seen, '--chat-template')).toMatchObject({ stored: 1, failed: 0 });
    const texts: string[] = [];
    const ids: number[] = [];
    for await (const part of client.read('seen', { encoding: 'text' }))
      if (part.kind === 'message') texts.push(part.content);
    for await (const part of client.read('seen', { encoding: 'tokens' }))
      if (part.kind === 'message') ids.push(...part.content);
    const [assistant, tool] = [
      rest.slice(0, rest.indexOf('<|im_start|>tool')),
      '<|im_start|>tool\n42<|im_end|>\n',
    ];
    expect(texts).toEqual([`<s>first${toolText}${user}`, assistant, tool]);
    expect(ids).toEqual(await idsOf(texts.join('')));
    // The line is as it was, and so is its rendering.
    const { stdout } = await run(['export', '--format', 'same', '--id-prefix', 'seen']);
    expect(JSON.parse(stdout)).toEqual(seen);
    expect((await run(['get', 'seen', '--render', '--tokens'])).stdout).toBe(await rendered('--tokens'));
    expect(await imported(seen, '--chat-template')).toMatchObject({ stored: 0, unchanged: 1 });
    const grown = {
      ...seen,
      messages: [...seen.messages, { role: 'user', content: 'and then, after all?' }],
    };
    expect(await imported(grown, '--chat-template')).toMatchObject({ stored: 1 });
    expect(await imported(seen)).toMatchObject({ failed: 1 });
    const [same] = (await run(['export', '--format', 'same', '--id-prefix', 'seen'])).stdout.split('\n');
    expect(JSON.parse(same!)).toEqual(grown);
    // Token ids of a line are what a model saw.
    const tokens = { id: 'tokens', messages: [{ role: 'user', tokens: [1, 2, 3] }] };
    expect(await imported(tokens, '--chat-template')).toMatchObject({ stored: 1 });
    const refusedLine = await run(
      ['import', '--chat-template', '--tokenizer', 'o200k_base', '-'],
      JSON.stringify(seen),
    );
    expect(refusedLine.stderr).toContain('name one in the request (--chat-template=FILE)');
    expect(refusedLine.stderr).toContain('NO_CHAT_TEMPLATE');
    const misspelt = ['import', '--chat-template', '--tokenizer', 'smal', '-'];
    expect((await run(misspelt, JSON.stringify(seen))).stderr).toMatch(
      /the server has no tokenizer "smal"; it knows .*small.*\(UNKNOWN_TOKENIZER\)/,
    );
    // Tokens are those of the whole prompt, also where no special token is between two messages.
    const plain = join(folder, 'plain.jinja');
    writeFileSync(plain, '{% for m in messages %}{{ m.content }}{% endfor %}');
    const joined = {
      id: 'joined',
      messages: [
        { role: 'user', content: 'hel' },
        { role: 'a', content: 'lo world' },
      ],
    };
    const asJoined = ['import', '--chat-template', plain, '--tokenizer', 'o200k_base', '-'];
    expect((await run(asJoined, JSON.stringify(joined))).code).toBe(0);
    const cut: number[][] = [];
    for await (const part of client.read('joined', { encoding: 'tokens' }))
      if (part.kind === 'message') cut.push([...part.content]);
    await client.store({
      conversation: { id: 'whole', tokenizer: 'o200k_base' },
      messages: [{ role: 'user', text: 'hello world' }],
    });
    for await (const part of client.read('whole', { encoding: 'tokens' }))
      if (part.kind === 'message') expect(cut).toEqual([[], [...part.content]]);
    const data = join(folder, 'data.jsonl');
    writeFileSync(data, JSON.stringify({ messages: [{ role: 'user', content: '{{ x }}' }] }));
    // Files that the option takes for its own are named, also if no other is left.
    for (const files of [[data], []]) {
      const swallowed = await run(['import', '--chat-template', data, ...files]);
      expect(swallowed.code).toBe(2);
      expect(swallowed.stderr).toContain(
        `It is no chat template. To store it as the tokenizer's own template renders it: stowken import ${data} --chat-template`,
      );
    }
    await run(['delete', '--ids', 'seen', 'tokens', 'joined', 'whole']);
  });

  it('is rendered by what the vault keeps, for good', async () => {
    const text = await rendered();
    await stop();
    writeTemplate('second');
    await start(...given);
    expect(await rendered()).toBe(text);
    await stop();
    await start();
    expect(await rendered()).toBe(text);
    expect((await run(['verify'])).code).toBe(0);
  });
});

import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { limits } from '../../src/model/index.js';
import { openChatTemplate, readChatTemplate, writeChatTemplate } from '../../src/text/chat/chat-template.js';
import { messageEnds } from '../../src/text/chat/message-ends.js';
import { parseForPython } from '../../src/text/chat/python-numbers.js';
import {
  renderingOf,
  renderMessages,
  renderTemplate,
  type TemplateInput,
} from '../../src/text/chat/render-template.js';
import { ChatRenderer } from '../../src/text/chat/renderer.js';

const input = (source: string, parts: Partial<TemplateInput> = {}): TemplateInput => ({
  source,
  messages: [],
  tools: undefined,
  specials: {},
  addGenerationPrompt: false,
  timeMs: Date.UTC(2024, 0, 5, 9, 3, 7),
  ...parts,
});

/** A template in the manner of models: every construct that theirs have. */
const chat = `{{- bos_token }}
{%- set ns = namespace(last=messages|length - 1) %}
{%- if tools %}
  {{- '<|im_start|>system\\n' }}
  {%- for tool in tools %}
    {{- "\\n" + (tool | tojson) + '\\n' + (tool | tojson(indent=2)) }}
  {%- endfor %}
  {{- '<|im_end|>\\n' }}
{%- endif %}
{%- for message in messages %}
  {%- set content = message.content if message.content is string else '' %}
  {%- if '</think>' in content %}
    {%- set thought = content.split('</think>')[0].rstrip('\\n').split('<think>')[-1].lstrip('\\n') %}
    {{- thought.strip('ab') }}
  {%- endif %}
  {{- '<|im_start|>' + message['role'] + '\\n' + content|trim }}
  {%- if message.tool_calls %}
    {%- for call in message.tool_calls %}
      {{- '{"name": "' + call.function.name + '", "arguments": ' + (call.function.arguments | tojson) + '}' }}
    {%- endfor %}
  {%- endif %}
  {%- if loop.index0 == ns.last %}{{ '<last>' }}{% endif %}
  {{- '<|im_end|>\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}
  {{- '<|im_start|>assistant\\n' }}
{%- endif %}
`;

const python = `
import json, sys
import jinja2.ext
from jinja2.sandbox import ImmutableSandboxedEnvironment
def tojson(x, indent=None):
    return json.dumps(x, ensure_ascii=False, indent=indent)
env = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[jinja2.ext.loopcontrols])
env.filters['tojson'] = tojson
for line in sys.stdin:
    case = json.loads(line)
    for message in case['messages']:
        for call in message.get('tool_calls', []):
            call['function']['arguments'] = json.loads(call['function']['arguments'])
    text = env.from_string(case['source']).render(
        messages=case['messages'], tools=case.get('tools'), documents=None,
        add_generation_prompt=case['addGenerationPrompt'], **case['specials'])
    print(json.dumps(text))
`;
const hasPeer = spawnSync('python3', ['-c', 'import jinja2.ext, jinja2.sandbox']).status === 0;

const word = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc.constantFrom(
    ' ',
    '\n\n',
    '</think>',
    '<think>a',
    'ab',
    '\u2028',
    '\ufeff',
    '\x1f',
    '"',
    '<|im_end|>',
    '日本',
  ),
);
const text = fc.array(word, { maxLength: 5 }).map((words) => words.join(''));
const json = fc
  .jsonValue({ maxDepth: 2 })
  .filter((value) => !/\de[+-]|\.\d{16}|-0[,\]}]|^-0$/.test(JSON.stringify(value)));
const object = fc.dictionary(
  fc.stringMatching(/^[a-z_]{1,6}$/),
  fc.oneof(text, fc.integer(), fc.boolean(), fc.constant(null)),
);
const call = object.map((found) => ({
  id: 'c',
  type: 'function',
  function: { name: 'f', arguments: JSON.stringify(found) },
}));
const messages = fc.array(
  fc.record(
    {
      role: fc.constantFrom('system', 'user', 'assistant', 'tool'),
      content: text,
      tool_calls: fc.array(call, { minLength: 1, maxLength: 2 }),
    },
    { requiredKeys: ['role', 'content'] },
  ),
  { maxLength: 5 },
);
const tools = fc.option(
  fc.array(fc.record({ name: text, parameters: object, more: json }), { maxLength: 2 }),
  { nil: undefined },
);

describe('a chat template', () => {
  it('makes the text that the reference makes', (context) => {
    context.skip(!hasPeer, 'no python3 has jinja2 (Debian: python3-jinja2)');
    const conversation = fc.record({ messages, tools, addGenerationPrompt: fc.boolean() });
    const cases = fc
      .sample(conversation, { numRuns: 500, seed: 19 })
      .map((parts) => input(chat, { ...parts, specials: { bos_token: '<s>' } }));
    const lines = cases.map((each) => JSON.stringify(each)).join('\n');
    const { stdout, stderr } = spawnSync('python3', ['-c', python], {
      input: lines,
      encoding: 'utf8',
      maxBuffer: 2 ** 28,
    });
    expect(stderr).toBe('');
    const expected = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as string);
    expect(cases.map(renderTemplate)).toEqual(expected);
  });

  it('writes numbers as the reference does', (context) => {
    context.skip(!hasPeer, 'no python3 has jinja2 (Debian: python3-jinja2)');
    const literal = fc.oneof(
      fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => String(value).replace('+', '')),
      fc.tuple(fc.bigInt(), fc.nat(30)).map(([digits, zeros]) => `${digits}${'0'.repeat(zeros)}`),
      fc.tuple(fc.integer(), fc.nat(999)).map(([whole, part]) => `${whole}.${part}0`),
      fc.tuple(fc.integer(), fc.integer({ min: -30, max: 30 })).map(([whole, power]) => `${whole}E${power}`),
      fc.constantFrom('1.0', '0.0', '-0.0', '-0', '1e16', '1e15', '0.0001', '0.00001', '1e-5', '100.0'),
    );
    const source =
      '{% for m in messages %}{% if m.tool_calls %}{{ m.tool_calls[0].function.arguments | tojson }}{% endif %}{% endfor %}{% if tools %}{{ tools | tojson }} {{ tools[0].x }}{% endif %}';
    const texts = fc.sample(literal, { numRuns: 500, seed: 20 }).map((number) => {
      const calls = [{ id: 'c', type: 'function', function: { name: 'f', arguments: `{"y": ${number}}` } }];
      const said = JSON.stringify([{ role: 'assistant', content: '', tool_calls: calls }]);
      return `{"source":${JSON.stringify(source)},"messages":${said},"tools":[{"x": ${number}, "z":"1.0"}],"specials":{},"addGenerationPrompt":false}`;
    });
    const { stdout, stderr } = spawnSync('python3', ['-c', python], {
      input: texts.join('\n'),
      encoding: 'utf8',
      maxBuffer: 2 ** 28,
    });
    expect(stderr).toBe('');
    const expected = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as string);
    const ours = texts.map((line) => {
      const given = parseForPython(line) as Pick<TemplateInput, 'messages' | 'tools'>;
      return renderTemplate(input(source, { messages: given.messages, tools: given.tools }));
    });
    expect(ours).toEqual(expected);
    // One that compares them is not given others.
    const compares = '{% if tools[0].x > 5 %}many{% else %}{{ tools[0].x }}{% endif %}';
    expect(renderTemplate(input(compares, { tools: parseForPython('[{"x":1.0}]') as [] }))).toBe('1');
  });

  it('gives arguments of tools as an object, or as text to those that join texts', () => {
    const tool_calls = [{ id: 'c', type: 'function', function: { name: 'f', arguments: '{"x": 1}' } }];
    const said = [{ role: 'assistant', content: null, tool_calls }];
    const as = (expression: string) =>
      renderTemplate(
        input(`{% for m in messages if m.tool_calls %}{{ ${expression} }}{% endfor %}`, { messages: said }),
      );
    expect(as('m.tool_calls[0].function.arguments | tojson')).toBe('{"x": 1}');
    expect(as('m.tool_calls[0].function.name + m.tool_calls[0].function.arguments')).toBe('f{"x": 1}');
  });

  it('has the time of the conversation', () => {
    const times = '{{ strftime_now("%d %b %Y|%Y-%m-%d|%B %-d, %A %H:%M:%S %I%p %%") }}';
    expect(renderTemplate(input(times))).toBe('05 Jan 2024|2024-01-05|January 5, Friday 09:03:07 09AM %');
    expect(() => renderTemplate(input('{{ strftime_now("%Q") }}'))).toThrow('%Q');
  });

  it('reaches nothing but its values', () => {
    for (const name of [
      'process',
      'globalThis',
      'require',
      'constructor',
      '__proto__',
      'messages.constructor',
    ])
      expect(renderTemplate(input(`{{ ${name} }}`)), name).toBe('');
    expect(() => renderTemplate(input('{{ range(1, 10, 0) }}'))).toThrow('range()');
    expect(() => renderTemplate(input('{{ messages.constructor("return 1")() }}'))).toThrow();
  });
});

describe('what the folder of a tokenizer says of chats', () => {
  const config = (fields: object) => JSON.stringify(fields);

  it('is its template, and its special tokens', () => {
    expect(readChatTemplate(undefined, undefined)).toBeUndefined();
    const specials = { bos_token: '<s>', eos_token: { content: '</s>', lstrip: false }, pad_token: null };
    expect(readChatTemplate(undefined, config({ chat_template: 'a', ...specials }))).toEqual({
      source: 'a',
      specials: { bos_token: '<s>', eos_token: '</s>' },
    });
    expect(readChatTemplate('b', config({ chat_template: 'a' }))).toEqual({ source: 'b', specials: {} });
    const named = [
      { name: 'default', template: 'a' },
      { name: 'tool_use', template: 't' },
    ];
    expect(readChatTemplate(undefined, config({ chat_template: named }))).toEqual({
      source: 'a',
      withTools: 't',
      specials: {},
    });
  });

  it('is refused where it is something else, or too long', () => {
    expect(() => readChatTemplate(undefined, '{')).toThrow(/^tokenizer_config.json: /);
    const long = 'x'.repeat(limits.chatTemplateBytesMax + 1);
    expect(() => readChatTemplate(undefined, config({ chat_template: long }))).toThrow(
      'at most 262144 bytes',
    );
    expect(() => readChatTemplate(long, undefined)).toThrow('at most 262144 bytes');
  });

  it('is kept as these bytes', () => {
    const template = { source: '{{ bos_token }}', specials: { bos_token: '<s>' } };
    const { sha256, file } = writeChatTemplate(template);
    expect(Buffer.from(file.subarray(0, -32)).toString()).toBe(
      '{"source":"{{ bos_token }}","specials":{"bos_token":"<s>"}}',
    );
    expect(sha256).toBe('9f8db833e13aa06e47689c542ae548e14ee646d9a5fbb79f34da3b7ae1e35015');
    expect(Buffer.from(file.subarray(-32)).toString('hex')).toBe(sha256);
    expect(openChatTemplate(file)).toEqual(template);
    const damaged = Buffer.from(file);
    damaged[3]! ^= 1;
    expect(() => openChatTemplate(damaged)).toThrow('damaged');
  });
});

describe('ends of messages', () => {
  const ends = (source: string, ...texts: string[]) => {
    const messages = texts.map((content, index) => ({ role: index % 2 ? 'assistant' : 'user', content }));
    const { text, ends: found } = renderMessages(input(source, { messages, withEnds: true }));
    return found.map((end, index) => text.slice(found[index - 1] ?? 0, end));
  };

  it('are those of what the messages before them make', () => {
    const plain = 'B{% for m in messages %}<{{ m.role[0] }}>{{ m.content | trim }};{% endfor %}E';
    expect(ends(plain, ' a ', 'b')).toEqual(['B<u>a;', '<a>b;E']);
    expect(ends(plain)).toEqual([]);
    const strict = `{% if messages|length < 2 %}{{ raise_exception('two') }}{% endif %}${plain}`;
    expect(ends(strict, 'a', 'b', 'c')).toEqual(['', 'B<u>a;<a>b;', '<u>c;E']);
    const last = '{% for m in messages %}{{ m.content }}{% if loop.last %}!{% endif %};{% endfor %}';
    expect(ends(last, 'a', 'b')).toEqual(['a', ';b!;']);
    expect(ends('{% for m in messages %}{{ m.content }}{% endfor %}', '\u{1f600}', '\u{1f601}')).toEqual([
      '\u{1f600}',
      '\u{1f601}',
    ]);
  });

  it('have the word of Python for an exception without one', () => {
    expect(() => renderTemplate(input('{{ raise_exception(none) }}'))).toThrow('None');
    expect(() => renderTemplate(input('{{ raise_exception() }}'))).toThrow('None');
  });

  it('renders a long conversation a few times, and finds the same ends', () => {
    const messages = Array.from({ length: 300 }, (_, index) => ({
      role: index === 0 ? 'system' : index % 2 === 0 ? 'assistant' : 'user',
      content: `${' '.repeat(index % 3)}message ${index}\u{1f600}`,
    }));
    const sources = {
      few: [
        "{%- for m in messages %}{{- '<|im_start|>' + m['role'] + '\\n' + m.content|trim + '<|im_end|>\\n' }}{%- endfor %}",
        '{% for m in messages %}{{ m.role }}: {{ m.content | trim }};{% endfor %}{% if add_generation_prompt %}a{% endif %}',
        "{% if messages[0].role == 'system' %}{% set system = messages[0].content %}{% set messages = messages[1:] %}" +
          '{% endif %}{% for m in messages %}{% if loop.first %}[{{ system }}]{% endif %}{{ m.content }}\n{% endfor %}',
      ],
      // A message is written with the next one, or with all of its keys.
      all: [
        chat,
        '{% for m in messages %}{{ m.content }}{% if not loop.last %},{% endif %}{% endfor %}',
        '{% for m in messages %}{{ m | tojson }};{% endfor %}',
      ],
    };
    for (const [times, each] of Object.entries(sources))
      for (const source of each) {
        const rendering = renderingOf(input(source, { messages }));
        const { text } = rendering;
        const prefixes = messages.map((_, index) => {
          const part = renderTemplate(input(source, { messages: messages.slice(0, index + 1) }));
          let at = 0;
          while (at < part.length && part[at] === text[at]) at += 1;
          return at;
        });
        let rendered = 0;
        const render = (count: number) => {
          rendered += 1;
          return rendering.render(count);
        };
        expect(messageEnds({ ...rendering, render })).toEqual([...prefixes.slice(0, -1), text.length]);
        expect([source, rendered < 20]).toEqual([source, times === 'few']);
      }
  });
});

describe('a renderer', () => {
  const renderer = new ChatRenderer();
  afterAll(() => renderer.close());
  const { signal } = new AbortController();
  const render = async (source: string, by = signal) => (await renderer.render(input(source), by)).text;
  const nested = (body: string, levels = 4) =>
    Array.from({ length: levels }, (_, n) => `{% for v${n} in range(99999) %}`).join('') +
    body +
    '{% endfor %}'.repeat(levels);

  it.each([
    ['takes too long', nested(''), /takes more than \d+ ms/],
    [
      'makes too much text',
      '{% set ns = namespace(s="xxxxxxxx") %}{% for i in range(24) %}{% set ns.s = ns.s + ns.s %}{% endfor %}{{ ns.s }}',
      /more than \d+ bytes of text/,
    ],
    ['says so', '{{ raise_exception("roles must alternate") }}', /roles must alternate/],
    ['is no Jinja', '{% if %}', /chat template fails/],
  ])('ends a template that %s, and renders others', async (_what, source, message) => {
    const others = render('{{ "other" }}');
    await expect(render(source)).rejects.toMatchObject({
      reason: 'RENDER_FAILED',
      message: expect.stringMatching(message) as string,
    });
    expect(await others).toBe('other');
    expect(await render('{{ "next" }}')).toBe('next');
  });

  it('ends with the call', async () => {
    const call = new AbortController();
    const rendering = render(nested(''), call.signal);
    setTimeout(() => call.abort(), 20);
    await expect(rendering).rejects.toMatchObject({ reason: 'CANCELLED' });
    expect(await render('{{ "next" }}')).toBe('next');
  });

  it('survives single allocations larger than the memory', async () => {
    // Large arrays are collected so slowly that a busy computer comes to the bound of time first.
    const message = expect.stringMatching(/takes more than \d+ (MiB of memory|ms)/) as string;
    const tooMuch = { reason: 'RENDER_FAILED', message };
    const grown = (value: string, times: number) =>
      `{% set ns = namespace(all=${value}) %}{% for n in range(${times}) %}{% set ns.all = ns.all + ns.all %}{% endfor %}`;
    await expect(render(grown('range(100000)', 60))).rejects.toMatchObject(tooMuch);
    await expect(render(`${grown("'x y '", 26)}{{ ns.all.replace('x', 'yyyyyyyy') }}`)).rejects.toMatchObject(
      { reason: 'RENDER_FAILED' },
    );
    expect(await render('{{ (range(2) + range(3)) | length }}')).toBe('5');
    // Three processes start, and two of them fill 256 MiB and collect garbage there before they end.
  }, 20_000);

  it('rejects when it cannot start, and the process goes on', async () => {
    const broken = new ChatRenderer('/nothing/render-worker.js');
    await expect(broken.render(input('x'), signal)).rejects.toThrow('ended (1)');
    await broken.close();
  });
});

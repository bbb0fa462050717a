import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { NewMessage } from '../../src/client/index.js';
import { ExportBench } from './support/export-bench.js';
import { jsonLines } from './support/stowken.js';

let bench: ExportBench;
const exported = (...args: string[]) => bench.exported(...args);

beforeAll(async () => {
  bench = await ExportBench.start();
});
afterAll(() => bench.stop());

describe('export of text', () => {
  const said = (...texts: string[]): NewMessage[] =>
    texts.map((text, at) => ({ role: at % 2 === 0 ? 'user' : 'assistant', text }));
  const chat = (id: string, messages: NewMessage[], tokenizer = 'o200k_base') =>
    bench.client.store({ conversation: { id, application: 'chat', tokenizer }, messages });
  const linesOf = (out: string) => jsonLines(readFileSync(join(out, 'data.jsonl'), 'utf8'));
  const call = { id: 'c1', type: 'function', function: { name: 'f', arguments: '{}' } };

  beforeAll(async () => {
    await chat('chat 1', said('你好', 'Hallo', 'und?', 'ja'));
    const sealed = JSON.stringify({ content: null, tool_calls: [call] });
    await chat('chat 2', [
      { role: 'user', text: 'f?' },
      { role: 'assistant', text: sealed },
      { role: 'tool', toolCallId: 'c1', text: '{}' },
      { role: 'assistant', text: 'done' },
    ]);
    await chat('chat 3', [{ role: 'user', text: 'nobody answers' }]);
    await chat('chat 4', said('你好', 'Hallo', 'und?', 'ja'));
  });

  it('writes chats for fine-tuning', async () => {
    const out = await exported('--format', 'openai', '--application', 'chat', '--dedupe');
    expect(linesOf(out)).toEqual([
      {
        messages: [
          { role: 'user', content: '你好' },
          { role: 'assistant', content: 'Hallo' },
          { role: 'user', content: 'und?' },
          { role: 'assistant', content: 'ja' },
        ],
      },
      {
        messages: [
          { role: 'user', content: 'f?' },
          { role: 'assistant', content: null, tool_calls: [call] },
          { role: 'tool', tool_call_id: 'c1', content: '{}' },
          { role: 'assistant', content: 'done' },
        ],
      },
    ]);
    const masked = await exported('--format', 'openai', '--application', 'chat', '--loss-roles', 'tool');
    expect(JSON.stringify(linesOf(masked)[0])).toContain('{"role":"assistant","content":"Hallo","weight":0}');
  });

  it('writes the tools of a request beside its messages, as they were imported', async () => {
    const tools = [
      { type: 'function', function: { name: 'f', parameters: { type: 'object' } } },
      { type: 'function', function: { name: 'g', description: 'a value that looks like {"$stowken":1}' } },
    ];
    const marked = [{ $stowken: ['said', 'content'] }];
    const file = join(bench.folder, 'tools.jsonl');
    const messages = [
      { role: 'user', content: 'f?' },
      { role: 'assistant', content: 'no' },
    ];
    const line = (id: string, given: unknown) => JSON.stringify({ id, messages, tools: given });
    writeFileSync(file, [line('with-1', tools), line('with-2', marked), line('with-3', [])].join('\n'));
    expect(await bench.run(['import', file, '--application', 'tools'])).toMatchObject({ code: 0 });
    const lines = linesOf(await exported('--format', 'openai', '--application', 'tools'));
    expect(lines).toHaveLength(3);
    expect(lines).toEqual(
      expect.arrayContaining([{ messages, tools }, { messages, tools: marked }, { messages }]),
    );
  });

  it('writes pairs of a prompt and its answer', async () => {
    const flags = ['--format', 'pairs', '--application', 'chat', '--id-prefix', 'chat 1'];
    const first = {
      prompt: [{ role: 'user', content: '你好' }],
      completion: [{ role: 'assistant', content: 'Hallo' }],
    };
    const last = {
      prompt: [...first.prompt, ...first.completion, { role: 'user', content: 'und?' }],
      completion: [{ role: 'assistant', content: 'ja' }],
    };
    expect(linesOf(await exported(...flags))).toEqual([first, last]);
    expect(linesOf(await exported(...flags, '--turns', 'last'))).toEqual([last]);
    const distinct = await exported('--format', 'pairs', '--application', 'chat', '--dedupe');
    expect(linesOf(distinct)).toHaveLength(4);
  });

  it('names conversations that have no text, and fails', async () => {
    await bench.store({ id: 'no text', messages: [{ role: 'assistant', tokens: [1] }] }, 'tokens');
    const out = join(bench.folder, 'no-text');
    const { code, stderr } = await bench.run([
      'export',
      '--format',
      'openai',
      '--out',
      out,
      '--application',
      'tokens',
    ]);
    expect({ code, stderr }).toEqual({ code: 1, stderr: "'no text': message 0 cannot be given as text\n" });
  });
});

import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connect, type StowkenClient } from '../../src/client/index.js';
import { jsonLines, stowkenAt } from '../cli/support/stowken.js';
import { startStrictStowken, type StowkenProcess } from '../support/process.js';
import { asInFile, encodeByPeer, preTokenizers, tokenizerJson } from '../text/hugging-face.js';

const folder = mkdtempSync(join(tmpdir(), 'stowken-given-'));
const json = tokenizerJson({
  merges: [
    ['t', 'h'],
    ['th', 'e'],
    ['Ġ', 'the'],
    ['l', 'l'],
  ],
  preTokenizer: preTokenizers.Qwen,
  nfc: true,
  added: [
    { id: 400, content: '<think>', normalized: false, special: false },
    { id: 401, content: '<|im_start|>', normalized: false, special: true },
  ],
});
/** One of SentencePiece's kind: each text begins with a space, which is written U+2581. */
const ofBytes = Array.from(
  { length: 256 },
  (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`,
);
const spaces = {
  ...{ version: '1.0', added_tokens: [], normalizer: null },
  pre_tokenizer: { type: 'Metaspace', replacement: '\u2581', prepend_scheme: 'first', split: false },
  decoder: { type: 'Metaspace', replacement: '\u2581', prepend_scheme: 'first', split: false },
  model: {
    ...{ type: 'BPE', unk_token: '<unk>', fuse_unk: true, byte_fallback: true, ignore_merges: false },
    vocab: Object.fromEntries(
      ['<unk>', ...ofBytes, '\u2581', 'a', '\u2581a'].map((token, id) => [token, id]),
    ),
    merges: [['\u2581', 'a']],
  },
};
/** One as that of Phi-3: a space before each stretch, and added tokens that take the blanks behind them. */
const replace = { type: 'Replace', pattern: { String: ' ' }, content: '\u2581' };
const llama = {
  ...spaces,
  normalizer: { type: 'Sequence', normalizers: [{ type: 'Prepend', prepend: '\u2581' }, replace] },
  pre_tokenizer: null,
  added_tokens: asInFile([
    { id: 300, content: '<x>', normalized: false, special: false },
    { id: 301, content: '<r>', normalized: false, special: false, rstrip: true },
  ]),
};
/** One that the package tokenizers encodes: it writes all letters small. */
const lower = { ...json, added_tokens: [], normalizer: { type: 'Lowercase' } };
const texts = ['<think>Tell me the rest, the e\u0301nd.', '<|im_start|>日本語 the', ''];

let server: StowkenProcess;
let client: StowkenClient;
let run: ReturnType<typeof stowkenAt>;
let expected: number[][];

beforeAll(async () => {
  mkdirSync(join(folder, 'model'));
  writeFileSync(join(folder, 'model', 'tokenizer.json'), JSON.stringify(json));
  writeFileSync(join(folder, 'spaces.json'), JSON.stringify(spaces));
  writeFileSync(join(folder, 'llama.json'), JSON.stringify(llama));
  writeFileSync(join(folder, 'lower.json'), JSON.stringify(lower));
  // Special tokens of the peer's are found in text; here they are text.
  const ordinary = { ...json, added_tokens: json.added_tokens.filter(({ special }) => !special) };
  const ids = new Map([[Object.keys(json.model.vocab).length, 400]]);
  const encoded = await encodeByPeer(ordinary, texts);
  expected = encoded.map((tokens) => tokens.map((token) => ids.get(token) ?? token));
  server = await startStrictStowken(
    ...['--data', join(folder, 'data'), '--workers', '2'],
    ...['--tokenizer', `spaces=${join(folder, 'spaces.json')}`],
    ...['--tokenizer', `llama=${join(folder, 'llama.json')}`],
    ...['--tokenizer', `lower=${join(folder, 'lower.json')}`],
    ...['--tokenizer', `qwen-small=${join(folder, 'model')}`],
  );
  client = connect({ server: server.address });
  run = stowkenAt(server.address);
});
afterAll(async () => {
  client.close();
  const code = await server.kill('SIGTERM');
  rmSync(folder, { recursive: true });
  expect(code).toBe(0);
});

async function contentOf(id: string, encoding: 'text' | 'tokens') {
  const messages: unknown[] = [];
  for await (const part of client.read(id, { encoding }))
    if (part.kind === 'message')
      messages.push(typeof part.content === 'string' ? part.content : [...part.content]);
  return messages;
}

describe('a server with a tokenizer of a file, in all its processes', () => {
  it('lists it', async () => {
    const all = jsonLines((await run(['tokenizers', '--json'])).stdout);
    expect(all).toHaveLength(11);
    expect(all.at(-1)).toMatchObject({
      name: 'qwen-small',
      kind: 'byte-level BPE',
      vocabulary_size: 262,
      models: [],
    });
  });

  it('encodes text to the ids of the reference, and decodes them', async () => {
    const conversation = { id: 'stored', tokenizer: 'qwen-small' };
    const messages = texts.map((text) => ({ role: 'user', text }));
    await client.store({ conversation, messages });
    await client.append('stored', [{ role: 'user', text: texts[0]! }]);
    expect(await contentOf('stored', 'tokens')).toEqual([...expected, expected[0]]);
    const normalized = texts.map((text) => text.normalize('NFC'));
    expect(await contentOf('stored', 'text')).toEqual([...normalized, normalized[0]]);
  });

  it('takes it for imports, prefixes and searches', async () => {
    const line = JSON.stringify({ id: 'line', messages: [{ role: 'user', content: texts[1] }] });
    const { code, stderr } = await run(['import', '--tokenizer', 'qwen-small', '-'], line);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(await contentOf('line', 'tokens')).toEqual([expected[1]]);
    const found = await run(['search', '日本語', '--json']);
    expect(jsonLines(found.stdout).length).toBeGreaterThan(0);
    writeFileSync(join(folder, 'prefix.txt'), texts[1]!);
    const prefix = await run(['find-prefix', join(folder, 'prefix.txt'), '--tokenizer', 'qwen-small']);
    expect(prefix).toMatchObject({ code: 0, stderr: '' });
  });

  it.each(['spaces', 'llama', 'qwen-small', 'lower'])(
    'gives imported lines back that %s changes the text of',
    async (tokenizer) => {
      const contents = [
        ' a',
        '  a',
        'a\u2581b',
        '\u2581',
        ' ',
        'the e\u0301nd',
        'a',
        'a<x> b',
        'a <r>\n b<r> ',
        'The End',
      ];
      const line = (count: number) => ({
        ...{ id: `changed-${tokenizer}`, tokenizer },
        messages: contents.slice(0, count).map((content) => ({ role: 'user', content })),
      });
      const imported = async (count: number) =>
        jsonLines((await run(['import', '--json', '-'], JSON.stringify(line(count)))).stdout)[0];
      const same = async () => {
        const { stdout } = await run([
          'export',
          '--format',
          'same',
          '--id-prefix',
          'changed-',
          '--tokenizer',
          tokenizer,
        ]);
        return jsonLines(stdout);
      };
      expect(await imported(3)).toMatchObject({ stored: 1, failed: 0 });
      expect(await same()).toEqual([line(3)]);
      expect(await imported(3)).toMatchObject({ stored: 0, unchanged: 1, failed: 0 });
      // The rest is appended.
      expect(await imported(contents.length)).toMatchObject({ stored: 1, failed: 0 });
      expect(await same()).toEqual([line(contents.length)]);
      expect(await imported(2)).toMatchObject({ unchanged: 1, failed: 0 });
    },
  );

  it('keeps texts that it changes, where they are added without naming it', async () => {
    const line = (named: object, ...contents: string[]) => ({
      ...{ id: 'grows', ...named },
      messages: contents.map((content) => ({ role: 'user', content })),
    });
    const imported = async (given: object) =>
      jsonLines((await run(['import', '--json', '-'], JSON.stringify(given))).stdout)[0];
    const same = async () =>
      jsonLines((await run(['export', '--format', 'same', '--id-prefix', 'grows'])).stdout);
    expect(await imported(line({ tokenizer: 'lower' }, 'a'))).toMatchObject({ stored: 1 });
    expect(await imported(line({}, 'a', 'B e\u0301'))).toMatchObject({ stored: 1, failed: 0 });
    expect(await same()).toEqual([line({}, 'a', 'B e\u0301')]);
    const added = await run(['append', 'grows', '-'], '{"role":"user","content":"The C"}\n');
    expect(added).toMatchObject({ code: 0, stderr: '' });
    expect(await same()).toEqual([line({}, 'a', 'B e\u0301', 'The C')]);
    expect(await contentOf('grows', 'text')).toEqual(['a', 'b e\u0301', 'the c']);
  });
});

describe('a server without the file of a tokenizer that its vault keeps', () => {
  it('gives imported and added lines back that the tokenizer changes the text of', async () => {
    const data = ['--data', join(folder, 'kept')];
    const line = (...contents: string[]) =>
      JSON.stringify({ id: 'kept', messages: contents.map((content) => ({ role: 'user', content })) });
    const first = await startStrictStowken(...data, '--tokenizer', `lower=${join(folder, 'lower.json')}`);
    await stowkenAt(first.address)(['import', '--tokenizer', 'lower', '-'], line('A'));
    expect(await first.kill('SIGTERM')).toBe(0);
    const second = await startStrictStowken(...data);
    const runOther = stowkenAt(second.address);
    const imported = await runOther(['import', '--json', '-'], line('A', 'The B'));
    expect(jsonLines(imported.stdout)[0]).toMatchObject({ stored: 1, failed: 0 });
    await runOther(['append', 'kept', '-'], '{"role":"user","content":"The C"}\n');
    await runOther(
      ['import', '--tokenizer', 'lower', '-'],
      JSON.stringify({ id: 'other', tokenizer: 'lower', messages: [{ role: 'user', content: 'D' }] }),
    );
    const { stdout } = await runOther(['export', '--format', 'same']);
    const contents = jsonLines(stdout).map((each) =>
      (each as { messages: { content: string }[] }).messages.map(({ content }) => content),
    );
    expect(contents).toEqual(expect.arrayContaining([['A', 'The B', 'The C'], ['D']]));
    expect(await second.kill('SIGTERM')).toBe(0);
  });
});

describe('a server with a tokenizer that it does not know', () => {
  it('does not start, and says what was expected', () => {
    const main = createRequire(import.meta.url).resolve('#build/programs/main.js');
    const file = join(folder, 'other.json');
    writeFileSync(file, JSON.stringify({ ...json, model: { ...json.model, dropout: 0.1 } }));
    const args = [
      main,
      'serve',
      '--storage',
      'memory',
      '--listen',
      '127.0.0.1:0',
      '--tokenizer',
      `x=${file}`,
    ];
    const { status, stderr, stdout } = spawnSync(process.execPath, args, { encoding: 'utf8' });
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toContain(`tokenizer x: ${file}: its merges are dropped at random (dropout)`);
  });
});

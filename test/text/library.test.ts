import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { createTokenizers } from '../../src/text/index.js';
import { readTokenizer } from '../../src/text/files/read-tokenizer.js';
import { LibraryEncoding } from '../../src/text/library/library-encoding.js';
import { readLibraryFile } from '../../src/text/library/library-file.js';
import { NoLibrary } from '../../src/text/library/peer.js';
import { limits } from '../../src/model/index.js';
import { runInTurns, type Slices } from '../../src/text/slices.js';
import { asInFile, decodeByPeer, encodeByPeer, preTokenizers, tokenizerJson } from './hugging-face.js';
import { anything, mixed, run } from './letters.js';

const folder = mkdtempSync(join(tmpdir(), 'stowken-library-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const metaspace = { type: 'Metaspace', replacement: '▁', prepend_scheme: 'always', split: true };
const special = (id: number, content: string) => ({ id, content, normalized: false, special: true });
const letters = [...'abcdefghijklmnopqrstuvwxyz0123456789.,!?\'"<>/é世界'];

const pieces = [
  '<pad>',
  '</s>',
  '<unk>',
  '▁',
  ...letters,
  '▁the',
  '▁hello',
  'llo',
  'he',
  '▁wor',
  'ld',
  'ing',
];
/** As T5 and XLM-R are: by the most likely pieces. */
const unigram = {
  version: '1.0',
  added_tokens: asInFile([
    special(0, '<pad>'),
    special(1, '</s>'),
    special(2, '<unk>'),
    { id: pieces.length, content: '<think>', normalized: false, special: false },
  ]),
  normalizer: { type: 'NFKC' },
  pre_tokenizer: metaspace,
  post_processor: {
    type: 'TemplateProcessing',
    single: [{ Sequence: { id: 'A', type_id: 0 } }, { SpecialToken: { id: '</s>', type_id: 0 } }],
    pair: [{ Sequence: { id: 'A', type_id: 0 } }, { Sequence: { id: 'B', type_id: 0 } }],
    special_tokens: { '</s>': { id: '</s>', ids: [1], tokens: ['</s>'] } },
  },
  decoder: metaspace,
  model: {
    type: 'Unigram',
    unk_id: 2,
    byte_fallback: false,
    vocab: pieces.map((piece, id) => [piece, id < 3 ? 0 : -2 - (id % 9) / 2 - (piece.length < 2 ? 3 : 0)]),
  },
};

const words = [
  '[PAD]',
  '[UNK]',
  '[SEP]',
  ...letters.slice(0, 42),
  ...letters.slice(0, 36).map((c) => `##${c}`),
];
/** As BERT is: whole words, and what words end with. */
const wordPiece = {
  version: '1.0',
  truncation: { direction: 'Right', max_length: 4, strategy: 'LongestFirst', stride: 0 },
  added_tokens: asInFile([special(0, '[PAD]'), special(1, '[UNK]'), special(2, '[SEP]')]),
  normalizer: {
    type: 'BertNormalizer',
    clean_text: true,
    handle_chinese_chars: true,
    strip_accents: null,
    lowercase: true,
  },
  pre_tokenizer: { type: 'BertPreTokenizer' },
  post_processor: null,
  decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
  model: {
    type: 'WordPiece',
    unk_token: '[UNK]',
    continuing_subword_prefix: '##',
    max_input_chars_per_word: 100,
    vocab: Object.fromEntries([...words, 'hello', 'world', '##ing'].map((word, id) => [word, id])),
  },
};

const merges: [string, string][] = [
  ['a', 'b'],
  ['ab', 'c'],
  ['Ġ', 'a'],
];
/** Byte-level, with a token that no word may be beside. */
const singleWord = tokenizerJson({
  merges,
  preTokenizer: preTokenizers.Qwen,
  added: asInFile([
    { id: 259, content: 'think', normalized: false, special: false, single_word: true },
    special(260, '</s>'),
  ]),
});
const otherPattern = {
  ...tokenizerJson({ merges, preTokenizer: preTokenizers.Qwen, added: [special(259, '</s>')] }),
  pre_tokenizer: {
    type: 'Sequence',
    pretokenizers: [
      { type: 'Digits', individual_digits: true },
      { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true },
    ],
  },
};

const kinds = {
  unigram,
  'word piece': wordPiece,
  'single words': singleWord,
  'another pattern': otherPattern,
};
const signal = new AbortController().signal;

async function given(name: string, json: object) {
  const path = join(folder, `${name}.json`);
  writeFileSync(path, JSON.stringify(json));
  return readTokenizer({ name: 'mine', path, pattern: undefined });
}

/** Gives `use` the tokenizers of a pool that was given a file. */
async function withPool<T>(
  name: string,
  json: object,
  use: (pool: ReturnType<typeof createTokenizers>) => Promise<T>,
): Promise<T> {
  const pool = createTokenizers({ threadsMax: 1, given: [await given(name, json)] });
  try {
    return await use(pool);
  } finally {
    await pool.close();
  }
}

const idsOf = (le32: Uint8Array): number[] => [...new Uint32Array(le32.slice().buffer)];
const le32Of = (ids: readonly number[]) => new Uint8Array(Uint32Array.from(ids).buffer);
describe.each(Object.entries(kinds))('%s, encoded by the library', (name, json) => {
  it('has the ids of the reference, and says what they say', async () => {
    const texts = fc
      .sample(fc.oneof(anything, mixed, run), { numRuns: 300, seed: 19 })
      .map((text) => text.replace(/\p{Surrogate}/gu, ''))
      .filter((text) => !/<\/s>|\[SEP\]|<(pad|unk)>|\[(PAD|UNK)\]/.test(text));
    texts.push("hello world, don't think 1234 <think>!", '', ' ', 'ＡＢ ﬁ é');
    const reference = { ...json, post_processor: null, truncation: null };
    const theirs = await encodeByPeer(reference, texts);
    await withPool(name, json, async (pool) => {
      for (const specials of [false, true]) {
        const { le32 } = await pool.encode(
          'mine',
          texts.map((text) => Buffer.from(text)),
          signal,
          { specials },
        );
        expect(le32.map(idsOf)).toEqual(theirs);
      }
      const said = await decodeByPeer(reference, theirs);
      const items = theirs.map((ids) => ({ le32: le32Of(ids), last: true }));
      const decoded = await pool.decode('mine', items, signal, { exact: true, ends: true });
      expect(decoded.map(({ text }) => text)).toEqual(said);
      // Texts that are said to be exact encode to the very ids.
      const exact = decoded.filter((each) => each.exact).map(({ text }) => text);
      const again = await encodeByPeer(reference, exact);
      expect(again).toEqual(theirs.filter((_, index) => decoded[index]!.exact));
      expect(exact.length).toBeGreaterThan(0);
    });
  });

  it('makes special tokens of text where asked, and nowhere else', async () => {
    const [content, id] =
      name === 'word piece'
        ? ['[SEP]', 2]
        : ['</s>', name === 'unigram' ? 1 : name === 'single words' ? 260 : 259];
    const text = [Buffer.from(`a ${content} b`)];
    await withPool(`${name}-special`, json, async (pool) => {
      const ordinary = idsOf((await pool.encode('mine', text, signal)).le32[0]!);
      expect(ordinary).not.toContain(id);
      expect(idsOf((await pool.encode('mine', text, signal, { specials: true })).le32[0]!)).toContain(id);
      const [said] = await pool.decode('mine', [{ le32: le32Of([id]), last: true }], signal);
      expect(said!.text.trim()).toBe(content);
      const [unknown] = await pool.decode('mine', [{ le32: le32Of([99_999]), last: true }], signal, {
        exact: true,
      });
      expect(unknown).toMatchObject({ text: '', exact: false });
    });
  });
});

it('are described with their model, and any text of theirs may change', async () => {
  const { libraryModel, changesBeside, size } = await given('described', unigram);
  expect({ libraryModel, changesBeside, size }).toEqual({
    libraryModel: 'Unigram',
    changesBeside: [''],
    size: pieces.length + 1,
  });
  await withPool('described', unigram, async (pool) => {
    expect((await pool.describe()).at(-1)!.kind).toBe('Unigram, by the package tokenizers');
    await expect(pool.decode('mine', [{ le32: le32Of([99_999]), last: true }], signal)).rejects.toMatchObject(
      {
        reason: 'UNDECODABLE_TOKEN',
      },
    );
    await expect(
      pool.encode('mine', [Buffer.from('a'), Buffer.alloc(limits.libraryTextBytesMax + 1, 'a ')], signal),
    ).rejects.toMatchObject({ reason: 'REQUEST_TOO_LARGE', metadata: { text: '1' } });
  });
});

it('is read without the library, and encoded by it alone', async () => {
  const { file, sha256 } = await given('kept', unigram);
  const encoding = new LibraryEncoding(readLibraryFile(Buffer.from(file), sha256), () => undefined);
  const task = { isShort: true, isWanted: () => true, run: <T>(work: Slices<T>) => runInTurns(work) };
  const items = [{ le32: le32Of([pieces.indexOf('▁hello'), pieces.indexOf('ing')]), last: true }];
  const decoded = await encoding.decodeItems({ items, exact: true, ends: false }, task);
  // It is not known that it encodes to these ids: exports write ids.
  expect(decoded).toMatchObject([{ text: 'helloing', exact: false }]);
  const utf8 = new Uint8Array(Buffer.from('hello'));
  await expect(encoding.encode({ utf8, ends: Uint32Array.of(5) }, task)).rejects.toThrow(NoLibrary);
  const damaged = Buffer.from(file);
  damaged[100]! ^= 1;
  expect(() => readLibraryFile(damaged, 'mine')).toThrow('mine: not a vocabulary of the library, or damaged');
});

it('has every token, also one named __proto__', async () => {
  const model = { ...wordPiece.model, vocab: { ...wordPiece.model.vocab } };
  const id = Object.keys(model.vocab).length;
  const json = JSON.stringify({
    ...wordPiece,
    normalizer: null,
    pre_tokenizer: { type: 'WhitespaceSplit' },
    model,
  });
  const path = join(folder, 'proto.json');
  writeFileSync(path, json.replace('"vocab":{', `"vocab":{"__proto__":${id},`));
  const mine = await readTokenizer({ name: 'mine', path, pattern: undefined });
  const pool = createTokenizers({ threadsMax: 1, given: [mine] });
  const { le32 } = await pool.encode('mine', [Buffer.from('hello __proto__')], signal);
  expect(idsOf(le32[0]!)).toContain(id);
  const [said] = await pool.decode('mine', [{ le32: le32[0]!, last: true }], signal, { exact: true });
  expect(said).toMatchObject({ text: 'hello __proto__', exact: true });
  await pool.close();
});

it.each([
  ['Unigram', unigram],
  ['WordPiece', wordPiece],
])('reads a file that does not name its model, %s', async (libraryModel, json) => {
  const model: { type?: string } = { ...json.model };
  delete model.type;
  const named = await given('named', json);
  expect(await given('unnamed', { ...json, model })).toMatchObject({ libraryModel, size: named.size });
});

it.each([
  ['random merges', { ...singleWord, model: { ...singleWord.model, dropout: 0.1 } }, /dropout/],
  [
    'no decoder that reads ids in parts',
    { ...unigram, decoder: { type: 'BPEDecoder', suffix: '▁' } },
    /in parts/,
  ],
  ['an id of another token', { ...unigram, added_tokens: asInFile([special(7, '</s>')]) }, /has the id 7/],
  [
    'a decoder that drops a token behind itself',
    { ...unigram, decoder: { type: 'CTC', pad_token: '<pad>', word_delimiter_token: '|', cleanup: false } },
    /in parts/,
  ],
  [
    'a text without ids',
    { ...wordPiece, model: { ...wordPiece.model, unk_token: '[X]' } },
    /model.unk_token is "\[X\]": the token of its vocabulary is expected/,
  ],
  ['no ids at all', { ...unigram, model: { ...unigram.model, unk_id: null } }, /model.unk_id is null/],
  [
    'added tokens of another kind',
    { ...unigram, added_tokens: [{ id: 'x', content: 'a' }] },
    /it is no tokenizer.json: added_tokens.0.id: [^\n{]*$/,
  ],
  [
    'no vocabulary',
    { ...unigram, model: { type: 'Unigram' } },
    /it is no tokenizer.json: model.vocab: tokens are expected/,
  ],
  [
    'words of any length',
    { ...wordPiece, model: { ...wordPiece.model, max_input_chars_per_word: 1_000_000 } },
    /model.max_input_chars_per_word: .*1000$/,
  ],
  ['a token without letters', { ...unigram, model: { ...unigram.model, vocab: [[1, 2]] } }, /no letters/],
])('refuses %s in words', async (_what, json, wanted) => {
  await expect(given('refused', json)).rejects.toThrow(wanted);
});

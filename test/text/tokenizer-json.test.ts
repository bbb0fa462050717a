import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { get_encoding } from 'tiktoken';
import { afterAll, describe, expect, it } from 'vitest';
import type { TokenizerSource } from '../../src/model/index.js';
import type { Encoding } from '../../src/text/encoding.js';
import { type GivenTokenizer, readTokenizer } from '../../src/text/files/read-tokenizer.js';
import { loadBuilt, loadEncoding } from '../../src/text/load-encoding.js';
import { runThrough } from '../../src/text/slices.js';
import { sampleOr } from '../support/sample.js';
import { type AddedJson, encodeByPeer, lettersOf, preTokenizers, tokenizerJson } from './hugging-face.js';
import { anything, mixed, run } from './letters.js';

const folder = mkdtempSync(join(tmpdir(), 'stowken-tokenizers-'));
/** The package tokenizers is not there: what has no encoder of our own is refused. */
const ownAlone = () => undefined;
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let files = 0;
function fileOf(content: object | string): string {
  const file = join(folder, `${files++}.json`);
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
  return file;
}

function read(content: object | string, pattern?: TokenizerSource['pattern']): Promise<GivenTokenizer> {
  return readTokenizer({ name: 'mine', path: fileOf(content), pattern }, ownAlone);
}

async function encodingOf(content: object | string, pattern?: TokenizerSource['pattern']): Promise<Encoding> {
  return loadEncoding(await read(content, pattern));
}

function encode(encoding: Encoding, text: string, specials = false): number[] {
  const utf8 = new Uint8Array(Buffer.from(text));
  const { le32 } = runThrough(encoding.encode({ utf8, ends: Uint32Array.of(utf8.length), specials }));
  return [...new Uint32Array(le32.slice().buffer)];
}

function decode(encoding: Encoding, tokens: readonly number[]): string {
  const decoded = runThrough(encoding.decode(Uint32Array.from(tokens), 1e6));
  if ('unknownToken' in decoded) throw new Error(`no token ${decoded.unknownToken}`);
  return Buffer.from(decoded.bytes).toString();
}

/** Letters of which merges are made: words, spaces, parts of long letters. */
const stuff = " the hello \n\n 12 中文的é\u0301 don't HELLO ==ſ\u{1f469}\u200d <think>";
const bytes = [...new Set(Buffer.from(stuff))].map((byte) => lettersOf(Uint8Array.of(byte)));

/** Merges at random: each of two tokens that there are. */
const merges = fc.array(fc.tuple(fc.nat(), fc.nat()), { minLength: 1, maxLength: 120 }).map((picks) => {
  const tokens = [...bytes];
  const found: [string, string][] = [];
  for (const [one, other] of picks) {
    const pair: [string, string] = [tokens[one % tokens.length]!, tokens[other % tokens.length]!];
    found.push(pair);
    tokens.push(pair.join(''));
  }
  return found;
});
const unmade = fc.array(fc.array(fc.constantFrom(...bytes), { minLength: 2, maxLength: 5 }), {
  maxLength: 20,
});

const normalizing = [...'\u0301\u0323\u0345Åé한각\u1100\u1161\u11a8\u0958', '\u{1d15e}'];
/** Marks and letters of versions after Unicode 9, which Hugging Face's tables do not have. */
const newer = ['\u07fd', '\u0897', '\u{1e4ec}', '\u{11383}\u{113c9}', '\u{1145e}'];
const pieces = [
  ...'<>|thinkAB 1',
  '<think>',
  '</think>',
  '<thi',
  '<|sp|>',
  '<|sp|>x',
  '|>x<',
  ...['<l>', '<r>', '<|im|>', '  ', '\n', '\u00a0', '\u3000', '\u0085', '\ufeff', '\u2028'],
  ...normalizing,
];
const peculiar = fc
  .array(fc.constantFrom(...pieces, ...newer), { maxLength: 40 })
  .map((parts) => parts.join(''));
const texts = fc.array(fc.oneof(mixed, run, anything, peculiar), { minLength: 30, maxLength: 30 });

/** Added tokens: of which one is a part of another, one overlaps a special one, one is normalized. */
const added = (first: number): AddedJson[] =>
  [
    { content: '<think>', normalized: false, special: false },
    { content: '</think>', normalized: true, special: false },
    { content: '<thi', normalized: false, special: false },
    { content: 'e\u0301n', normalized: true, special: false },
    { content: '|>x<', normalized: false, special: false },
  ].map((token, at) => ({ ...token, id: first + at }));

/** Added tokens that take the blanks beside them, as those of Phi-4 do. */
const stripping = (first: number): AddedJson[] =>
  [
    { content: '<l>', normalized: false, special: false, lstrip: true },
    { content: '<r>', normalized: true, special: false, rstrip: true },
    { content: '<|im|>', normalized: false, special: true, lstrip: true, rstrip: true },
  ].map((token, at) => ({ ...token, id: first + at }));

describe("a tokenizer.json gives the ids of Hugging Face's tokenizers", () => {
  const kinds = Object.entries(preTokenizers);

  it.each(kinds)('split as by %s', async (_name, preTokenizer) => {
    const rules = fc.record({
      merges,
      unmade,
      ignoreMerges: fc.boolean(),
      nfc: fc.boolean(),
      adds: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(rules, texts, async ({ adds, ...chosen }, some) => {
        const parts = { ...chosen, unmade: chosen.unmade.map((token) => token.join('')), preTokenizer };
        const plain = tokenizerJson(parts);
        const first = Object.keys(plain.model.vocab).length;
        const json = tokenizerJson({ ...parts, added: adds ? added(first) : [] });
        const encoding = await encodingOf(json);
        const theirs = await encodeByPeer(json, some);
        for (const [index, text] of some.entries()) {
          const ours = encode(encoding, text);
          expect([text, ...ours]).toEqual([text, ...theirs[index]!]);
          if (!chosen.nfc) expect(decode(encoding, ours)).toBe(text);
        }
      }),
      { numRuns: sampleOr(12, 300) },
    );
  });

  it('with special tokens where they are asked for', async () => {
    const rules = fc.record({ merges, nfc: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(rules, texts, async (chosen, some) => {
        const parts = { ...chosen, preTokenizer: preTokenizers.Qwen };
        const { vocab } = tokenizerJson(parts).model;
        // A merge makes it already, and a token has one id.
        fc.pre(!Object.hasOwn(vocab, 'k>'));
        const first = Object.keys(vocab).length;
        const special: AddedJson[] = [
          { id: first + 5, content: '<|sp|>', normalized: false, special: true },
          { id: first + 6, content: 'k>', normalized: true, special: true },
        ];
        const json = tokenizerJson({ ...parts, added: [...added(first), ...special] });
        const encoding = await encodingOf(json);
        const theirs = await encodeByPeer(json, some);
        for (const [index, text] of some.entries())
          expect([text, ...encode(encoding, text, true)]).toEqual([text, ...theirs[index]!]);
      }),
      { numRuns: sampleOr(12, 300) },
    );
  });

  it('with tokens that take the blanks beside them', async () => {
    const rules = fc.record({ merges, nfc: fc.boolean(), specials: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(rules, texts, async ({ specials, ...chosen }, some) => {
        const parts = { ...chosen, preTokenizer: preTokenizers.Qwen };
        const { vocab } = tokenizerJson(parts).model;
        fc.pre(!['<l>', '<r>', '<|im|>'].some((token) => Object.hasOwn(vocab, token)));
        const json = tokenizerJson({ ...parts, added: stripping(Object.keys(vocab).length) });
        const encoding = await encodingOf(json);
        // Without special ones the peer finds them all the same.
        const asked = specials ? some : some.map((text) => text.replaceAll('<|im|>', '<|i>'));
        const theirs = await encodeByPeer(json, asked);
        for (const [index, text] of asked.entries())
          expect([text, ...encode(encoding, text, specials)]).toEqual([text, ...theirs[index]!]);
      }),
      { numRuns: sampleOr(12, 300) },
    );
  });

  it('with blanks that are tokens, and take the blanks beside them', async () => {
    const parts = { merges: [], preTokenizer: preTokenizers.Qwen };
    const first = Object.keys(tokenizerJson(parts).model.vocab).length;
    const line = { id: first, content: '\n', normalized: false, special: false };
    for (const flags of [{ lstrip: true }, { rstrip: true }]) {
      const encoding = await encodingOf(tokenizerJson({ ...parts, added: [{ ...line, ...flags }] }));
      // Each of them would look at all others, were they not known to be blanks.
      expect(new Set(encode(encoding, '\n'.repeat(200_000)))).toEqual(new Set([first]));
    }
    const json = tokenizerJson({ ...parts, added: [{ ...line, lstrip: true }] });
    const some = ['a \n\n b', ' \t\n', '\n\u3000\n', '\u0085\n\n'];
    const encoding = await encodingOf(json);
    expect(some.map((text) => encode(encoding, text))).toEqual(await encodeByPeer(json, some));
  });

  it('and names those beside which a text is not what comes back', async () => {
    const token = { normalized: true, special: false };
    const parts = { merges: [], preTokenizer: preTokenizers.Qwen, nfc: true };
    const first = Object.keys(tokenizerJson(parts).model.vocab).length;
    const contents = ['e\u0301<', '\u00e9>', '<l>'];
    const added = contents.map((content, at) => ({ ...token, id: first + at, content, lstrip: at === 2 }));
    const given = await read(tokenizerJson({ ...parts, added }));
    // The first is found as U+00E9, and written in two characters.
    expect(given.changesBeside).toEqual(['\u00e9<', '<l>']);
    const encoding = await loadEncoding(given);
    const written = ['\u00e9<', '\u00e9>', 'a <l>'].map((text) => decode(encoding, encode(encoding, text)));
    expect(written).toEqual(['e\u0301<', '\u00e9>', 'a<l>']);
  });

  it('split by the same pattern, as tiktoken does with the same tokens', async () => {
    const vocabulary = await loadBuilt('r50k_base');
    const tokens = Array.from({ length: 50_256 }, (_, id) =>
      vocabulary.bytes.subarray(vocabulary.starts[id], vocabulary.starts[id + 1]),
    );
    const ranks = tokens.map((token, rank) => `${Buffer.from(token).toString('base64')} ${rank}`);
    const [named, known] = await Promise.all([
      encodingOf(ranks.join('\n'), 'r50k'),
      read(`${ranks.join('\r\n')}\r\n`),
    ]);
    // Its file names no pattern, but these are OpenAI's ranks.
    expect(known.size).toBe(50_257);
    const reference = get_encoding('r50k_base');
    const same = (text: string): void => {
      expect(encode(named, text)).toEqual([...reference.encode(text, [], [])]);
    };
    fc.assert(fc.property(fc.oneof(mixed, run, anything), same), { numRuns: 150 });
    reference.free();
  });
});

describe('tokens of a tokenizer.json that are special', () => {
  const special: AddedJson[] = [
    { id: 900, content: '<|im_start|>', normalized: false, special: true },
    { id: 901, content: '<｜end▁of▁sentence｜>', normalized: false, special: true },
    { id: 902, content: '<|im_start|>user', normalized: false, special: false },
    { id: 903, content: 'start|>', normalized: false, special: false },
  ];
  const json = tokenizerJson({ merges: [['<', '|']], preTokenizer: preTokenizers.Qwen, added: special });

  it('are decoded, and no text becomes one', async () => {
    const encoding = await encodingOf(json);
    expect(decode(encoding, [900, 901, 902])).toBe('<|im_start|><｜end▁of▁sentence｜><|im_start|>user');
    const tokens = encode(encoding, '<|im_start|><｜end▁of▁sentence｜>');
    expect(Math.max(...tokens)).toBeLessThan(900);
    expect(decode(encoding, tokens)).toBe('<|im_start|><｜end▁of▁sentence｜>');
  });

  it('hide others that overlap them, and the longest is taken', async () => {
    const encoding = await encodingOf(json);
    expect(encode(encoding, '<|im_start|>user')).toEqual([902]);
    expect(encode(encoding, '<|im_start|>use')).not.toContain(903);
    expect(encode(encoding, 'start|>')).toEqual([903]);
  });
});

describe('a tokenizer file', () => {
  const json = tokenizerJson({ merges: [['a', 'b']], preTokenizer: preTokenizers.Qwen });
  const withModel = (model: object) => ({ ...json, model: { ...json.model, ...model } });
  const withoutA = Object.fromEntries(Object.entries(json.model.vocab).filter(([token]) => token !== 'a'));

  it('may be a folder with a tokenizer.json, and its hash is that of the vocabulary', async () => {
    const inFolder = join(folder, 'model');
    mkdirSync(inFolder);
    writeFileSync(join(inFolder, 'tokenizer.json'), JSON.stringify(json, null, 2));
    const tokenizer = await readTokenizer({ name: 'mine', path: inFolder, pattern: undefined });
    expect(tokenizer.sha256).toBe((await read(json)).sha256);
    expect(tokenizer.size).toBe(257);
    const other = tokenizerJson({ merges: [['a', 'c']], preTokenizer: preTokenizers.Qwen });
    expect((await read(other)).sha256).not.toBe(tokenizer.sha256);
  });

  it.each([
    ['text', 'hello', /neither a tokenizer.json nor a tiktoken rank file/],
    ['damaged JSON', '{"model": ', /it is no JSON/],
    ['other JSON', { a: 1 }, /it is no tokenizer.json: .*model/],
    ['a model that is no BPE', withModel({ type: 'Unigram' }), /its model is Unigram; a BPE tokenizer/],
    ['random merges', withModel({ dropout: 0.1 }), /dropout/],
    ['a prefix within words', withModel({ continuing_subword_prefix: '##' }), /have a prefix within words/],
    [
      'a byte without a token',
      withModel({ vocab: withoutA, merges: [] }),
      /no tokens for 1 of the 256 bytes/,
    ],
    ['an id twice', withModel({ vocab: { ...json.model.vocab, ab: 3 } }), /have the id 3/],
    [
      'an id that is none',
      withModel({ vocab: { ...json.model.vocab, ab: -1 } }),
      /id of its token "ab" is -1/,
    ],
    ['a merge of no token', withModel({ merges: ['a z'] }), /merge "a z" is not of two tokens/],
    ['a merge of three', withModel({ merges: ['a b c'] }), /merge "a b c" is not of two tokens/],
    ['another normalizer', { ...json, normalizer: { type: 'NFKC' } }, /normalizer is NFKC; none or NFC/],
    ['another decoder', { ...json, decoder: { type: 'Metaspace' } }, /decoder is Metaspace/],
    [
      'no pre-tokenizer',
      { ...json, pre_tokenizer: null },
      /pre_tokenizer is not known: null; those of Llama 3/,
    ],
    [
      'another pattern',
      {
        ...json,
        pre_tokenizer: JSON.parse(JSON.stringify(json.pre_tokenizer).replace('?!', '?=')) as object,
      },
      /pre_tokenizer is not known: .*\(\?=/,
    ],
    [
      'a space put before the text',
      { ...json, pre_tokenizer: { ...preTokenizers['GPT-2'], add_prefix_space: true } },
      /pre_tokenizer is not known: .*"add_prefix_space":true/,
    ],
    [
      "an added token with another token's id",
      { ...json, added_tokens: [{ id: 7, content: '<x>', normalized: false, special: true }] },
      /added token "<x>" has the id 7, which is another token's/,
    ],
  ] as [string, object | string, RegExp][])('is refused in words: %s', async (_what, content, words) => {
    await expect(read(content)).rejects.toThrow(words);
    await expect(read(content)).rejects.toThrow(/^tokenizer mine: .*\.json: /);
  });

  it('is refused under the name of one that comes with the program, or of its models', async () => {
    for (const name of ['o200k_base', 'gpt-4o', 'openai/gpt-4o'])
      await expect(readTokenizer({ name, path: fileOf(json), pattern: undefined })).rejects.toThrow(
        /comes with the program: choose another one/,
      );
  });

  it('is refused if it is not there', async () => {
    const missing = join(folder, 'missing');
    await expect(readTokenizer({ name: 'mine', path: missing, pattern: undefined })).rejects.toThrow(
      /ENOENT/,
    );
  });

  it('with ranks is refused without a pattern, and a tokenizer.json with one', async () => {
    const ranks = Array.from({ length: 256 }, (_, byte) => `${Buffer.of(byte).toString('base64')} ${byte}`);
    await expect(read(ranks.join('\n'))).rejects.toThrow(
      /a rank file has no pattern .*,pattern=o200k\|cl100k/,
    );
    expect((await read(ranks.join('\n'), 'tekken')).size).toBe(256);
    await expect(read(ranks.slice(1).join('\n'), 'tekken')).rejects.toThrow(
      /neither|no tokens for 1 of the 256/,
    );
    await expect(read([...ranks, ranks[0]!].join('\n'), 'tekken')).rejects.toThrow(/neither/);
    await expect(read(json, 'qwen')).rejects.toThrow(/has its pattern itself/);
  });
});

describe('the classes and versions of letters', () => {
  it('are files of the program, so that ids do not change with Node', () => {
    const size = (name: string) =>
      readFileSync(new URL(`../../build/tokenizers/${name}`, import.meta.url)).length;
    expect([size('classes.bin'), size('normalized.bin')]).toEqual([6982, 2638]);
  });
});

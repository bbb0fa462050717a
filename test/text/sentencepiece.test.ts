import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { decodeItems } from '../../src/text/decode-items.js';
import type { Encoding } from '../../src/text/encoding.js';
import { readTokenizer } from '../../src/text/files/read-tokenizer.js';
import { loadEncoding } from '../../src/text/load-encoding.js';
import { runThrough } from '../../src/text/slices.js';
import { sampleOr } from '../support/sample.js';
import { type AddedJson, asInFile, decodeByPeer, encodeByPeer } from './hugging-face.js';
import { anything, mixed, run } from './letters.js';

const folder = mkdtempSync(join(tmpdir(), 'stowken-sentencepiece-'));
/** The package tokenizers is not there: what has no encoder of our own is refused. */
const ownAlone = () => undefined;
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const replace = { type: 'Replace', pattern: { String: ' ' }, content: '▁' };
const decoders = [
  { type: 'Replace', pattern: { String: '▁' }, content: ' ' },
  { type: 'ByteFallback' },
  { type: 'Fuse' },
];
const strip = { type: 'Strip', content: ' ', start: 1, stop: 0 };
const metaspace = { type: 'Metaspace', replacement: '▁' };

/** Parts of the files of models, as they stand there. */
const kinds = {
  'Llama 2': {
    normalizer: { type: 'Sequence', normalizers: [{ type: 'Prepend', prepend: '▁' }, replace] },
    pre_tokenizer: null,
    decoder: { type: 'Sequence', decoders: [...decoders, strip] },
  },
  Gemma: {
    normalizer: replace,
    pre_tokenizer: {
      type: 'Split',
      pattern: { String: ' ' },
      behavior: 'MergedWithPrevious',
      invert: false,
    },
    decoder: { type: 'Sequence', decoders },
  },
  'Mistral 7B v0.3': {
    normalizer: null,
    pre_tokenizer: { ...metaspace, prepend_scheme: 'first', split: false },
    decoder: { type: 'Sequence', decoders: [...decoders, strip] },
  },
  'Metaspace of words': {
    normalizer: null,
    pre_tokenizer: { ...metaspace, prepend_scheme: 'always', split: true },
    decoder: { type: 'Sequence', decoders: [...decoders, strip] },
  },
} as const;

const characters = [...'▁▁▁aeéñABthinkgo<>/|sx.,1中的一是了国글👩\n'];

/** Merges at random, each of two tokens that there are; few go over the beginning of a word. */
const merges = fc
  .tuple(fc.array(fc.tuple(fc.nat(), fc.nat()), { minLength: 1, maxLength: 120 }), fc.boolean())
  .map(([picks, joinsWords]) => {
    const tokens = [...new Set(characters)];
    const found: [string, string][] = [];
    for (const [one, other] of picks) {
      const pair: [string, string] = [tokens[one % tokens.length]!, tokens[other % tokens.length]!];
      if (!joinsWords && !pair[0].endsWith('▁') && pair[1].startsWith('▁')) continue;
      found.push(pair);
      tokens.push(pair.join(''));
    }
    return found;
  });

const contents = [
  { content: '<s>', normalized: false, special: true },
  { content: '<think>', normalized: false, special: false },
  { content: '</s', normalized: true, special: false },
  { content: '▁▁▁', normalized: false, special: false },
  { content: '\n\n', normalized: false, special: false },
  // They take the blanks beside them, as those of Phi-3 do.
  { content: '<l>', normalized: false, special: false, lstrip: true },
  { content: '<r>', normalized: false, special: false, rstrip: true },
  { content: '<b>', normalized: false, special: true, lstrip: true, rstrip: true },
];
/** Looked for where the spaces of some kinds are U+2581, which is no blank. */
const strippedLater = { content: '<n>', normalized: true, special: false, lstrip: true, rstrip: true };

function tokenizerJson(kind: (typeof kinds)[keyof typeof kinds], pairs: [string, string][], adds: boolean) {
  const byteTokens = Array.from(
    { length: 256 },
    (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`,
  );
  const made = pairs.map((pair) => pair.join(''));
  // Ids follow neither the merges nor the letters.
  const tokens = [...new Set(['<unk>', '<s>', ...byteTokens, ...made.reverse(), ...characters])];
  const ids = new Map(tokens.map((token, id) => [token, id]));
  let next = tokens.length;
  const marksText = kind.normalizer !== null;
  const all = [...contents, ...(marksText ? [strippedLater] : [])];
  const added: AddedJson[] = (adds ? all : all.slice(0, 1)).map((token) => ({
    ...token,
    id: ids.get(token.content) ?? next++,
  }));
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: asInFile(added),
    ...kind,
    post_processor: null,
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: '<unk>',
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: true,
      byte_fallback: true,
      ignore_merges: false,
      vocab: Object.fromEntries(ids),
      merges: pairs,
    },
  };
}

let files = 0;
async function encodingOf(json: object): Promise<Encoding> {
  const path = join(folder, `${files++}.json`);
  writeFileSync(path, JSON.stringify(json));
  return loadEncoding(await readTokenizer({ name: 'mine', path, pattern: undefined }, ownAlone));
}

function encode(encoding: Encoding, text: string, specials = false): number[] {
  const utf8 = new Uint8Array(Buffer.from(text));
  const { le32 } = runThrough(encoding.encode({ utf8, ends: Uint32Array.of(utf8.length), specials }));
  return [...new Uint32Array(le32.slice().buffer)];
}

function decode(encoding: Encoding, tokens: readonly number[], first: boolean, last: boolean) {
  const le32 = new Uint8Array(Uint32Array.from(tokens).buffer);
  const items = [{ le32, first, last }];
  const outcome = runThrough(decodeItems(encoding, { items, exact: true, ends: true }));
  if ('unknownToken' in outcome) throw new Error(`no token ${outcome.unknownToken}`);
  return outcome[0]!;
}

const words = fc
  .array(
    fc.constantFrom(
      ...characters,
      ' ',
      '  ',
      ' the',
      '<think>',
      '</s',
      '\n\n',
      '▁▁▁',
      '\u{1f600}',
      'e\u0301',
      ...['<l>', '<r>', '<n>', '\u00a0', '\u3000', '\t', '\u0085', '\ufeff', '\u2028'],
    ),
    { maxLength: 60 },
  )
  .map((parts) => parts.join('').replaceAll('<s>', ''));
const texts = fc.array(fc.oneof(words, words, mixed, run, anything), { minLength: 30, maxLength: 30 });

describe("a tokenizer.json with byte_fallback gives the ids of Hugging Face's tokenizers", () => {
  it.each(Object.entries(kinds))('of the kind of %s', async (_name, kind) => {
    await fc.assert(
      fc.asyncProperty(merges, fc.boolean(), texts, fc.nat(), async (pairs, adds, some, cut) => {
        const json = tokenizerJson(kind, pairs, adds);
        const encoding = await encodingOf(json);
        const theirs = await encodeByPeer(json, some);
        const decoded = await decodeByPeer(json, theirs);
        for (const [index, text] of some.entries()) {
          const ours = encode(encoding, text);
          expect([text, ...ours]).toEqual([text, ...theirs[index]!]);
          const whole = decode(encoding, ours, true, true);
          expect(whole.text).toBe(decoded[index]);
          expect(whole).toMatchObject({ replaced: false, tokenCount: ours.length });
          // A text with added tokens, or a space that none was put before, may have other tokens.
          if (!adds && !/^[ ▁]/.test(text)) expect(whole.exact).toBe(true);
          expect(whole.ends?.at(-1) ?? 0).toBe(Buffer.byteLength(whole.text));
          // In two parts, as a stream gives them.
          const at = cut % (ours.length + 1);
          const before = decode(encoding, ours.slice(0, at), true, false);
          const behind = decode(encoding, ours.slice(before.tokenCount), before.tokenCount === 0, true);
          expect(before.text + behind.text).toBe(whole.text);
        }
      }),
      { numRuns: sampleOr(12, 300) },
    );
  });

  it.each(Object.entries(kinds))('with special tokens, of the kind of %s', async (_name, kind) => {
    const marked = fc.array(fc.array(fc.oneof(words, fc.constantFrom('<s>', '<b>')), { maxLength: 6 }), {
      minLength: 20,
    });
    await fc.assert(
      fc.asyncProperty(merges, fc.boolean(), marked, async (pairs, adds, some) => {
        const json = tokenizerJson(kind, pairs, adds);
        const encoding = await encodingOf(json);
        const joined = some.map((parts) => parts.join(''));
        const theirs = await encodeByPeer(json, joined);
        for (const [index, text] of joined.entries())
          expect([text, ...encode(encoding, text, true)]).toEqual([text, ...theirs[index]!]);
      }),
      { numRuns: sampleOr(8, 200) },
    );
  });
});

it('names added tokens beside which blanks are left out, with the spaces of a text', async () => {
  const json = tokenizerJson(kinds.Gemma, [['a', 'e']], false);
  const next = Object.keys(json.model.vocab).length;
  const added = [
    { id: next, content: 'a▁b', normalized: true, special: false, lstrip: true },
    { id: next + 1, content: 'x▁y', normalized: false, special: false, rstrip: true },
  ];
  const path = join(folder, 'beside.json');
  writeFileSync(path, JSON.stringify({ ...json, added_tokens: asInFile(added) }));
  const given = await readTokenizer({ name: 'mine', path, pattern: undefined }, ownAlone);
  expect(given.changesBeside).toEqual(['a▁b', 'a b', 'x▁y']);
  const encoding = await loadEncoding(given);
  const back = ['1\ta b', '1\tx▁y ', 'x y '].map((text) =>
    decode(encoding, encode(encoding, text), true, true),
  );
  expect(back.map(({ text }) => text)).toEqual(['1a b', '1\tx y', 'x y ']);
});

it('encodes a long text without spaces, and one of many windows', async () => {
  const json = tokenizerJson(
    kinds['Llama 2'],
    [
      ['一', '是'],
      ['的', '一'],
      ['▁', 't'],
      ['▁t', 'h'],
    ],
    false,
  );
  const encoding = await encodingOf(json);
  for (const text of ['的一是'.repeat(40_000), 'th a the '.repeat(40_000)]) {
    const [theirs] = await encodeByPeer(json, [text]);
    expect(encode(encoding, text)).toEqual(theirs);
  }
});

it('refuses what it would encode otherwise', async () => {
  const json = tokenizerJson(kinds.Gemma, [['a', 'e']], true);
  const refused = async (changed: object) =>
    encodingOf({ ...json, ...changed }).then(
      () => 'taken',
      (error: unknown) => (error as Error).message.replace(/^tokenizer mine: \S+ /, ''),
    );
  const { model } = json;
  expect(await refused({})).toBe('taken');
  expect(await refused({ normalizer: { type: 'NFKC' } })).toMatch(/^its spaces are not known: normalizer/);
  expect(await refused({ normalizer: null })).toMatch(/^its spaces are not known/);
  expect(await refused({ decoder: { type: 'WordPiece' } })).toMatch(/^its decoder has WordPiece/);
  const others = Object.fromEntries(Object.entries(model.vocab).filter(([token]) => token !== '<0x0A>'));
  expect(await refused({ model: { ...model, vocab: others } })).toMatch(
    /^it falls back to bytes, and has no token <0x0A>. Such a file is taken with the package tokenizers/,
  );
  expect(await refused({ model: { ...model, ignore_merges: true } })).toMatch(/both byte_fallback and/);
  expect(await refused({ model: { type: 'Unigram', vocab: [['<unk>', 0]] } })).toMatch(
    /^its model is Unigram; a BPE tokenizer is expected.*taken with the package tokenizers .*npm install/,
  );
  const word = asInFile([{ content: '<w>', normalized: false, special: false, single_word: true, id: 900 }]);
  expect(await refused({ added_tokens: word })).toMatch(/^its added token "<w>" .* \(single_word\)/);
  const stripped = asInFile([{ ...strippedLater, id: 900 }]);
  expect(await refused({ ...kinds['Mistral 7B v0.3'], added_tokens: stripped })).toMatch(
    /^its added token "<n>" takes the spaces beside it \(lstrip, rstrip\)/,
  );
});

import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { runThrough } from '../../src/text/slices.js';
import { classRuns, TextCore } from '../../src/text/text-core.js';
import { readVocabulary, type Vocabulary, vocabularyOf, writeVocabulary } from '../../src/text/vocabulary.js';
import { anything, mixed, run } from './letters.js';
import { twinOf } from './twin.js';

const built = (name: string) => readFileSync(new URL(`../../build/${name}`, import.meta.url));
const classes = classRuns(built('tokenizers/classes.bin'));
const vocabularyOfFile = (name: string) => readVocabulary(built(`tokenizers/${name}.vocabulary`), name);

async function coreOf(build: 'release' | 'debug', vocabulary: Vocabulary, windowBytes?: number) {
  const module = await WebAssembly.compile(built(`text.${build}.wasm`));
  return runThrough(TextCore.create(module, vocabulary, classes, windowBytes));
}

function encode(core: TextCore, text: string): number[] {
  const utf8 = Buffer.from(text);
  const tokens: number[] = [];
  for (let at = 0; at < utf8.length;) {
    const encoded = core.encode(utf8.subarray(at))!;
    tokens.push(...encoded.tokens);
    at += encoded.taken;
  }
  return tokens;
}

describe.each(['release', 'debug'] as const)('the %s build of the text core', (build) => {
  it.each(['o200k_base', 'cl100k_base', 'r50k_base'] as const)(
    'encodes as its twin does: %s',
    async (name) => {
      const vocabulary = vocabularyOfFile(name);
      const core = await coreOf(build, vocabulary);
      const twin = twinOf(name, vocabulary);
      const same = (text: string): void => {
        expect(encode(core, text)).toEqual(twin(text));
      };
      fc.assert(fc.property(mixed, same), { numRuns: 60 });
      fc.assert(fc.property(run, same), { numRuns: 20 });
    },
  );

  it('gives the same tokens, however little of the text it is shown at once', async () => {
    const vocabulary = vocabularyOfFile('r50k_base');
    const [whole, narrow] = await Promise.all([coreOf(build, vocabulary), coreOf(build, vocabulary, 17)]);
    const same = (text: string): void => {
      expect(encode(narrow, text)).toEqual(encode(whole, text));
    };
    for (const texts of [mixed, run, anything]) fc.assert(fc.property(texts, same), { numRuns: 100 });
  });
});

describe('a vocabulary with tokens that no two tokens make', () => {
  /** r50k, with a word that is not made of two tokens. */
  const known = vocabularyOfFile('r50k_base');
  const tokens = Array.from({ length: known.starts.length - 1 }, (_, id) =>
    known.special.includes(id) ? undefined : known.bytes.subarray(known.starts[id], known.starts[id + 1]),
  );
  const vocabulary = vocabularyOf([...tokens, Buffer.from('zqxzqxzqx')], { ...known, special: [] });

  it('gives these tokens where a whole piece is one', async () => {
    const core = await coreOf('release', vocabulary);
    const twin = twinOf('r50k_base', vocabulary);
    expect(encode(core, 'zqxzqxzqx')).toEqual([tokens.length]);
    const same = (text: string): void => {
      expect(encode(core, text)).toEqual(twin(text));
    };
    for (const texts of [mixed, run]) fc.assert(fc.property(texts, same), { numRuns: 60 });
  });
});

describe("a vocabulary's file", () => {
  it('gives the vocabulary back', () => {
    const vocabulary = vocabularyOfFile('r50k_base');
    expect(writeVocabulary(vocabulary).equals(built('tokenizers/r50k_base.vocabulary'))).toBe(true);
  });

  it('is refused when a byte of it is another one', () => {
    const file = built('tokenizers/r50k_base.vocabulary');
    for (const at of [0, 9, 40, 5000, file.length - 1]) {
      const damaged = Buffer.from(file);
      damaged[at]! ^= 1;
      expect(() => readVocabulary(damaged, 'it')).toThrow('it: not a vocabulary, or damaged');
    }
    expect(() => readVocabulary(file.subarray(0, 20), 'it')).toThrow('it: not a vocabulary, or damaged');
  });
});

import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { get_encoding, type Tiktoken, type TiktokenEncoding } from 'tiktoken';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { limits, type TokenizerName, tokenizerNames } from '../../src/model/index.js';
import { LongRun } from '../../src/text/characters.js';
import type { Encoding } from '../../src/text/encoding.js';
import { loadEncoding } from '../../src/text/load-encoding.js';
import { runThrough } from '../../src/text/slices.js';
import { sampleOr } from '../support/sample.js';
import { anything, mixed, run } from './letters.js';

function toEncode(...texts: readonly string[]) {
  const all = texts.map((text) => Buffer.from(text));
  let end = 0;
  const ends = Uint32Array.from(all, ({ length }) => (end += length));
  return { utf8: new Uint8Array(Buffer.concat(all)), ends };
}

function encode(encoding: Encoding, text: string): Uint32Array {
  const { le32 } = runThrough(encoding.encode(toEncode(text)));
  return new Uint32Array(le32.slice().buffer);
}

const hashOf = (tokens: Uint32Array) => createHash('sha256').update(tokens).digest('hex');

/** The package has no o200k_harmony, which encodes text as o200k_base does. */
const referenceOf = (name: TokenizerName): TiktokenEncoding =>
  name === 'o200k_harmony' ? 'o200k_base' : name;
/** Ordinary tokens end before these ids; special ones have tests of their own. */
const idsEnd: Readonly<Record<TiktokenEncoding, number>> = {
  gpt2: 50_256,
  r50k_base: 50_256,
  p50k_base: 50_281,
  p50k_edit: 50_281,
  cl100k_base: 100_256,
  o200k_base: 199_998,
};
/** One text of each of these steps through all of them; every one with STOWKEN_TEST_ALL=1. */
const vocabularyStep = sampleOr(61, 1);
const codePointStep = sampleOr(17, 1);
/** Code points from here on have few letters, and most have none. */
const rareFrom = 0x3_0000;
const rareStep = sampleOr(997, 1);
/** Code points of one text. */
const together = 16;

describe.each(tokenizerNames)('%s', (name) => {
  let encoding: Encoding;
  let reference: Tiktoken;
  beforeAll(async () => {
    encoding = await loadEncoding(name);
    reference = get_encoding(referenceOf(name));
  });
  afterAll(() => reference.free());

  /** Short ones are compared token by token, which shows where they differ. */
  const expectSame = (text: string): void => {
    const [ours, theirs] = [encode(encoding, text), reference.encode(text, [], [])];
    if (hashOf(ours) === hashOf(theirs)) return;
    expect([text, ...ours]).toEqual([text, ...theirs]);
  };

  it("gives tiktoken's ids for every text", () => {
    fc.assert(fc.property(mixed, expectSame), { numRuns: 150 });
    fc.assert(fc.property(run, expectSame), { numRuns: 60 });
    fc.assert(fc.property(anything, expectSame), { numRuns: 150 });
  });

  it("gives tiktoken's ids for long runs", () => {
    const chinese = Array.from({ length: 2000 }, (_, at) =>
      String.fromCharCode(0x4e00 + ((at * 7919) % 3000)),
    );
    expectSame(chinese.join(''));
    for (const letter of ['a', 'é', 'a\u0301', '👩‍👩‍👧‍👦', ' ', '\n ', '=']) expectSame(letter.repeat(600));
  });

  it("gives tiktoken's ids for code points of every kind, and gives them back", () => {
    let parts: string[] = [];
    for (let at = 0; at <= 0x10_ffff; at += at < rareFrom ? codePointStep : rareStep) {
      if (at >= 0xd800 && at < 0xe000) continue;
      const letter = String.fromCodePoint(at);
      parts.push(`a${letter}B ${letter}${letter}1 'S`);
      if (parts.length < together) continue;
      expectSame(parts.join('\n'));
      parts = [];
    }
    expectSame(parts.join('\n'));
  });

  it("has tiktoken's tokens, and encodes the text of each as tiktoken does", () => {
    const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
    for (let id = 0; id < idsEnd[referenceOf(name)]; id += vocabularyStep) {
      const decoded = runThrough(encoding.decode(Uint32Array.of(id), 1000));
      if ('unknownToken' in decoded) throw new Error(`no token ${id}`);
      expect(Buffer.from(decoded.bytes)).toEqual(Buffer.from(reference.decode_single_token_bytes(id)));
      let text: string;
      try {
        text = utf8.decode(decoded.bytes);
      } catch {
        continue; // A part of a character.
      }
      expectSame(text);
      expectSame(`x${text} ${text}`);
    }
  });

  it.each(['a', '中', ' ', '-', '\n'])(
    'takes a run as long as the limit, and no longer one: %j',
    (letter) => {
      const count = Math.floor(limits.textRunBytesMax / Buffer.byteLength(letter));
      const longest = letter.repeat(count);
      expect(encode(encoding, longest).length).toBeGreaterThan(count / 200);
      expect(() => runThrough(encoding.encode(toEncode('short', `${longest}${letter}`)))).toThrow(LongRun);
      expect(() => runThrough(encoding.encode(toEncode('short', letter.repeat(4 * count))))).toThrow(LongRun);
    },
  );
});

describe('special tokens', () => {
  const textOf = async (name: TokenizerName, ...tokens: number[]) => {
    const decoded = runThrough((await loadEncoding(name)).decode(Uint32Array.from(tokens), 1000));
    return 'unknownToken' in decoded ? decoded : Buffer.from(decoded.bytes).toString();
  };

  it('are decoded where the tokenizer has them, and no text is invented for others', async () => {
    expect(await textOf('o200k_base', 199_999, 200_018)).toBe('<|endoftext|><|endofprompt|>');
    for (let id = 200_000; id < 200_018; id++)
      expect(await textOf('o200k_base', id)).toEqual({ unknownToken: id });
    expect(await textOf('o200k_harmony', 200_006, 200_003, 200_002)).toBe('<|start|><|constrain|><|return|>');
    expect(await textOf('o200k_harmony', 200_018, 201_087)).toBe('<|endofprompt|><|reserved_201087|>');
    expect(await textOf('cl100k_base', 100_257, 100_260, 100_276)).toBe(
      '<|endoftext|><|fim_suffix|><|endofprompt|>',
    );
    expect(await textOf('p50k_edit', 50_256, 50_281)).toBe('<|endoftext|><|fim_prefix|>');
    expect(await textOf('p50k_base', 50_281)).toEqual({ unknownToken: 50_281 });
    expect(await textOf('gpt2', 50_256)).toBe('<|endoftext|>');
    expect(await textOf('o200k_base', 4_294_967_295)).toEqual({ unknownToken: 4_294_967_295 });
  });

  it('are never made of text', async () => {
    const encoding = await loadEncoding('o200k_base');
    const tokens = encode(encoding, '<|endoftext|><|endofprompt|>');
    expect(Math.max(...tokens)).toBeLessThan(199_998);
  });
});

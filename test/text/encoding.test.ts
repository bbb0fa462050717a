import fc from 'fast-check';
import type { GptEncoding } from 'gpt-tokenizer/GptEncoding';
import { encodingNames } from 'gpt-tokenizer/mapping';
import { getEncodingParams } from 'gpt-tokenizer/modelParams';
import { describe, expect, it } from 'vitest';
import { limits } from '../../src/model/index.js';
import { loadEncoding } from '../../src/text/load-encoding.js';
import { LongRun, splitPieces } from '../../src/text/pieces.js';
import { runThrough } from '../../src/text/slices.js';

type EncodingName = (typeof encodingNames)[number];

const asOrdinaryText = { disallowedSpecial: new Set<string>() };

function toEncode(...texts: readonly string[]) {
  const all = texts.map((text) => Buffer.from(text));
  let end = 0;
  const ends = Uint32Array.from(all, ({ length }) => (end += length));
  return { utf8: new Uint8Array(Buffer.concat(all)), ends };
}

/** Returns an encoding, and gpt-tokenizer's own. */
async function both(name: EncodingName) {
  const encoding = await loadEncoding(name);
  const { default: reference } = (await import(`gpt-tokenizer/encoding/${name}`)) as { default: GptEncoding };
  return {
    ours: (text: string) => {
      const { le32 } = runThrough(encoding.encode(toEncode(text)));
      return [...new Uint32Array(le32.slice().buffer)];
    },
    theirs: (text: string) => [...reference.encodeGenerator(text, asOrdinaryText)].flat(),
  };
}

/** Letters of many kinds: those that patterns distinguish, and those of which tokens are made. */
const letters = [
  ...'aeéñßABZzЖж中的一是了国ʰǅ漢字가나あア',
  ...['\u0301', '\u200d', '👩', '🧿', '\u{10fffe}', '\ufeff', '\u0085', '\u017f'],
  ...[' ', '  ', '\n', '\r\n', '\t', '1', '42', '-', '=', '/', "'s", "'LL", '.', ',', '<|endoftext|>'],
  ...[' the', 'ing', ' func', '的时候', 'namespace', '\ufeff//', '\ufeffusing'],
];
const mixed = fc.array(fc.constantFrom(...letters), { maxLength: 300 }).map((parts) => parts.join(''));
/** Pieces without a break, of a few letters: many ties between pairs, and pairs that cross letters. */
const run = fc
  .tuple(fc.uniqueArray(fc.constantFrom(...letters.slice(0, 30)), { minLength: 1, maxLength: 4 }), fc.nat())
  .chain(([some]) => fc.array(fc.constantFrom(...some), { minLength: 10, maxLength: 600 }))
  .map((parts) => parts.join(''));

describe.each(encodingNames)('%s', (name) => {
  it("gives gpt-tokenizer's ids for every text", async () => {
    const { ours, theirs } = await both(name);
    const same = (text: string): void => {
      expect(ours(text)).toEqual(theirs(text));
    };
    fc.assert(fc.property(mixed, same), { numRuns: 150 });
    fc.assert(fc.property(run, same), { numRuns: 60 });
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 60 }), same), { numRuns: 150 });
  });

  it("gives gpt-tokenizer's ids for long runs", async () => {
    const { ours, theirs } = await both(name);
    const chinese = Array.from({ length: 2000 }, (_, at) =>
      String.fromCharCode(0x4e00 + ((at * 7919) % 3000)),
    );
    for (const text of [
      chinese.join(''),
      'a'.repeat(3000),
      'é'.repeat(1500),
      '👩‍👩‍👧‍👦'.repeat(150),
      ' '.repeat(3000),
    ]) {
      expect(ours(text)).toEqual(theirs(text));
    }
  });
});

describe('the pieces of a text', () => {
  const patternOf = (name: EncodingName) => getEncodingParams(name, () => []).tokenSplitRegex;

  it('are the same, however little of the text the pattern is shown at once', () => {
    const name = fc.constantFrom<EncodingName>('o200k_base', 'cl100k_base', 'r50k_base');
    const property = fc.property(
      name,
      mixed,
      mixed,
      fc.integer({ min: 1, max: 12 }),
      (encoding, a, b, max) => {
        const text = a + b;
        const all = [...text.matchAll(patternOf(encoding))].map(([piece]) => piece);
        const cut = [...splitPieces(Buffer.from(text), patternOf(encoding), max)];
        if (all.every(({ length }) => length <= max)) expect(cut).toEqual(all);
        else expect(cut.some(({ length }) => length > max)).toBe(true);
      },
    );
    fc.assert(property, { numRuns: 2000 });
  });

  it.each(['a', 'A', '中', '\u0301', 'ʰ', ' ', '-', '\n'])(
    'may be as long as the limit, and not longer: %j',
    async (letter) => {
      const encoding = await loadEncoding('o200k_base');
      const longest = letter.repeat(limits.textRunLettersMax);
      expect([...splitPieces(Buffer.from(longest), patternOf('o200k_base'))]).toEqual([longest]);
      for (const name of encodingNames) {
        const pieces = [
          ...splitPieces(Buffer.from(letter.repeat(8 * limits.textRunLettersMax)), patternOf(name)),
        ];
        expect(pieces[0]!.length).toBeGreaterThan(limits.textRunLettersMax);
      }
      expect(() => runThrough(encoding.encode(toEncode('short', `${longest}${letter}`)))).toThrow(LongRun);
    },
  );
});

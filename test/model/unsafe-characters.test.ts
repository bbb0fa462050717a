import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { escapeJson, isUnsafe, printable, printableLines, shellWord, toJson } from '../../src/model/index.js';

const points = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, index) => String.fromCharCode(from + index));

/** Every character that a terminal acts on, listed by its number, independently of the rule under test. */
const acting = [
  ...points(0x00, 0x1f),
  ...points(0x7f, 0x9f),
  ...['\u061c', '\u200e', '\u200f', '\u2028', '\u2029'],
  ...points(0x202a, 0x202e),
  ...points(0x2066, 0x2069),
];
const pattern = new RegExp(
  `[${acting.map((each) => `\\u${each.charCodeAt(0).toString(16).padStart(4, '0')}`).join('')}]`,
);

const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc
    .array(fc.oneof(fc.constantFrom(...acting, '\ud800', '\udc00', '👩‍👩‍👧', "'", '\\', '"', 'é', ' ')))
    .map((all) => all.join('')),
);

describe('characters that act on a terminal', () => {
  it.each(acting)('are escaped: %j', (character) => {
    expect(isUnsafe(character)).toBe(true);
    expect(printable(character)).toMatch(/^\\u\{[0-9a-f]+\}$/);
    expect(toJson([character])).not.toMatch(pattern);
  });

  it('never stand in JSON, whose value stays the same', () => {
    const value = fc.jsonValue({ stringUnit: 'binary' });
    fc.assert(
      fc.property(
        fc.oneof(
          fc.dictionary(text, text),
          fc.array(text),
          value.map((each) => [each]),
        ),
        (object) => {
          const json = toJson(object);
          expect(json).not.toMatch(pattern);
          expect(Buffer.from(json).toString()).toBe(json);
          expect(JSON.parse(json)).toEqual(JSON.parse(JSON.stringify(object)));
        },
      ),
    );
  });

  it('leave lines of JSON lines', () => {
    expect(escapeJson('{"a":"\u0085"}\n{"b":"\u2028"}\n')).toBe('{"a":"\\u0085"}\n{"b":"\\u2028"}\n');
  });

  it('never stand in text for a terminal', () => {
    fc.assert(
      fc.property(text, (some) => {
        expect(printable(some)).not.toMatch(pattern);
        expect(printableLines(some).replace(/[\n\t]/g, '')).not.toMatch(pattern);
        expect(shellWord(some)).not.toMatch(pattern);
      }),
    );
  });

  it('leave what people write alone', () => {
    for (const some of ['Zwölf Boxkämpfer', '日本語 한국어', '👩‍👩‍👧 🇺🇳 1️⃣ 🏴󠁧󠁢󠁳󠁣󠁴󠁿', 'می‌خواهم', 'عربي'])
      expect(printable(some)).toBe(some);
  });
});

describe('a word for a shell', () => {
  it.each(['run-1', 'a/b:c@d=1,2%3.+', '日本語', '👩‍👩‍👧', '0198c2f0-7a3e-7000-8000-000000000000'])(
    'is %s itself',
    (word) => {
      expect(shellWord(word)).toBe(word);
    },
  );

  it.each([
    'a b',
    "it's",
    '$HOME',
    '`x`',
    '*',
    '~',
    'a\\b',
    '#',
    '!',
    '(x)',
    '',
    'a\u001b[2Jb',
    "\u202e'\\\u2028",
    '\u0085abc',
    '\n',
  ])('is taken back by bash: %j', (word) => {
    const env = { ...process.env, LC_ALL: 'C.UTF-8' };
    const back = execFileSync('bash', ['-c', `printf %s ${shellWord(word)}; printf .`], { env });
    expect(back.toString()).toBe(`${word}.`);
  });
});

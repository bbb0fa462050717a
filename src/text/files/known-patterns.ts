import type { tokenizerPatterns } from '../../model/index.js';
import type { Rules } from '../vocabulary.js';

type Pattern = Pick<Rules, 'pattern' | 'digits'>;

const contractions = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
const signs = ' ?[^\\s\\p{L}\\p{N}]+';
const spaces = '\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+';
const upper = '[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]';
const lower = '[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]';

const cl100k = (digits: string) =>
  `${contractions}|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|${digits}|${signs}[\\r\\n]*|${spaces}`;
const o200k = (end: string, digits: string) =>
  `[^\\r\\n\\p{L}\\p{N}]?${upper}*${lower}+${end}|[^\\r\\n\\p{L}\\p{N}]?${upper}+${lower}*${end}` +
  `|${digits}|${signs}[\\r\\n/]*|${spaces}`;

/** The regular expression that the ByteLevel pre-tokenizer has itself. */
const gpt2 = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

/** DeepSeek's three, of which the last one has its line breaks as themselves. */
const deepseek = [
  '\\p{N}{1,3}',
  '[一-龥぀-ゟ゠-ヿ]+',
  '[!"#$%&\'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\r\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+' +
    '| ?[\\p{P}\\p{S}]+[\r\n]*|\\s*[\r\n]+|\\s+(?!\\S)|\\s+',
];

/**
 * Regular expressions of pre-tokenizers, one after the other, that a scan of assembly/text/patterns.ts does.
 * They are compared letter by letter: one that looks alike may split otherwise.
 */
const known: readonly (readonly [readonly string[], Pattern])[] = [
  [[o200k(`${contractions}?`, '\\p{N}{1,3}')], { pattern: 'o200k', digits: 3 }],
  [[o200k('', '\\p{N}')], { pattern: 'tekken', digits: 1 }],
  [[cl100k('\\p{N}{1,3}')], { pattern: 'cl100k', digits: 3 }],
  [[cl100k('\\p{N}')], { pattern: 'cl100k', digits: 1 }],
  [[gpt2], { pattern: 'r50k', digits: 1 }],
  [deepseek, { pattern: 'deepseek', digits: 3 }],
];

/** Returns the pattern that these regular expressions are; undefined if it is not known. */
export function patternOf(expressions: readonly string[]): Pattern | undefined {
  return known.find(
    ([these]) =>
      these.length === expressions.length && these.every((one, index) => one === expressions[index]),
  )?.[1];
}

/** Pattern of a ByteLevel pre-tokenizer that splits by its own expression. */
export const ownPattern: Pattern = { pattern: 'r50k', digits: 1 };

/** Patterns by the names under which a person may ask for one, for files that have none. */
export const patternNames: Readonly<Record<(typeof tokenizerPatterns)[number], Pattern>> = {
  o200k: { pattern: 'o200k', digits: 3 },
  cl100k: { pattern: 'cl100k', digits: 3 },
  qwen: { pattern: 'cl100k', digits: 1 },
  r50k: { pattern: 'r50k', digits: 1 },
  deepseek: { pattern: 'deepseek', digits: 3 },
  tekken: { pattern: 'tekken', digits: 1 },
};

import type { Vocabulary } from '../../src/text/vocabulary.js';

const contraction = "'(?:[sStTmMdD\\u017f]|[rR][eE]|[vV][eE]|[lL][lL])";
const upper = '[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]';
const lower = '[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]';
const before = '[^\\r\\n\\p{L}\\p{N}]?';
const signs = ' ?[^\\p{White_Space}\\p{L}\\p{N}]+';
const spaces = ['\\p{White_Space}+(?!\\P{White_Space})', '\\p{White_Space}+'];
const breaks = '\\p{White_Space}*[\\r\\n]+';

/** The patterns of openai/tiktoken, in words of JavaScript, whose `\\s` is not Unicode's. */
const patterns = {
  o200k_base: [
    `${before}${upper}*${lower}+(?:${contraction})?`,
    `${before}${upper}+${lower}*(?:${contraction})?`,
    '\\p{N}{1,3}',
    `${signs}[\\r\\n/]*`,
    breaks,
    ...spaces,
  ],
  cl100k_base: [contraction, `${before}\\p{L}+`, '\\p{N}{1,3}', `${signs}[\\r\\n]*`, breaks, ...spaces],
  r50k_base: ["'(?:[sdmt]|ll|ve|re)", ' ?\\p{L}+', ' ?\\p{N}+', signs, ...spaces],
};

/**
 * Byte-pair encoding as it is defined, without a thought for time: the text core has to give the same tokens.
 */
export function twinOf(name: keyof typeof patterns, vocabulary: Vocabulary) {
  const pattern = new RegExp(patterns[name].join('|'), 'gu');
  const { bytes, starts } = vocabulary;
  const special = new Set(vocabulary.special);
  const ids = new Map<string, number>();
  for (let id = 0; id + 1 < starts.length; id++) {
    const token = Buffer.from(bytes.subarray(starts[id], starts[id + 1])).toString('latin1');
    if (token !== '' && !special.has(id)) ids.set(token, id);
  }
  return (text: string): number[] =>
    [...text.matchAll(pattern)].flatMap(([piece]) => mergePiece(Buffer.from(piece).toString('latin1'), ids));
}

/** Merges the pair whose token has the lowest id, the leftmost of equal ones, as long as there is one. */
function mergePiece(piece: string, ids: ReadonlyMap<string, number>): number[] {
  const whole = ids.get(piece);
  if (whole !== undefined) return [whole];
  const parts = [...piece];
  for (;;) {
    const pairs = parts.slice(1).map((part, at) => ids.get(parts[at]! + part) ?? Infinity);
    const least = Math.min(...pairs);
    if (least === Infinity) return parts.map((part) => ids.get(part)!);
    const at = pairs.indexOf(least);
    parts.splice(at, 2, parts[at]! + parts[at + 1]!);
  }
}

import fc from 'fast-check';

/** Letters of many kinds: those that patterns distinguish, and those of which tokens are made. */
const letters = [
  ...'aeéñßABZzЖж中的一是了国ʰǅ漢字가나あア٣',
  ...['\u0301', '\u200d', '👩', '🧿', '\u{10fffe}', '\ufeff', '\u0085', '\u00a0', '\u3000', '\u2028'],
  ...[' ', '  ', '\n', '\r\n', '\t', '1', '42', '-', '=', '/', '.', ',', '<|endoftext|>'],
  ...["'s", "'LL", "'\u017f", ' the', 'ing', ' func', '的时候', 'namespace', '\ufeff//', '\ufeffusing'],
];

export const mixed = fc.array(fc.constantFrom(...letters), { maxLength: 300 }).map((parts) => parts.join(''));

/** Pieces without a break, of a few letters: many ties between pairs, and pairs that cross letters. */
export const run = fc
  .tuple(fc.uniqueArray(fc.constantFrom(...letters.slice(0, 30)), { minLength: 1, maxLength: 4 }), fc.nat())
  .chain(([some]) => fc.array(fc.constantFrom(...some), { minLength: 10, maxLength: 600 }))
  .map((parts) => parts.join(''));

/** Any code points, also those that no encoding knows a name for. */
export const anything = fc.string({ unit: 'binary', maxLength: 60 });

/** Blanks beyond ASCII, in UTF-8, as every version of Unicode since 6.3 has them. */
const blanks = new Set(
  Array.from(
    '\u0085\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000',
    (blank) => numberOf(Buffer.from(blank)),
  ),
);
const space = 0x20;

/**
 * Returns the place at which blanks begin that end at `to`; no place before `least` is looked at.
 * `spaces`: a space is a blank.
 */
export function beginOfBlanks(text: Uint8Array, least: number, to: number, spaces: boolean): number {
  let from = to;
  for (;;) {
    const length = lengths.find(
      (each) => least + each <= from && isBlank(text.subarray(from - each, from), spaces),
    );
    if (length === undefined) return from;
    from -= length;
  }
}

/** Returns the place behind the blanks that begin at `from`. `spaces`: a space is a blank. */
export function endOfBlanks(text: Uint8Array, from: number, spaces: boolean): number {
  let to = from;
  for (;;) {
    const length = lengths.find(
      (each) => to + each <= text.length && isBlank(text.subarray(to, to + each), spaces),
    );
    if (length === undefined) return to;
    to += length;
  }
}

/** Bytes of a blank. */
const lengths = [1, 2, 3] as const;

function isBlank(bytes: Uint8Array, spaces: boolean): boolean {
  const [byte] = bytes;
  if (bytes.length > 1) return blanks.has(numberOf(bytes));
  return byte === space ? spaces : byte! >= 0x09 && byte! <= 0x0d;
}

function numberOf(bytes: Uint8Array): number {
  return bytes.reduce((sum, byte) => 256 * sum + byte, 0);
}

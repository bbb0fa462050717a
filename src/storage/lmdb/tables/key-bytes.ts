/** A key and its number. */
export interface KeyEntry {
  readonly key: Buffer;
  readonly number: number;
}

/**
 * Compares two keys by their bytes; negative: the first is below the other. Keys are short: a call of
 * Buffer.compare would take longer than the comparison.
 */
export function compareKeys(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length);
  for (let at = 0; at < length; at++) {
    const distance = a[at]! - b[at]!;
    if (distance !== 0) return distance;
  }
  return a.length - b.length;
}

/** Returns the length of the common prefix of two keys. */
export function commonPrefix(a: Uint8Array, b: Uint8Array): number {
  return equalBytes(a, 0, a.length, b, 0);
}

/** Returns how many bytes of `a`, from `at` up to `end`, equal those of `b` from `from` on. */
export function equalBytes(a: Uint8Array, at: number, end: number, b: Uint8Array, from: number): number {
  const lengthMax = Math.min(end - at, b.length - from);
  let length = 0;
  while (length < lengthMax && a[at + length] === b[from + length]) length++;
  return length;
}

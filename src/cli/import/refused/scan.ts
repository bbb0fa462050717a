/** Parts of JSON by their bytes, as far as a line can be judged without being parsed. */
export const quote = 0x22;
export const backslash = 0x5c;
export const comma = 0x2c;
export const colon = 0x3a;
export const openList = 0x5b;
export const closeList = 0x5d;
export const openObject = 0x7b;
export const closeObject = 0x7d;

export function isBlankInJson(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

/** True for bytes of numbers and words: digits, letters, signs and points. */
export function isOfScalar(byte: number | undefined): boolean {
  if (byte === undefined) return false;
  const letter = byte | 0x20;
  return (
    (byte >= 0x30 && byte <= 0x39) ||
    (letter >= 0x61 && letter <= 0x7a) ||
    byte === 0x2b ||
    byte === 0x2d ||
    byte === 0x2e
  );
}

/** Returns the place behind the text whose first quote is at `at`; -1 if JSON has no such text. */
export function endOfText(line: Uint8Array, at: number): number {
  for (let end = at + 1; end < line.length; end++) {
    const byte = line[end]!;
    if (byte === quote) return end + 1;
    if (byte < 0x20) return -1;
    if (byte === backslash && !isEscape(line, ++end)) return -1;
  }
  return -1;
}

/** Characters that may follow a backslash alone. */
const escaped = new Set(Buffer.from('"\\/bfnrt'));

function isEscape(line: Uint8Array, at: number): boolean {
  const byte = line[at];
  if (byte !== 0x75) return byte !== undefined && escaped.has(byte);
  for (let digit = 1; digit <= 4; digit++) if (!isHex(line[at + digit])) return false;
  return true;
}

function isHex(byte: number | undefined): boolean {
  if (byte === undefined) return false;
  const letter = byte | 0x20;
  return (byte >= 0x30 && byte <= 0x39) || (letter >= 0x61 && letter <= 0x66);
}

/** Returns the place behind a run of such bytes. */
export function endOfScalar(line: Uint8Array, at: number): number {
  let end = at;
  while (isOfScalar(line[end])) end++;
  return end;
}

/** Bytes that may stand before and behind a document: blanks, and the separator of RFC 7464. */
function isBlank(byte: number): boolean {
  return byte === 0x20 || (byte >= 0x09 && byte <= 0x0d) || byte === 0x1e;
}

/**
 * False if the first or the last character of a line tells that it is no object, list or text of JSON. Lines
 * that are blank, and those that begin or end with a character beyond ASCII, are for the parser.
 */
export function mayHoldObject(line: Uint8Array): boolean {
  let from = 0;
  let to = line.length - 1;
  while (from < to && isBlank(line[from]!)) from++;
  while (from < to && isBlank(line[to]!)) to--;
  const first = line[from];
  const last = line[to];
  if (first === undefined || isBlank(first) || first >= 0x80) return true;
  if (first === 0x22) return (last === first && from < to) || last! >= 0x80;
  // The closing brace, and the closing bracket, are two behind the opening one.
  if (first !== 0x7b && first !== 0x5b) return false;
  return last === first + 2 || last! >= 0x80;
}

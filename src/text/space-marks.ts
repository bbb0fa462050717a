/** U+2581, which SentencePiece writes for a space, in UTF-8. */
const mark = Buffer.from('\u2581');
const space = 0x20;

/** Returns a text in UTF-8 with a space for each U+2581; the very same if it has none. */
export function withSpaces(text: Uint8Array): Uint8Array {
  const bytes = Buffer.from(text.buffer, text.byteOffset, text.length);
  let at = bytes.indexOf(mark);
  if (at < 0) return text;
  const spaced = new Uint8Array(text.length);
  let length = 0;
  for (let from = 0; ;) {
    const to = at < 0 ? text.length : at;
    spaced.set(text.subarray(from, to), length);
    length += to - from;
    if (at < 0) return spaced.subarray(0, length);
    spaced[length++] = space;
    from = at + mark.length;
    at = bytes.indexOf(mark, from);
  }
}

/** Returns a text with U+2581 for each space. */
export function withMarks(text: Uint8Array): Uint8Array {
  return Buffer.from(Buffer.from(text).toString().replaceAll(' ', '\u2581'));
}

/** Returns a text with one more space before it. */
export function withSpaceBefore(text: Uint8Array): Uint8Array {
  const longer = new Uint8Array(text.length + 1);
  longer[0] = space;
  longer.set(text, 1);
  return longer;
}

export function beginsWithSpace(text: Uint8Array): boolean {
  return text[0] === space;
}

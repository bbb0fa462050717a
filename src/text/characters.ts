/** Error for a piece longer than the server encodes. */
export class LongRun extends Error {
  /** `text`: index of the text with this piece. */
  constructor(readonly text: number) {
    super('a run of letters is too long');
  }
}

/** Error for a text longer than the library encodes at once. */
export class LongText extends Error {
  /** `text`: its index. */
  constructor(readonly text: number) {
    super('a text is too long');
  }
}

/**
 * Limit of the tokens that may wait for the rest of a character. If more of them have no whole character,
 * they are not UTF-8.
 */
const waitingTokensMax = 64;

/**
 * Returns how many tokens can be decoded without splitting a character: the longest prefix of tokens whose
 * bytes do not end inside a UTF-8 sequence. `ends[i]` is the end of token i's bytes.
 */
export function completeTokens(bytes: Uint8Array, ends: Uint32Array): number {
  let count = ends.length;
  while (count > 0 && endsInsideCharacter(bytes, ends[count - 1]!)) count--;
  return count === 0 && ends.length > waitingTokensMax ? ends.length : count;
}

function endsInsideCharacter(bytes: Uint8Array, end: number): boolean {
  for (let back = 1; back <= 3 && back <= end; back++) {
    const byte = bytes[end - back]!;
    if ((byte & 0xc0) === 0x80) continue; // A continuation byte: look for its lead byte.
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return length > back;
  }
  return false;
}

/** Returns how many tokens end within the first `byteCount` bytes. */
export function tokensWithin(ends: Uint32Array, byteCount: number): number {
  const count = ends.findIndex((end) => end > byteCount);
  return count === -1 ? ends.length : count;
}

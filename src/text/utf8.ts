/** Tokens that may wait for the rest of a character. More of them without one whole character are no UTF-8. */
const waitingTokensMax = 64;

/**
 * How many tokens can be decoded without cutting a character: the longest prefix of tokens whose
 * bytes do not end inside a UTF-8 sequence. `ends[i]` is where token i's bytes end.
 */
export function completeTokens(bytes: Uint8Array, ends: Uint32Array): number {
  let count = ends.length;
  while (count > 0 && endsInsideCharacter(bytes, ends[count - 1]!)) count--;
  return count === 0 && ends.length > waitingTokensMax ? ends.length : count;
}

function endsInsideCharacter(bytes: Uint8Array, end: number): boolean {
  for (let back = 1; back <= 3 && back <= end; back++) {
    const byte = bytes[end - back]!;
    if ((byte & 0xc0) === 0x80) continue; // a continuation: look for its lead
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return length > back;
  }
  return false;
}

/** How many tokens end within the first `byteCount` bytes. */
export function tokensWithin(ends: Uint32Array, byteCount: number): number {
  const count = ends.findIndex((end) => end > byteCount);
  return count === -1 ? ends.length : count;
}

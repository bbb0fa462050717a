import { limits } from '../model/index.js';

/** A piece is longer than the server encodes. */
export class LongRun extends Error {
  /** `text`: which of those given. */
  constructor(readonly text: number) {
    super('a run of letters is too long');
  }
}

/**
 * The pieces of a text, each of which is encoded by itself; nothing behind one that is longer than `lettersMax`.
 * The pattern is run on a window of the text: a look at all of a very long run could take seconds. It looks no further
 * than from a piece's first letter to the end of the run of like letters after it. So what lies twice the limit behind a
 * place changes no piece that begins there, or there is a piece beyond the limit in any case.
 */
export function* splitPieces(
  text: string,
  pattern: RegExp,
  lettersMax: number = limits.textRunLettersMax,
): Generator<string, void, void> {
  const lookLetters = 2 * lettersMax + 16; // a contraction after a word takes some letters more
  let at = 0;
  while (at < text.length) {
    const end = text.length - at <= 2 * lookLetters ? text.length : at + 2 * lookLetters;
    const window = at === 0 && end === text.length ? text : text.slice(at, end);
    // The pieces that begin behind this place may depend on what comes after the window.
    const settled = end === text.length ? window.length : window.length - lookLetters;
    let length = 0;
    for (const [piece] of window.matchAll(pattern)) {
      yield piece;
      if (piece.length > lettersMax) return;
      length += piece.length;
      if (length >= settled) break;
    }
    at += length;
  }
}

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

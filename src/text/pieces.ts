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

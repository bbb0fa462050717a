import { limits } from '../model/index.js';

/** Error for a piece longer than the server encodes. */
export class LongRun extends Error {
  /** `text`: index of the text with this piece. */
  constructor(readonly text: number) {
    super('a run of letters is too long');
  }
}

/**
 * Yields the pieces of a text in UTF-8, each of which is encoded separately; stops at a piece longer than
 * `lettersMax`. No more of the text than a window is a string at once. The pattern is run on a window of the
 * text, because a look at all of a very long piece could take seconds. It looks no further than from a
 * piece's first letter to the end of the sequence of like letters after it. So text beyond twice the limit
 * behind a place changes no piece that begins there, unless a piece exceeds the limit in any case.
 */
export function* splitPieces(
  utf8: Uint8Array,
  pattern: RegExp,
  lettersMax: number = limits.textRunLettersMax,
): Generator<string, void, void> {
  const lookLetters = 2 * lettersMax + 16; // A contraction after a word takes some more letters.
  const reader = new TextReader(utf8);
  let window = '';
  for (;;) {
    while (window.length < 2 * lookLetters && !reader.ended) window += reader.read(2 * lookLetters);
    if (window === '') return;
    // Pieces that begin behind this place may depend on the text after the window.
    const settled = reader.ended ? window.length : window.length - lookLetters;
    let length = 0;
    for (const [piece] of window.matchAll(pattern)) {
      yield piece;
      if (piece.length > lettersMax) return;
      length += piece.length;
      if (length >= settled) break;
    }
    window = window.slice(length);
  }
}

/** Decodes UTF-8 a part at a time. */
class TextReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor({ buffer, byteOffset, length }: Uint8Array) {
    this.#bytes = Buffer.from(buffer, byteOffset, length);
  }

  get ended(): boolean {
    return this.#at === this.#bytes.length;
  }

  /** Returns the next characters: about so many bytes. */
  read(byteCount: number): string {
    let end = Math.min(this.#at + byteCount, this.#bytes.length);
    while (end < this.#bytes.length && (this.#bytes[end]! & 0xc0) === 0x80) end += 1;
    const text = this.#bytes.toString('utf8', this.#at, end);
    this.#at = end;
    return text;
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

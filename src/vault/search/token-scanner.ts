import { assert, sharedBytes } from '../../model/index.js';
import type { TokenSpellings } from '../../text/index.js';
import { FOUND, type NeedleAutomaton } from './automaton.js';

/** State behind a token that has not been looked at. */
const UNSEEN = 254;

/** Tables of one search, in memory that all threads share. */
export interface ScanTables extends NeedleAutomaton, TokenSpellings {
  /**
   * State behind each token where state 0 is before it, of the tokens that were met. Threads that meet one at
   * the same time write the same.
   */
  readonly behind: Uint8Array;
}

export function scanTables({ next }: NeedleAutomaton, { bytes, starts }: TokenSpellings): ScanTables {
  const behind = sharedBytes(new Uint8Array(starts.length - 1).fill(UNSEEN));
  return { next: sharedBytes(next), bytes, starts, behind };
}

/**
 * Scans tokens of one tokenizer for a needle, without their text: most tokens have no part of the needle at
 * their end, and cost one look into a table.
 */
export class TokenScanner {
  readonly #behind: Uint8Array;
  #words: Uint32Array = new Uint32Array(0);

  constructor(private readonly tables: ScanTables) {
    this.#behind = tables.behind;
  }

  /**
   * Returns the state behind le32; FOUND if the needle is in it or ends there, and if the tokenizer does not
   * have one of the tokens: nothing is known of their text then.
   */
  scan(le32: Uint8Array, before: number): number {
    const tokens = this.#wordsOf(le32);
    const behind = this.#behind;
    let index = le32.buffer === tokens.buffer ? le32.byteOffset >> 2 : 0;
    const end = index + (le32.length >> 2);
    let state = before;
    for (; index < end && state !== FOUND; index++) {
      // Nearly all of the time goes into this line.
      if (state === 0) while (index < end && behind[tokens[index]!] === 0) index++;
      if (index < end) state = this.#behindToken(tokens[index]!, state);
    }
    return state;
  }

  /** Returns the numbers of the whole buffer, which segments share; of a copy if they are not aligned. */
  #wordsOf(le32: Uint8Array): Uint32Array {
    const { buffer, byteOffset } = le32;
    if (byteOffset % 4 !== 0 || buffer.byteLength % 4 !== 0)
      return new Uint32Array(new Uint8Array(le32).buffer);
    if (this.#words.buffer !== buffer) this.#words = new Uint32Array(buffer);
    return this.#words;
  }

  #behindToken(token: number, before: number): number {
    if (token >= this.#behind.length) return FOUND;
    if (before !== 0) return this.#step(token, before);
    const known = this.#behind[token]!;
    return known === UNSEEN ? (this.#behind[token] = this.#step(token, 0)) : known;
  }

  #step(token: number, before: number): number {
    const { next, bytes, starts } = this.tables;
    const end = starts[token + 1]!;
    let at = starts[token]!;
    if (at === end) return FOUND;
    let state = before;
    for (; at < end && state !== FOUND; at++) state = next[256 * state + bytes[at]!]!;
    assert(state !== UNSEEN, 'a needle has fewer states');
    return state;
  }
}

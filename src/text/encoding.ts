import { MergeCache } from './merge-cache.js';
import { isLargeMerge, mergePiece } from './merge.js';
import { limits } from '../model/index.js';
import { LongRun, splitPieces } from './pieces.js';
import type { Slices } from './slices.js';
import { TokenSink } from './token-sink.js';
import { latin1, type Vocabulary } from './vocabulary.js';

/** Letters of text that are encoded, and tokens that are decoded, in one slice: some milliseconds. */
const sliceLetters = 16 * 1024;
const sliceTokens = 16 * 1024;
/** A piece that is no token takes about so many times longer than one that is. */
const mergeCost = 8;

/** Tokens of several texts, one after the other, and where each text's tokens end. */
export interface EncodedTexts {
  readonly tokens: Uint32Array;
  readonly ends: Uint32Array;
}

export interface TokenBytes {
  readonly bytes: Uint8Array;
  /** Where each token's bytes end. */
  readonly ends: Uint32Array;
}

/** A tokenizer with its tables, for the thread that loaded it. */
export class Encoding {
  readonly #bytesOfToken = new Map<number, Uint8Array>();
  readonly #utf8 = new TextEncoder();
  readonly #cache = new MergeCache();
  /** True while a large piece is merged: the others wait, so that its memory is taken once. */
  #merging = false;

  constructor(
    private readonly vocabulary: Vocabulary,
    /** Cuts text into the pieces that are encoded each by itself. */
    private readonly pattern: RegExp,
    /** The text of special tokens by id. */
    private readonly specialTokens: ReadonlyMap<number, string>,
  ) {}

  /** Encodes texts; special-token text is ordinary text. @throws LongRun */
  *encode(texts: readonly string[]): Slices<EncodedTexts> {
    const sink = new TokenSink();
    const ends = new Uint32Array(texts.length);
    let letters = 0;
    for (const [index, text] of texts.entries()) {
      letters += 16; // a text costs something, however short it is
      for (const piece of splitPieces(text, this.pattern)) {
        if (piece.length > limits.textRunLettersMax) throw new LongRun(index);
        letters += piece.length;
        const token = this.vocabulary.ofText(piece);
        if (token !== undefined) sink.push(token);
        else {
          letters += piece.length * mergeCost;
          sink.pushAll(this.#cache.get(piece) ?? (yield* this.#merge(piece)));
        }
        if (letters < sliceLetters) continue;
        letters = 0;
        yield;
      }
      ends[index] = sink.length;
    }
    return { tokens: sink.tokens(), ends };
  }

  *#merge(piece: string): Slices<readonly number[]> {
    const bytes = latin1(Buffer.from(piece));
    const tokens: number[] = [];
    const large = isLargeMerge(bytes.length);
    while (large && this.#merging) yield;
    this.#merging ||= large;
    try {
      yield* mergePiece(bytes, this.vocabulary.ofBytes, tokens);
    } finally {
      if (large) this.#merging = false;
    }
    this.#cache.set(piece, tokens);
    return tokens;
  }

  /**
   * Returns the UTF-8 bytes of tokens, up to the first token that ends behind `bytesMax`. A byte order mark is kept, as
   * gpt-tokenizer's own decoding does not. Returns a token that the tokenizer does not have as `unknownToken`.
   */
  *decode(tokens: Uint32Array, bytesMax: number): Slices<TokenBytes | { unknownToken: number }> {
    let bytes = new Uint8Array(Math.min(tokens.length * 4, bytesMax) + 16);
    const ends = new Uint32Array(tokens.length);
    let length = 0;
    let count = 0;
    while (count < tokens.length && length <= bytesMax) {
      const piece = this.#tokenBytes(tokens[count]!);
      if (piece === undefined) return { unknownToken: tokens[count]! };
      if (length + piece.length > bytes.length) {
        const grown = new Uint8Array(Math.max(bytes.length * 2, length + piece.length));
        grown.set(bytes);
        bytes = grown;
      }
      bytes.set(piece, length);
      length += piece.length;
      ends[count++] = length;
      if (count % sliceTokens === 0) yield;
    }
    return { bytes: bytes.subarray(0, length), ends: ends.subarray(0, count) };
  }

  #tokenBytes(token: number): Uint8Array | undefined {
    const known = this.#bytesOfToken.get(token);
    if (known !== undefined) return known;
    const bytes = this.#lookUp(token);
    if (bytes !== undefined) this.#bytesOfToken.set(token, bytes);
    return bytes;
  }

  #lookUp(token: number): Uint8Array | undefined {
    const ordinary = this.vocabulary.ranks[token] ?? this.specialTokens.get(token);
    if (ordinary === undefined) return undefined;
    return typeof ordinary === 'string' ? this.#utf8.encode(ordinary) : Uint8Array.from(ordinary);
  }
}

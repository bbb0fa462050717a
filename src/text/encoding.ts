import { isUtf8 } from 'node:buffer';
import { limits } from '../model/index.js';
import { isLargeMerge, MergeCache, mergePiece, type TokenOfBytes } from './merge.js';
import { LongRun, splitPieces } from './pieces.js';
import type { Slices } from './slices.js';
import { TokenSink } from './token-sink.js';

/** Size of a slice, in letters to encode or tokens to decode: some milliseconds. */
const sliceLetters = 16 * 1024;
const sliceTokens = 16 * 1024;
/** Approximate cost of merging a piece, as a multiple of the cost of a piece that is a token. */
const mergeCost = 8;

/** Texts in UTF-8, one after the other, and the end of each. */
export interface TextsToEncode {
  readonly utf8: Uint8Array<ArrayBuffer>;
  readonly ends: Uint32Array;
}

/** Tokens of several texts as le32, one after the other, and the end of each text's bytes. */
export interface EncodedTexts {
  readonly le32: Uint8Array<ArrayBuffer>;
  readonly ends: Uint32Array;
}

export interface TokenBytes {
  readonly bytes: Uint8Array;
  /** End of each token's bytes. */
  readonly ends: Uint32Array;
}

/** A tokenizer with its tables, owned by the thread that loaded it. */
export class Encoding {
  readonly #bytesOfToken = new Map<number, Uint8Array>();
  readonly #utf8 = new TextEncoder();
  readonly #cache = new MergeCache();
  /** True while a large piece is merged. Others wait, so that its memory is taken once. */
  #merging = false;

  constructor(
    private readonly vocabulary: Vocabulary,
    /** Splits text into the pieces that are encoded separately. */
    private readonly pattern: RegExp,
    /** The text of special tokens by id. */
    private readonly specialTokens: ReadonlyMap<number, string>,
  ) {}

  /** Encodes texts. The text of special tokens is ordinary text. @throws LongRun */
  *encode(texts: TextsToEncode): Slices<EncodedTexts> {
    // No token is shorter than a byte.
    const sink = new TokenSink(texts.utf8.length);
    let le32: Uint8Array<ArrayBuffer> | undefined;
    try {
      const ends = yield* this.#encodeEach(texts, sink);
      le32 = sink.finish();
      return { le32, ends };
    } finally {
      // It failed, or was stopped.
      if (le32 === undefined) sink.release();
    }
  }

  *#encodeEach(texts: TextsToEncode, sink: TokenSink): Slices<Uint32Array> {
    const ends = new Uint32Array(texts.ends.length);
    let letters = 0;
    for (const [index, end] of texts.ends.entries()) {
      letters += 16; // An addition for each text, because even a short one costs something.
      const utf8 = texts.utf8.subarray(texts.ends[index - 1] ?? 0, end);
      for (const piece of splitPieces(utf8, this.pattern)) {
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
      ends[index] = 4 * sink.length;
    }
    return ends;
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
   * Returns the UTF-8 bytes of tokens, up to the first token that ends behind `bytesMax`. A byte order mark
   * is kept, as gpt-tokenizer's own decoding does not. Returns a token that the tokenizer does not have as
   * `unknownToken`.
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

/** Text of every ordinary token by id, or its bytes if they are not UTF-8; unused ids are holes. */
export type Ranks = readonly (string | readonly number[] | undefined)[];

const mark = '\u00ef\u00bb\u00bf'; // Bytes of a byte order mark.

/** Tokens of an encoding by text and by bytes. */
export class Vocabulary {
  readonly #byText = new Map<string, number>();
  /** Keyed by bytes as latin1. Built when a piece has to be merged: most pieces are tokens. */
  #byBytes: Map<string, number> | undefined;
  #bytesMax = 0;

  constructor(readonly ranks: Ranks) {
    for (const [id, token] of ranks.entries()) if (typeof token === 'string') this.#byText.set(token, id);
  }

  ofText(text: string): number | undefined {
    return this.#byText.get(text);
  }

  /**
   * Returns the token of these bytes. Ids must equal those of gpt-tokenizer, which decodes bytes that are
   * UTF-8 before it looks them up, and so drops a byte order mark at their beginning.
   */
  readonly ofBytes: TokenOfBytes = (bytes) => {
    this.#byBytes ??= this.#index();
    if (bytes.length > this.#bytesMax) return undefined;
    if (!bytes.startsWith(mark) || !isUtf8(Buffer.from(bytes, 'latin1'))) return this.#byBytes.get(bytes);
    return this.#byText.get(Buffer.from(bytes.slice(mark.length), 'latin1').toString());
  };

  #index(): Map<string, number> {
    const byBytes = new Map<string, number>();
    for (const [id, token] of this.ranks.entries()) {
      if (token === undefined) continue;
      const utf8 = typeof token === 'string' ? Buffer.from(token) : Buffer.from(token);
      if (typeof token !== 'string' && isUtf8(utf8)) continue; // Never found by gpt-tokenizer.
      const bytes = latin1(utf8);
      this.#bytesMax = Math.max(this.#bytesMax, bytes.length + mark.length);
      byBytes.set(bytes, id);
    }
    return byBytes;
  }
}

/** Returns a string with one character per byte. */
export function latin1(bytes: Buffer): string {
  return bytes.toString('latin1');
}

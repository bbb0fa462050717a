import { LongRun } from './characters.js';
import type { Slices } from './slices.js';
import type { TextCore } from './text-core.js';
import { TokenSink } from './token-sink.js';

/** Size of a slice, in bytes to encode or tokens to decode: some milliseconds. */
const sliceBytes = 64 * 1024;
/** Cost of a text, beside its bytes: even a short one costs something. */
const textCost = 64;

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

/** A tokenizer, owned by the thread that loaded it. */
export class Encoding {
  constructor(private readonly core: TextCore) {}

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
    let cost = 0;
    let at = 0;
    for (const [index, end] of texts.ends.entries()) {
      cost += textCost;
      while (at < end) {
        const encoded = this.core.encode(texts.utf8.subarray(at, end));
        if (encoded === undefined) throw new LongRun(index);
        sink.push(encoded.tokens);
        at += encoded.taken;
        cost += encoded.taken;
        if (cost < sliceBytes) continue;
        cost = 0;
        yield;
      }
      ends[index] = 4 * sink.length;
    }
    return ends;
  }

  /**
   * Returns the UTF-8 bytes of tokens, up to the first token that ends behind `bytesMax`. Returns a token
   * that the tokenizer does not have as `unknownToken`.
   */
  *decode(tokens: Uint32Array, bytesMax: number): Slices<TokenBytes | { unknownToken: number }> {
    let bytes = new Uint8Array(Math.min(tokens.length * 4, bytesMax) + 16);
    const ends = new Uint32Array(tokens.length);
    let length = 0;
    let count = 0;
    for (;;) {
      const some = this.core.decode(tokens.subarray(count));
      if (length + some.bytes.length > bytes.length) bytes = grown(bytes, length + some.bytes.length);
      bytes.set(some.bytes, length);
      for (const end of some.ends) {
        ends[count++] = length + end;
        if (length + end > bytesMax)
          return { bytes: bytes.subarray(0, length + end), ends: ends.subarray(0, count) };
      }
      length += some.bytes.length;
      if (some.isUnknown) return { unknownToken: tokens[count]! };
      if (count === tokens.length) return { bytes: bytes.subarray(0, length), ends };
      yield;
    }
  }
}

function grown(bytes: Uint8Array<ArrayBuffer>, lengthMin: number): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(Math.max(bytes.length * 2, lengthMin));
  larger.set(bytes);
  return larger;
}

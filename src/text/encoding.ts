import { AddedTokens } from './added-tokens.js';
import { LongRun } from './characters.js';
import { releaseBytes } from './mapped-bytes.js';
import type { Normalizer } from './normalize.js';
import { runThrough, type Slices } from './slices.js';
import { beginsWithSpace, withSpaceBefore, withSpaces } from './space-marks.js';
import type { TextCore } from './text-core.js';
import { TokenSink } from './token-sink.js';
import type { Vocabulary } from './vocabulary.js';

/** Size of a slice, in bytes to encode or tokens to decode: some milliseconds. */
const sliceBytes = 64 * 1024;
/** Size of a slice in a thread that does other things, too. */
const shortSliceBytes = 16 * 1024;
/** Cost of a text, beside its bytes: even a short one costs something. */
const textCost = 64;

/** Texts in UTF-8, one after the other, and the end of each. */
export interface TextsToEncode {
  readonly utf8: Uint8Array<ArrayBuffer>;
  readonly ends: Uint32Array;
  /** True: the text of special tokens becomes these tokens; else it is ordinary text. */
  readonly specials?: boolean;
}

/** Tokens that are found in a text before it is split: in its own bytes, and in normalized ones. */
interface Added {
  readonly raw: AddedTokens | undefined;
  readonly normalized: AddedTokens | undefined;
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
  readonly #added: Added;
  #withSpecials: Added | undefined;

  /** `normalizer`: what a text is normalized with before it is split, if the vocabulary says so. */
  constructor(
    private readonly core: TextCore,
    private readonly vocabulary: Vocabulary,
    private readonly normalizer: Normalizer | undefined,
  ) {
    this.#added = this.#addedTokens(false);
  }

  /** True if a text is split as another one than it is. */
  get #changesText(): boolean {
    return this.normalizer !== undefined || this.vocabulary.characters !== undefined;
  }

  /** True if a space at the beginning of decoded text is none of the text. */
  get stripsSpace(): boolean {
    return (this.vocabulary.characters?.prefix ?? 'none') !== 'none';
  }

  #addedTokens(specials: boolean): Added {
    const normalize = (text: Uint8Array) => runThrough(this.#normalize(text));
    return {
      raw: AddedTokens.of(this.vocabulary, false, normalize, specials),
      normalized: AddedTokens.of(this.vocabulary, true, normalize, specials),
    };
  }

  #addedIn(specials: boolean): Added {
    return specials ? (this.#withSpecials ??= this.#addedTokens(true)) : this.#added;
  }

  /** Encodes texts. @throws LongRun */
  encode(texts: TextsToEncode): Slices<EncodedTexts> {
    const { utf8, ends, specials = false } = texts;
    const isOne = ends.length === 1 && ends[0] === utf8.length;
    const each = isOne ? [utf8] : Array.from(ends, (end, index) => utf8.subarray(ends[index - 1] ?? 0, end));
    return this.#encode(each, specials, sliceBytes);
  }

  /** Encodes texts in short slices. @throws LongRun */
  encodeShort(texts: readonly Uint8Array[], specials: boolean): Slices<EncodedTexts> {
    return this.#encode(texts, specials, shortSliceBytes);
  }

  *#encode(texts: readonly Uint8Array[], specials: boolean, slice: number): Slices<EncodedTexts> {
    const added = this.#addedIn(specials);
    // Most tokenizers do nothing to a text before it is split.
    const isPlain = (added.raw ?? added.normalized) === undefined && !this.#changesText;
    const bytes = texts.reduce((sum, { length }) => sum + length, 0);
    // Most texts are short, and alone: nothing is gathered for them.
    if (isPlain && texts.length === 1 && bytes > 0 && bytes <= shortSliceBytes)
      return this.#encodeOne(texts[0]!);
    // No token is shorter than a byte, and normalization makes at most three of one.
    const sink = new TokenSink(bytes * (this.#changesText ? 3 : 1) + texts.length);
    let le32: Uint8Array<ArrayBuffer> | undefined;
    try {
      const ends = yield* this.#encodeEach(texts, isPlain ? undefined : added, sink, new Cost(slice));
      le32 = sink.finish();
      return { le32, ends };
    } finally {
      // It failed, or was stopped.
      if (le32 === undefined) sink.release();
    }
  }

  #encodeOne(text: Uint8Array): EncodedTexts {
    const le32 = this.core.encodeWhole(text);
    if (le32 === undefined) throw new LongRun(0);
    return { le32, ends: Uint32Array.of(le32.length) };
  }

  /** `added`: undefined if nothing is done to the texts before they are split. */
  *#encodeEach(
    texts: readonly Uint8Array[],
    added: Added | undefined,
    sink: TokenSink,
    cost: Cost,
  ): Slices<Uint32Array> {
    const ends = new Uint32Array(texts.length);
    for (let index = 0; index < texts.length; index++) {
      const text = texts[index]!;
      if (cost.add(textCost)) yield;
      if (added !== undefined) yield* this.#encodeStretches(added, text, index, sink, cost);
      else if (text.length > 0) {
        // Most texts are short, and encoded at once: no generator is made for them.
        const taken = this.#encodeBeginning(text, index, sink);
        if (taken < text.length) yield* this.#encodePlain(text.subarray(taken), index, sink, cost);
        if (cost.add(taken)) yield;
      }
      ends[index] = 4 * sink.length;
    }
    return ends;
  }

  *#encodeStretches(
    added: Added,
    text: Uint8Array,
    index: number,
    sink: TokenSink,
    cost: Cost,
  ): Slices<void> {
    let isFirst = true;
    for (const stretch of stretchesOf(added.raw, text)) {
      if (stretch.token === undefined)
        yield* this.#encodeRaw(added, stretch.text, isFirst, index, sink, cost);
      else sink.push(Uint32Array.of(stretch.token));
      isFirst = false;
      if (cost.add(textCost)) yield;
    }
  }

  /** Encodes a stretch of a text that is not normalized yet; `isFirst`: the text begins with it. */
  *#encodeRaw(
    added: Added,
    text: Uint8Array,
    isFirst: boolean,
    index: number,
    sink: TokenSink,
    cost: Cost,
  ): Slices<void> {
    let normalized = yield* this.#normalize(text);
    const prefix = this.vocabulary.characters?.prefix ?? 'none';
    if (prefix === 'each') normalized = withSpaceBefore(normalized);
    let mayLack = prefix === 'missing' || (prefix === 'first' && isFirst);
    for (const stretch of stretchesOf(added.normalized, normalized)) {
      if (stretch.token === undefined) {
        const lacks = mayLack && !beginsWithSpace(stretch.text);
        yield* this.#encodePlain(lacks ? withSpaceBefore(stretch.text) : stretch.text, index, sink, cost);
      } else sink.push(Uint32Array.of(stretch.token));
      if (prefix === 'first') mayLack = false;
      if (cost.add(textCost)) yield;
    }
  }

  *#encodePlain(text: Uint8Array, index: number, sink: TokenSink, cost: Cost): Slices<void> {
    for (let at = 0; at < text.length;) {
      const taken = this.#encodeBeginning(text.subarray(at), index, sink);
      at += taken;
      if (cost.add(taken)) yield;
    }
  }

  /** Encodes the beginning of a text that is not empty. Returns its bytes. */
  #encodeBeginning(text: Uint8Array, index: number, sink: TokenSink): number {
    const encoded = this.core.encode(text);
    if (encoded === undefined) throw new LongRun(index);
    sink.push(encoded.tokens);
    return encoded.taken;
  }

  *#normalize(text: Uint8Array): Slices<Uint8Array> {
    if (this.vocabulary.characters !== undefined) return withSpaces(text);
    return this.normalizer === undefined ? text : yield* this.normalizer.normalizeBytes(text);
  }

  /**
   * Compares tokens with those that their text encodes to. Returns how many of them it encodes to whatever
   * follows: all if the text ends here. Returns undefined if it does not, or if that is not known before
   * the end. `isWhole`: the text begins and ends here; `isEnd`: it ends here.
   */
  *exactTokens(
    utf8: Uint8Array,
    tokens: Uint32Array,
    isWhole: boolean,
    isEnd: boolean,
  ): Slices<number | undefined> {
    if (tokens.length === 0) return 0;
    // The beginning of a text is encoded otherwise than the rest.
    if (this.vocabulary.characters !== undefined && !isWhole) return undefined;
    if (isEnd) return (yield* this.#encodesTo(utf8, tokens)) ? tokens.length : undefined;
    if (this.#added.raw ?? this.#added.normalized ?? this.normalizer) return undefined;
    let count = 0;
    for (let at = 0; at < utf8.length;) {
      const encoded = this.core.encode(utf8.subarray(at), false);
      if (encoded === undefined || encoded.taken === 0) break;
      if (!isAt(tokens, count, encoded.tokens)) return undefined;
      count += encoded.tokens.length;
      at += encoded.taken;
      yield;
    }
    return count === 0 ? undefined : count;
  }

  *#encodesTo(utf8: Uint8Array, tokens: Uint32Array): Slices<boolean> {
    const texts = { utf8: utf8 as Uint8Array<ArrayBuffer>, ends: Uint32Array.of(utf8.length) };
    try {
      const { le32 } = yield* this.encode(texts);
      const same =
        le32.length === 4 * tokens.length && isAt(tokens, 0, new Uint32Array(le32.buffer, 0, tokens.length));
      releaseBytes(le32);
      return same;
    } catch (error) {
      if (error instanceof LongRun) return false;
      throw error;
    }
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

/** True if these tokens stand at a place in others. */
function isAt(tokens: Uint32Array, at: number, these: Uint32Array): boolean {
  return at + these.length <= tokens.length && these.every((token, index) => token === tokens[at + index]);
}

/** Counts the work of a slice. */
class Cost {
  #sum = 0;

  constructor(private readonly slice: number) {}

  /** Returns true if the slice is at its end. */
  add(cost: number): boolean {
    this.#sum += cost;
    if (this.#sum < this.slice) return false;
    this.#sum = 0;
    return true;
  }
}

function* stretchesOf(
  added: AddedTokens | undefined,
  text: Uint8Array,
): Generator<{ readonly text: Uint8Array; readonly token: number | undefined }, void, void> {
  if (added === undefined) {
    if (text.length > 0) yield { text, token: undefined };
    return;
  }
  for (const { from, to, token } of added.stretches(text)) yield { text: text.subarray(from, to), token };
}

import { RecentlyUsed, sampleKey } from '../core/index.js';
import { isStowkenError, StowkenError } from '../model/index.js';
import type { EncodedLe32 } from '../text/index.js';

/**
 * Limits of a text that is kept, in bytes and as a part of the memory: a shorter one is encoded about as fast
 * as it is looked up; a longer one would displace many.
 */
const textBytesMin = 64;
const textPart = 32;
/** Keys of texts that were seen once, by their lowest bits. */
const seenSlots = 8 * 1024;

interface Known {
  readonly tokenizer: string;
  readonly specials: boolean;
  readonly utf8: Uint8Array;
  readonly le32: Uint8Array;
}

/** Texts with one tokenizer. */
interface Texts {
  readonly tokenizer: string;
  readonly specials: boolean;
  readonly texts: readonly Uint8Array[];
}

/**
 * Tokens of texts that came more than once, found by all of their bytes: a system prompt, and a history that
 * arrives again with one more turn, need not be encoded again. A text is kept when it comes the second time.
 */
export class RecentTexts {
  readonly #known: RecentlyUsed<number, Known>;
  readonly #textBytesMax: number;
  #seen: Uint32Array | undefined;

  constructor(bytesMax: number) {
    this.#known = new RecentlyUsed(bytesMax, ({ utf8, le32 }) => utf8.length + le32.length);
    this.#textBytesMax = bytesMax / textPart;
  }

  /** Returns the tokens of texts; `encode` gives those that are not known. */
  async encode(
    { tokenizer, specials, texts }: Texts,
    encode: (texts: readonly Uint8Array[]) => Promise<EncodedLe32>,
  ): Promise<EncodedLe32> {
    const known = new Array<Uint8Array | undefined>(texts.length);
    const missing: number[] = [];
    /** By index: what is kept of a text once its tokens are there. It is copied before it may be moved. */
    const wanted: { index: number; key: number; utf8: Uint8Array }[] = [];
    for (const [index, utf8] of texts.entries()) {
      if (utf8.length >= textBytesMin && utf8.length <= this.#textBytesMax) {
        const key = sampleKey(utf8);
        known[index] = this.#find(key, tokenizer, specials, utf8);
        if (known[index] !== undefined) continue;
        if (this.#isSeen(key)) wanted.push({ index, key, utf8: new Uint8Array(utf8) });
      }
      missing.push(index);
    }
    if (missing.length === 0) return { le32: known as Uint8Array[], release: () => undefined };
    if (missing.length === texts.length && wanted.length === 0) return encode(texts);
    const encoded = await encode(missing.map((index) => texts[index]!)).catch((error: unknown) => {
      throw withIndex(error, missing);
    });
    for (const [at, index] of missing.entries()) known[index] = encoded.le32[at]!;
    for (const { index, key, utf8 } of wanted) {
      const le32 = new Uint8Array(known[index]!);
      if (utf8.length + le32.length <= this.#textBytesMax * 2)
        this.#known.set(key, { tokenizer, specials, utf8, le32 });
    }
    return { le32: known as Uint8Array[], release: encoded.release };
  }

  #find(key: number, tokenizer: string, specials: boolean, utf8: Uint8Array): Uint8Array | undefined {
    const known = this.#known.get(key);
    const isSame =
      known !== undefined &&
      known.tokenizer === tokenizer &&
      known.specials === specials &&
      Buffer.compare(known.utf8, utf8) === 0;
    return isSame ? known.le32 : undefined;
  }

  /** True if a text of this key came before. */
  #isSeen(key: number): boolean {
    this.#seen ??= new Uint32Array(seenSlots);
    const slot = key % seenSlots;
    if (this.#seen[slot] === key) return true;
    this.#seen[slot] = key;
    return false;
  }
}

/** Returns an error that names the index of one of the missing texts, with its index among all of them. */
function withIndex(error: unknown, missing: readonly number[]): unknown {
  if (!isStowkenError(error, 'REQUEST_TOO_LARGE') || error.metadata.text === undefined) return error;
  const text = String(missing[Number(error.metadata.text)]);
  return new StowkenError('REQUEST_TOO_LARGE', error.message, { ...error.metadata, text }, { cause: error });
}

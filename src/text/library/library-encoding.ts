import { limits } from '../../model/index.js';
import { LongText } from '../characters.js';
import { type DecodeOutcome, decodeItems, type ItemsToDecode, type TokenDecoder } from '../decode-items.js';
import type { EncodedTexts, TextsToEncode, TokenBytes } from '../encoding.js';
import type { Slices } from '../slices.js';
import { type LibraryVocabulary, readLibraryFile } from './library-file.js';
import { withOrdinarySpecials } from './ordinary-specials.js';
import { type LibraryTokenizer, libraryWanted, loadLibrary, NoLibrary } from './peer.js';

/** Tokens that are decoded in one slice. */
const decodedTokens = 16 * 1024;
/** Limit of those in memory; each has the tables of one or two tokenizers. */
const loadedMax = 4;
/** Last texts under way of this thread, of all tokenizers; see LibraryEncoding. */
const lastOf = { short: Promise.resolve(), long: Promise.resolve() };
/** By hash, in the order of their use. */
const loaded = new Map<string, LibraryEncoding>();

/** Returns the tokenizer of a file; its tables stay in memory, unless others are used after it. */
export function libraryEncoding({ sha256, file }: { sha256: string; file: Uint8Array }): LibraryEncoding {
  // A copy: the reader hashes it, and another thread must not be able to change it meanwhile.
  const known = loaded.get(sha256) ?? new LibraryEncoding(readLibraryFile(Buffer.from(file), sha256));
  loaded.delete(sha256);
  loaded.set(sha256, known);
  if (loaded.size > loadedMax) loaded.delete(loaded.keys().next().value!);
  return known;
}

/** Work that the caller may no longer want. */
export interface LibraryTask {
  readonly isShort: boolean;
  readonly isWanted: () => boolean;
  /** Does work a slice at a time. Resolves to undefined if it is no longer wanted. */
  readonly run: <T>(work: Slices<T>) => Promise<T | undefined>;
}

/**
 * A tokenizer of the library, which encodes in threads that the whole process has for files as well. So two
 * texts are encoded at once at most, one of them short: a short text waits for no long one, and files for
 * neither.
 */
export class LibraryEncoding implements TokenDecoder {
  readonly stripsSpace: boolean;
  #ordinary: LibraryTokenizer | undefined;
  #withSpecials: LibraryTokenizer | undefined;

  /** `library`: loads the package. */
  constructor(
    private readonly vocabulary: LibraryVocabulary,
    private readonly library: typeof loadLibrary = loadLibrary,
  ) {
    this.stripsSpace = vocabulary.stripsSpace;
  }

  /** Resolves to undefined if it is no longer wanted. Rejects with LongText, or NoLibrary. */
  async encode(
    { utf8, ends, specials = false }: TextsToEncode,
    task: LibraryTask,
  ): Promise<EncodedTexts | undefined> {
    const found: Uint32Array[] = [];
    let count = 0;
    for (const [index, end] of ends.entries()) {
      const bytes = utf8.subarray(ends[index - 1] ?? 0, end);
      if (bytes.length > limits.libraryTextBytesMax) throw new LongText(index);
      const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8');
      const ids = await this.#encodeText(text, specials, task);
      if (ids === undefined) return undefined;
      found.push(ids);
      count += ids.length;
    }
    const tokens = new Uint32Array(count);
    const tokenEnds = new Uint32Array(found.length);
    let at = 0;
    for (const [index, ids] of found.entries()) {
      tokens.set(ids, at);
      at += ids.length;
      tokenEnds[index] = 4 * at;
    }
    return { le32: new Uint8Array(tokens.buffer), ends: tokenEnds };
  }

  /**
   * Decodes items. A text is exact if it is whole, and encodes to the very tokens; of a part of a text that
   * is not known. Resolves to undefined if it is no longer wanted.
   */
  async decodeItems(given: ItemsToDecode, task: LibraryTask): Promise<DecodeOutcome | undefined> {
    const decoded = await task.run(decodeItems(this, given));
    if (decoded === undefined || 'unknownToken' in decoded || !given.exact) return decoded;
    const checked = [];
    for (const [index, each] of decoded.entries()) {
      if (!task.isWanted()) return undefined;
      const item = given.items[index]!;
      const isWhole = (item.first ?? true) && item.last && !each.more && !each.replaced;
      const exact =
        item.le32.length === 0 || (isWhole && (await this.#encodesTo(each.text, item.le32, task)));
      checked.push({ ...each, exact });
    }
    return checked;
  }

  async #encodesTo(text: string, le32: Uint8Array, task: LibraryTask): Promise<boolean> {
    if (Buffer.byteLength(text) > limits.libraryTextBytesMax) return false;
    try {
      const ids = await this.#encodeText(text, false, task);
      return ids !== undefined && Buffer.from(ids.buffer).equals(le32);
    } catch (error) {
      // Nobody knows: ids are written then.
      if (error instanceof NoLibrary) return false;
      throw error;
    }
  }

  async #encodeText(text: string, specials: boolean, task: LibraryTask): Promise<Uint32Array | undefined> {
    const lane = task.isShort ? 'short' : 'long';
    const encoded = lastOf[lane].then(async () => {
      if (!task.isWanted()) return undefined;
      const encoding = await this.#tokenizer(specials).encode(text, null, { addSpecialTokens: false });
      return Uint32Array.from(encoding.getIds());
    });
    lastOf[lane] = encoded.then(
      () => undefined,
      () => undefined,
    );
    return encoded;
  }

  #tokenizer(specials: boolean): LibraryTokenizer {
    const { json } = this.vocabulary;
    if (specials) return (this.#withSpecials ??= this.#load(json));
    return (this.#ordinary ??= this.#load(withOrdinarySpecials(json)));
  }

  #load(json: string): LibraryTokenizer {
    const library = this.library();
    if (library === undefined) throw new NoLibrary(`text of this tokenizer is encoded with ${libraryWanted}`);
    return library.Tokenizer.fromString(json);
  }

  /** Returns nothing: it is found out once texts are decoded, because the library encodes elsewhere. */
  *exactTokens(): Slices<undefined> {
    return undefined;
  }

  /** See Encoding.decode(). */
  *decode(tokens: Uint32Array, bytesMax: number): Slices<TokenBytes | { unknownToken: number }> {
    const { bytes, starts } = this.vocabulary;
    const parts: Uint8Array[] = [];
    const ends = new Uint32Array(tokens.length);
    let length = 0;
    for (const [index, token] of tokens.entries()) {
      if (token + 1 >= starts.length || this.#lacks(token)) return { unknownToken: token };
      const part = bytes.subarray(starts[token], starts[token + 1]);
      parts.push(part);
      length += part.length;
      ends[index] = length;
      if (length > bytesMax) return { bytes: Buffer.concat(parts), ends: ends.subarray(0, index + 1) };
      if (index % decodedTokens === decodedTokens - 1) yield;
    }
    return { bytes: Buffer.concat(parts), ends };
  }

  #lacks(token: number): boolean {
    const { starts } = this.vocabulary;
    return starts[token] === starts[token + 1];
  }
}

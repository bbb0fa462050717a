import { sharedBytes, type TokenizerName } from '../model/index.js';
import { isLibraryFile, readLibraryFile } from './library/library-file.js';
import { keyOf, loadBuilt, type VocabularyFile } from './load-encoding.js';
import { readVocabulary } from './vocabulary.js';

/**
 * Bytes of each token of a tokenizer: text is those of its tokens, one after the other. In memory that all
 * threads share.
 */
export interface TokenSpellings {
  /** Bytes of each token by id, one after the other. An id without a token has none. */
  readonly bytes: Uint8Array;
  /** Beginning of each token's bytes, and the end of the last one's. */
  readonly starts: Uint32Array;
}

/** Reads the bytes of tokens, and none of the tables that text is encoded with. */
export async function readSpellings(tokenizer: TokenizerName | VocabularyFile): Promise<TokenSpellings> {
  const { bytes, starts } = await readTokens(tokenizer);
  const copy = sharedBytes(new Uint8Array(starts.buffer, starts.byteOffset, starts.byteLength));
  return { bytes: sharedBytes(bytes), starts: new Uint32Array(copy.buffer) };
}

async function readTokens(tokenizer: TokenizerName | VocabularyFile): Promise<TokenSpellings> {
  if (typeof tokenizer === 'string') return loadBuilt(tokenizer);
  const { file, sha256 } = tokenizer;
  // A copy: the reader hashes it, and another thread must not be able to change it meanwhile.
  if (isLibraryFile(file)) return readLibraryFile(Buffer.from(file), sha256);
  return readVocabulary(Buffer.from(file), `tokenizer ${sha256}`);
}

/** Limit of the tokenizers in memory; each has 1 to 3 MB. */
const spellingsMax = 4;

/** Spellings of the tokenizers that were used last. */
export class RecentSpellings {
  /** By name or hash, in the order of their use. */
  readonly #read = new Map<string, Promise<TokenSpellings>>();

  /** Returns the known ones, or the result of `read`, which is kept unless it fails. */
  of(
    tokenizer: TokenizerName | VocabularyFile,
    read: () => Promise<TokenSpellings>,
  ): Promise<TokenSpellings> {
    const key = keyOf(tokenizer);
    const spellings = this.#read.get(key) ?? read();
    this.#read.delete(key);
    this.#read.set(key, spellings);
    spellings.catch(() => this.#read.delete(key));
    if (this.#read.size > spellingsMax) this.#read.delete(this.#read.keys().next().value!);
    return spellings;
  }
}

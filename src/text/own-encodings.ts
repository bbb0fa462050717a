import type { TokenizerName } from '../model/index.js';
import type { Encoding } from './encoding.js';
import { dropEncoding, keyOf, loadEncoding, type VocabularyFile } from './load-encoding.js';

/** Texts that a tokenizer has converted in other threads before it is loaded here too. */
const usesBefore = 16;
interface Use {
  readonly tokenizer: TokenizerName | VocabularyFile;
  uses: number;
  encoding: Encoding | undefined;
}

/**
 * Tokenizers of the thread that serves, for texts so short that to send them to another thread takes longer
 * than to convert them. One is loaded when it is used again and again, in slices, beside other work.
 */
export class OwnEncodings {
  /** By name or hash, in the order of their use. */
  readonly #used = new Map<string, Use>();

  /** `loadedMax`: limit of the tokenizers that are loaded here; each has 7 to 30 MB. */
  constructor(private readonly loadedMax: number) {}

  /** Returns the tokenizer if it is loaded here; undefined: other threads have it. */
  use(tokenizer: TokenizerName | VocabularyFile): Encoding | undefined {
    const key = keyOf(tokenizer);
    const known = this.#used.get(key) ?? { tokenizer, uses: 0, encoding: undefined };
    this.#used.delete(key);
    this.#used.set(key, known);
    known.uses += 1;
    if (known.uses === usesBefore) this.#load(tokenizer, known);
    const [oldest] = this.#used;
    if (oldest && this.#used.size > this.loadedMax) {
      this.#used.delete(oldest[0]);
      dropEncoding(oldest[1].tokenizer);
    }
    return known.encoding;
  }

  #load(tokenizer: TokenizerName | VocabularyFile, known: Use): void {
    loadEncoding(tokenizer).then(
      (encoding) => (known.encoding = encoding),
      // The call that uses it in another thread reports why.
      () => (known.uses = 0),
    );
  }
}

/** Patterns by which a text is split, as a person names one for a file that has none. */
export const tokenizerPatterns = ['o200k', 'cl100k', 'qwen', 'r50k', 'deepseek', 'tekken'] as const;

/** Tokenizer that a server is started with. */
export interface TokenizerSource {
  /** Name that conversations name it by. */
  readonly name: string;
  /** A tokenizer.json, a folder that has one, or a tiktoken rank file. */
  readonly path: string;
  /** Given for a rank file that is not OpenAI's. */
  readonly pattern: (typeof tokenizerPatterns)[number] | undefined;
}

/** Description of a tokenizer of a server. */
export interface TokenizerInfo {
  readonly name: string;
  readonly kind: string;
  /** Number of its tokens, with special and added ones. */
  readonly tokens: number;
  /** SHA-256 of its vocabulary, in hex. */
  readonly sha256: string;
  /**
   * Texts of its added tokens beside which blanks of a text are left out, or put in. An empty one: any text
   * may come back otherwise.
   */
  readonly changesBeside: readonly string[];
}

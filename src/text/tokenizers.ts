/**
 * Text to tokens and back, in worker threads: encoding a long text never holds up the event loop.
 * Only tokenizers that `resolve` knows are accepted; the vault asks it before it asks for anything else.
 */
export interface Tokenizers {
  /** The encoding behind a tokenizer's or a model's name ("o200k_base", "gpt-4o"), or undefined. */
  resolve(name: string): string | undefined;

  /** The encodings that can be named. */
  readonly known: readonly string[];

  /** Encodes each text, special-token text as ordinary text; little-endian words, each buffer the caller's. */
  encode(encoding: string, texts: readonly string[], signal: AbortSignal): Promise<Uint8Array[]>;

  /**
   * Decodes tokens (little-endian words) as far as they end in whole characters, or all of them when `last`.
   * Resolves to the text and the number of tokens it took.
   */
  decode(
    encoding: string,
    words: Uint8Array,
    last: boolean,
    signal: AbortSignal,
  ): Promise<{ text: string; tokenCount: number }>;

  close(): Promise<void>;
}

import { DEFAULT_ENCODING, encodingNames, modelToEncodingMap } from 'gpt-tokenizer/mapping';
import * as models from 'gpt-tokenizer/models';

/** Tokens to decode, as little-endian words. */
export interface TokensToDecode {
  readonly le32: Uint8Array;
  /** Whether the text ends here. If not, only tokens that end in a whole character are decoded. */
  readonly last: boolean;
}

export interface DecodedText {
  readonly text: string;
  /** Tokens decoded: all, but for the first ones of a cut character and when `more` is set. */
  readonly tokenCount: number;
  /** Whether the text reached limits.chunkBytesMax, so that the tokens after it are still to be decoded. */
  readonly more: boolean;
  /** Whether bytes that are no UTF-8 became U+FFFD: the text does not encode to these tokens. */
  readonly replaced: boolean;
}

/**
 * Text to tokens and back, in worker threads: encoding a long text never holds up the event loop.
 * A name that `resolve` does not know rejects with UNKNOWN_TOKENIZER, which lists the known ones.
 */
export interface Tokenizers {
  /** The encoding behind a tokenizer's or a model's name ("o200k_base", "gpt-4o"), or undefined. */
  resolve(name: string): string | undefined;

  /** The encodings that can be named. */
  readonly known: readonly string[];

  /**
   * Encodes each text, special-token text as ordinary text; little-endian words, which are the caller's. Rejects with
   * REQUEST_TOO_LARGE for a run of more than limits.textRunLettersMax letters; metadata: text (which of them), limit.
   */
  encode(tokenizer: string, texts: readonly string[], signal: AbortSignal): Promise<Uint8Array[]>;

  /**
   * Decodes each item on its own, and none behind one with `more`. Bytes that are no UTF-8 become U+FFFD, and `replaced` says so.
   * Rejects with UNDECODABLE_TOKEN for a token that the tokenizer does not have.
   */
  decode(
    tokenizer: string,
    items: readonly TokensToDecode[],
    signal: AbortSignal,
  ): Promise<readonly DecodedText[]>;

  close(): Promise<void>;
}

export type EncodingName = (typeof encodingNames)[number];

export const knownEncodings: readonly EncodingName[] = encodingNames;

/** Every model that the library lists has its default encoding, unless its map says otherwise. */
const encodings: ReadonlyMap<string, EncodingName> = new Map<string, EncodingName>([
  ...Object.keys(models).map((name) => [name, DEFAULT_ENCODING] as const),
  ...Object.entries<EncodingName>(modelToEncodingMap),
  ...encodingNames.map((name) => [name, name] as const),
]);

/** The encoding behind an encoding's or a model's name. */
export function resolveEncodingName(name: string): EncodingName | undefined {
  return encodings.get(name);
}

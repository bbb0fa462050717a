import type { TokenizerInfo } from '../model/index.js';
import type { GivenTokenizer } from './files/read-tokenizer.js';
import type { ChatTemplate } from './chat/chat-template.js';
import type { Rendered, TemplateInput } from './chat/render-template.js';
import type {
  ComparedShingles,
  JoinedSegments,
  ShinglesToCompare,
  ShingleTarget,
} from './compare-shingles.js';
import type { VocabularyFile } from './load-encoding.js';
import type { TokenSpellings } from './spellings.js';

/** Tokens to decode, as le32. */
export interface TokensToDecode {
  readonly le32: Uint8Array;
  /**
   * False if the text began before these tokens: some tokenizers put a space before a text, which is none of
   * it. Default: true.
   */
  readonly first?: boolean;
  /** True if the text ends here. If not, only tokens that end in a whole character are decoded. */
  readonly last: boolean;
}

export interface DecodedText {
  readonly text: string;
  /**
   * Number of decoded tokens: all, except the first ones of a split character and except if `more` is set.
   */
  readonly tokenCount: number;
  /** True if the text reached limits.chunkBytesMax, so that the tokens after it are still to be decoded. */
  readonly more: boolean;
  /** True if bytes that are not UTF-8 became U+FFFD: the text does not encode to these tokens. */
  readonly replaced: boolean;
  /**
   * False if it was asked for exact text, and the text does not encode to these tokens. Texts of one message
   * that are all exact are so together.
   */
  readonly exact: boolean;
  /** End of each token in the text's UTF-8; absent unless asked for, or if bytes were replaced. */
  readonly ends?: Uint32Array | undefined;
}

export interface EncodeOptions {
  /** True: the text of special tokens becomes these tokens; else it is ordinary text. */
  readonly specials: boolean;
}

export interface DecodeOptions {
  /** True if it is to be found out whether text encodes to the very tokens. No token is unknown then. */
  readonly exact: boolean;
  /** True: the end of each token is given. */
  readonly ends?: boolean;
}

export interface EncodedLe32 {
  /** Tokens of each text. */
  readonly le32: readonly Uint8Array[];
  /** Returns the memory at once; `le32` has no bytes from then on. If not called, a collection returns it. */
  readonly release: () => void;
}

/**
 * Converts text to tokens and back, in worker threads: encoding a long text never holds up the event loop. A
 * name that `resolve` does not know rejects with UNKNOWN_TOKENIZER, which lists the known ones.
 */
export interface Tokenizers {
  /**
   * Returns the encoding for a tokenizer's or a model's name ("o200k_base", "gpt-4o"), or undefined. A
   * tokenizer of a file has its own name only.
   */
  resolve(name: string): string | undefined;

  /** Resolves to true if text can be decoded with this tokenizer. */
  has(name: string): Promise<boolean>;

  /**
   * Returns the encoding of a model ("gpt-4o-2024-08-06", "azure/gpt-35-turbo"), or undefined if it is not
   * known.
   */
  ofModel(model: string): string | undefined;

  /** Names of the encodings. */
  readonly known: readonly string[];

  /**
   * Encodes each text, given in UTF-8, to le32; see EncodeOptions. A single long
   * text in the memory of MappedBytes is moved to a thread: it has no bytes from then on.
   * Rejects with REQUEST_TOO_LARGE for a run of more than limits.textRunBytesMax; metadata: text (its index),
   * limit.
   */
  encode(
    tokenizer: string,
    texts: readonly Uint8Array[],
    signal: AbortSignal,
    options?: EncodeOptions,
  ): Promise<EncodedLe32>;

  /**
   * Decodes each item separately, and none behind one with `more`. Bytes that are not UTF-8 become U+FFFD,
   * and `replaced` is set. Rejects with UNDECODABLE_TOKEN for a token that the tokenizer does not have.
   */
  decode(
    tokenizer: string,
    items: readonly TokensToDecode[],
    signal: AbortSignal,
    options?: DecodeOptions,
  ): Promise<readonly DecodedText[]>;

  /** Returns the bytes of each token. */
  spellings(tokenizer: string): Promise<TokenSpellings>;

  /** Returns content, in shared memory, as what others are compared with. */
  shingleTarget(segments: JoinedSegments): ShingleTarget;

  /** Counts shingles, in the threads. Rejects with CANCELLED. */
  compare(shingles: ShinglesToCompare, signal: AbortSignal): Promise<ComparedShingles>;

  /** Returns what a tokenizer says of chats: as the vault keeps it, or as the server was given it. */
  chatTemplate(tokenizer: string): Promise<ChatTemplate | undefined>;

  /** Renders with a chat template. Rejects with RENDER_FAILED. */
  render(input: TemplateInput, signal: AbortSignal): Promise<Rendered>;

  close(): Promise<void>;
}

/** Tokenizers of a process: those that come with the program, and those of files that it was given. */
export interface TokenizerPool extends Tokenizers {
  /** Returns a tokenizer that a file was given of. */
  given(name: string): GivenTokenizer | undefined;

  /** Describes all of them. */
  describe(): Promise<readonly TokenizerInfo[]>;

  /** As of Tokenizers; also with a vocabulary that has no name here. */
  encode(
    tokenizer: string | VocabularyFile,
    texts: readonly Uint8Array[],
    signal: AbortSignal,
    options?: EncodeOptions,
  ): Promise<EncodedLe32>;

  decode(
    tokenizer: string | VocabularyFile,
    items: readonly TokensToDecode[],
    signal: AbortSignal,
    options?: DecodeOptions,
  ): Promise<readonly DecodedText[]>;

  spellings(tokenizer: string | VocabularyFile): Promise<TokenSpellings>;
}

import type { AttachmentInfo, Speaker, StowkenError } from '../model/index.js';

/** A message's content as it arrived. Its buffers are read once, during the call, and never changed. */
export type MessageContent =
  /** No content: an empty message. */
  | { readonly kind: 'none' }
  /**
   * The chunks of a `repeated uint32` field in order, each LEB128 varints: not yet validated, perhaps
   * over-long.
   */
  | { readonly kind: 'varints'; readonly chunks: readonly Uint8Array[] }
  /** Tokens as 4-byte little-endian words; not yet validated. */
  | { readonly kind: 'le32'; readonly bytes: Uint8Array }
  /** Text in UTF-8. It does not become a string here: strings fill the heap, which is smaller than memory. */
  | {
      readonly kind: 'text';
      readonly utf8: Uint8Array;
      /** True: the text of special tokens becomes these tokens; absent: it is ordinary text. */
      readonly specials?: true;
    };

export interface NewMessage extends Speaker {
  readonly content: MessageContent;
  /** JSON in UTF-8; absent without fields. */
  readonly fields?: Uint8Array;
  /** Bytes of each attachment; absent without any. */
  readonly attachments?: readonly Uint8Array[];
}

export type TokenEncoding = 'tokens' | 'le32' | 'text';

/** Content of a chunk; bytes belong to the receiver. */
export type ChunkContent =
  | { readonly kind: 'varints'; readonly bytes: Uint8Array }
  | { readonly kind: 'le32'; readonly bytes: Uint8Array }
  /** `replaced`: bytes that are not UTF-8 became U+FFFD. */
  | {
      readonly kind: 'text';
      readonly text: string;
      readonly replaced: boolean;
      readonly tokens?: TextTokens | undefined;
    };

/** Tokens of a text. */
export interface TextTokens {
  readonly le32: Uint8Array;
  /** End of each token in the text's UTF-8; undefined if bytes were replaced. */
  readonly ends: Uint32Array | undefined;
}

export interface MessageDescription extends Speaker {
  readonly tokenCount: number;
  /** JSON; only where it is asked for and there are some. */
  readonly fieldsJson?: string;
  /** Only with fields, where there are some. */
  readonly attachments?: readonly AttachmentInfo[];
}

/** An item of a batch that failed; the others did not. */
export interface FailedItem {
  readonly kind: 'failed';
  readonly error: StowkenError;
}

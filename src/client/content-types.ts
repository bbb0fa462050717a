/**
 * A message to store, with at most one of text, tokens and tokensLe32. With none of them, the message is
 * empty.
 */
export interface NewMessage {
  readonly role: string;
  readonly name?: string | undefined;
  readonly toolCallId?: string | undefined;
  /** Fields: JSON that comes back as it is, and is no content. */
  readonly fieldsJson?: string | undefined;
  /** Bytes that are no text, such as images: they are no content, and stored once. */
  readonly attachments?: readonly Uint8Array[] | undefined;
  /** Encoded by the server with the conversation's tokenizer. */
  readonly text?: string;
  /** True: text of special tokens in `text` becomes these tokens; else it is ordinary text. */
  readonly specialTokens?: boolean;
  readonly tokens?: Uint32Array | readonly number[];
  /** Tokens as le32 (4-byte little-endian). */
  readonly tokensLe32?: Uint8Array;
}

import type { TokenForm } from '../../codec/index.js';
import type { TokenCore } from '../../core/index.js';
import { limits } from '../../model/index.js';
import type { MessageDescription } from '../content.js';

/** Tokens of one message in one form, split at token borders. */
export interface TokenChunk {
  readonly messageIndex: number;
  /** Present on the first chunk of a message. */
  readonly message: MessageDescription | undefined;
  /** Offset in the message, in tokens. */
  readonly tokenOffset: number;
  readonly bytes: Uint8Array;
  readonly tokenCount: number;
  /**
   * `last` is true if no other chunk of the message follows; `endOfMessage` is true if that is because the
   * message ends here.
   */
  readonly last: boolean;
  readonly endOfMessage: boolean;
}

/**
 * Joins consecutive pieces of a message into chunks of chunkBytesMin to chunkBytesMax bytes; only the last
 * one may be smaller. A piece that is a chunk by itself is passed on without a copy.
 */
export class ResponseChunker {
  private pieces: Uint8Array[] = [];
  private pendingBytes = 0;
  private pendingTokens = 0;
  /** Offset of the pending pieces in their message. */
  private tokenOffset = 0;
  private message: MessageDescription | undefined;

  constructor(
    private readonly form: TokenForm,
    private readonly core: TokenCore,
  ) {}

  push(piece: TokenChunk): Iterable<TokenChunk> {
    // Most messages arrive in one piece, which is their chunk.
    const isChunk = piece.last && this.pieces.length === 0 && piece.bytes.length <= limits.chunkBytesMax;
    return isChunk ? [piece] : this.join(piece);
  }

  private *join(piece: TokenChunk): Generator<TokenChunk, void, void> {
    const { messageIndex, last, endOfMessage } = piece;
    let { bytes, tokenCount } = piece;
    if (this.pieces.length === 0) this.tokenOffset = piece.tokenOffset;
    this.message ??= piece.message;
    while (this.pendingBytes + bytes.length > limits.chunkBytesMax) {
      const end = this.borderBefore(bytes, limits.chunkBytesMax - this.pendingBytes);
      const head = bytes.subarray(0, end);
      const headTokens = this.countTokens(head);
      this.hold(head, headTokens);
      yield this.flush(messageIndex, false, false);
      bytes = bytes.subarray(end);
      tokenCount -= headTokens;
    }
    this.hold(bytes, tokenCount);
    if (last || this.pendingBytes >= limits.chunkBytesMin) yield this.flush(messageIndex, last, endOfMessage);
  }

  private hold(bytes: Uint8Array, tokenCount: number): void {
    this.pieces.push(bytes);
    this.pendingBytes += bytes.length;
    this.pendingTokens += tokenCount;
  }

  private flush(messageIndex: number, last: boolean, endOfMessage: boolean): TokenChunk {
    const bytes = this.pieces.length === 1 ? this.pieces[0]! : Buffer.concat(this.pieces, this.pendingBytes);
    const { message, tokenOffset, pendingTokens: tokenCount } = this;
    this.message = undefined;
    this.pieces = [];
    this.pendingBytes = 0;
    this.pendingTokens = 0;
    this.tokenOffset = tokenOffset + tokenCount;
    return { messageIndex, message, tokenOffset, bytes, tokenCount, last, endOfMessage };
  }

  /** Returns the last token border at or before `limit`. */
  private borderBefore(bytes: Uint8Array, limit: number): number {
    if (this.form === 'le32') return limit & ~3;
    let border = limit;
    while (border > 0 && bytes[border - 1]! >= 0x80) border--;
    return border;
  }

  private countTokens(bytes: Uint8Array): number {
    return this.form === 'le32' ? bytes.length >> 2 : this.core.countTokens(bytes);
  }
}

import type { TokenCore } from '../core/index.js';
import { limits } from '../model/index.js';

/** Tokens of one message in one form, cut at token borders. */
export interface TokenChunk {
  readonly messageIndex: number;
  /** Within the message, in tokens. */
  readonly tokenOffset: number;
  readonly bytes: Uint8Array;
  readonly tokenCount: number;
  readonly endOfMessage: boolean;
}

export type TokenForm = 'varints' | 'words';

/**
 * Joins the segments of a message into chunks of chunkBytesMin to chunkBytesMax bytes, the last one of
 * a message excepted. A message within one segment is passed on without a copy.
 */
export class Chunker {
  private pieces: Uint8Array[] = [];
  private pendingBytes = 0;
  private pendingTokens = 0;
  private tokenOffset = 0;

  constructor(
    private readonly form: TokenForm,
    private readonly core: TokenCore,
  ) {}

  *push(
    messageIndex: number,
    bytes: Uint8Array,
    tokenCount: number,
    endOfMessage: boolean,
  ): Generator<TokenChunk> {
    while (this.pendingBytes + bytes.length > limits.chunkBytesMax) {
      const end = this.borderBefore(bytes, limits.chunkBytesMax - this.pendingBytes);
      const piece = bytes.subarray(0, end);
      const pieceTokens = this.countTokens(piece);
      this.hold(piece, pieceTokens);
      yield this.flush(messageIndex, false);
      bytes = bytes.subarray(end);
      tokenCount -= pieceTokens;
    }
    this.hold(bytes, tokenCount);
    if (endOfMessage || this.pendingBytes >= limits.chunkBytesMin)
      yield this.flush(messageIndex, endOfMessage);
  }

  private hold(bytes: Uint8Array, tokenCount: number): void {
    this.pieces.push(bytes);
    this.pendingBytes += bytes.length;
    this.pendingTokens += tokenCount;
  }

  private flush(messageIndex: number, endOfMessage: boolean): TokenChunk {
    const bytes = this.pieces.length === 1 ? this.pieces[0]! : Buffer.concat(this.pieces, this.pendingBytes);
    const { tokenOffset, pendingTokens: tokenCount } = this;
    this.pieces = [];
    this.pendingBytes = 0;
    this.pendingTokens = 0;
    this.tokenOffset = endOfMessage ? 0 : tokenOffset + tokenCount;
    return { messageIndex, tokenOffset, bytes, tokenCount, endOfMessage };
  }

  /** The last token border at or before `limit`. */
  private borderBefore(bytes: Uint8Array, limit: number): number {
    if (this.form === 'words') return limit & ~3;
    let border = limit;
    while (border > 0 && bytes[border - 1]! >= 0x80) border--;
    return border;
  }

  private countTokens(bytes: Uint8Array): number {
    return this.form === 'words' ? bytes.length >> 2 : this.core.countTokens(bytes);
  }
}

import { limits } from '../model/index.js';
import type { MessageContent } from './content.js';

/** Limit of a varint's length in bytes; a longer one is refused. */
const varintBytesMax = 10;

/**
 * Splits a message's content into pieces of limits.turnTokensMax tokens or fewer, so that other calls have a
 * turn between them.
 */
export function piecesOf(content: MessageContent): Iterable<MessageContent> {
  if (content.kind === 'le32' && content.bytes.length > 4 * limits.turnTokensMax) {
    // A length that is not a multiple of 4 is refused as a whole.
    return content.bytes.length % 4 === 0 ? wordPieces(content.bytes) : [content];
  }
  if (content.kind === 'varints' && content.chunks.some(({ length }) => length > limits.turnTokensMax)) {
    return varintPieces(content.chunks);
  }
  return [content];
}

function* wordPieces(bytes: Uint8Array): Generator<MessageContent, void, void> {
  const pieceBytes = 4 * limits.turnTokensMax;
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    yield { kind: 'le32', bytes: bytes.subarray(at, at + pieceBytes) };
  }
}

function* varintPieces(chunks: readonly Uint8Array[]): Generator<MessageContent, void, void> {
  for (const chunk of chunks) {
    for (let at = 0; at < chunk.length;) {
      const end = borderBefore(chunk, at + limits.turnTokensMax);
      yield { kind: 'varints', chunks: [chunk.subarray(at, end)] };
      at = end;
    }
  }
}

/**
 * Returns the last token border at or before `limit`; the end if there is none near, as in bytes that are not
 * varints.
 */
function borderBefore(bytes: Uint8Array, limit: number): number {
  if (limit >= bytes.length) return bytes.length;
  for (let border = limit; border > limit - varintBytesMax; border--)
    if (bytes[border - 1]! < 0x80) return border;
  return bytes.length;
}

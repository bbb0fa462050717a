import { INLINE_VALUE_BYTES, PAGE_BYTES, TAIL_BYTES_MAX, overflowBytes } from '../tables/layout.js';

/** How a frame's bytes are spread: first overflow pages, then half a leaf page, then the pack. */
export interface FramePieces {
  /** In `heads`; 0: none. */
  readonly headBytes: number;
  /** In `halves`; 0: none. */
  readonly halfBytes: number;
  /** In `packs`, in one pack or two. */
  readonly tailBytes: number;
}

/**
 * Follows from the length alone, so nothing has to be stored about it. Pieces fill pages and halves of
 * pages, but for lengths just under them, which waste less than a hundred bytes.
 */
export function framePieces(frameBytes: number): FramePieces {
  const pages = Math.floor((frameBytes + PAGE_BYTES - overflowBytes(1)) / PAGE_BYTES);
  const headBytes = pages > 0 ? overflowBytes(pages) : 0;
  const rest = frameBytes - headBytes;
  if (rest > INLINE_VALUE_BYTES + TAIL_BYTES_MAX)
    return { headBytes: frameBytes, halfBytes: 0, tailBytes: 0 };
  const halfBytes = rest > TAIL_BYTES_MAX ? Math.min(rest, INLINE_VALUE_BYTES) : 0;
  return { headBytes, halfBytes, tailBytes: rest - halfBytes };
}

/** Of a frame of this length the bytes that are in a pack; none of one that is not stored. */
export function tailBytesOf(frameBytes: number): number {
  return frameBytes === 0 ? 0 : framePieces(frameBytes).tailBytes;
}

import { RecentlyUsed } from '../core/index.js';
import { limits } from '../model/index.js';
import type { SegmentKey } from '../storage/index.js';
import type { TokenForm } from './chunker.js';

/** A longer segment is not kept: it would take the place of many. */
const SEGMENT_BYTES_MAX = limits.recentSegmentsBytesMax / 32;

/**
 * Tokens of segments that were read lately: conversations begin alike, and what was read is often read again.
 * A key never names other tokens, so nothing here can be out of date.
 */
export class RecentSegments {
  readonly #of: Readonly<Record<TokenForm, RecentlyUsed<SegmentKey, Uint8Array>>> = {
    varints: recent(),
    words: recent(),
  };

  /** All tokens of the segment; not to be changed. */
  get(key: SegmentKey, form: TokenForm): Uint8Array | undefined {
    return this.#of[form].get(key);
  }

  add(key: SegmentKey, form: TokenForm, bytes: Uint8Array): void {
    if (bytes.length <= SEGMENT_BYTES_MAX) this.#of[form].set(key, bytes);
  }
}

/** Decoded bytes may be a view that keeps those of others alive: what stays for longer is copied. */
function recent(): RecentlyUsed<SegmentKey, Uint8Array> {
  return new RecentlyUsed(
    limits.recentSegmentsBytesMax,
    ({ length }) => length,
    (bytes) => bytes.slice(),
  );
}

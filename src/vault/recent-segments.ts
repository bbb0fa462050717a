import { RecentlyUsed } from '../core/index.js';
import { limits } from '../model/index.js';
import type { SegmentKey } from '../storage/index.js';
import type { TokenForm } from './chunker.js';

/** A longer segment is not kept: it would take the place of many. */
const SEGMENT_BYTES_MAX = limits.recentSegmentsBytesMax / 32;
/** Segments that one call adds at most: a long conversation would push out what many calls read. */
const CALL_SEGMENTS_MAX = 4096;

/** What a call finds of what was read lately, and adds to it. */
export type SegmentMemory = Pick<RecentSegments, 'get' | 'add'>;

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

  /** For one call: of what it reads, only the beginning is kept. */
  forCall(): SegmentMemory {
    let left = CALL_SEGMENTS_MAX;
    return {
      get: (key, form) => this.get(key, form),
      add: (key, form, bytes) => {
        if (left-- > 0) this.add(key, form, bytes);
      },
    };
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

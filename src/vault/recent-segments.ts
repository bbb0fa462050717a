import { limits } from '../model/index.js';
import type { SegmentKey } from '../storage/index.js';
import type { TokenForm } from './chunker.js';

/** What a segment takes beside its bytes, about. */
const ENTRY_BYTES = 200;
/** A longer segment is not kept: it would take the place of many. */
const SEGMENT_BYTES_MAX = limits.recentSegmentsBytesMax / 64;

type Generation = Readonly<Record<TokenForm, Map<SegmentKey, Uint8Array>>>;

const emptyGeneration = (): Generation => ({ varints: new Map(), words: new Map() });

/**
 * Tokens of segments that were read lately: conversations begin alike, and what was read is often read again.
 * A key never names other tokens, so nothing here can be out of date. What is asked for again moves from the
 * older generation to the younger one; when that has half of the limit, the older one goes.
 */
export class RecentSegments {
  #younger = emptyGeneration();
  #older = emptyGeneration();
  #youngerBytes = 0;

  /** All tokens of the segment; not to be changed. */
  get(key: SegmentKey, form: TokenForm): Uint8Array | undefined {
    const younger = this.#younger[form].get(key);
    if (younger !== undefined) return younger;
    const older = this.#older[form].get(key);
    if (older === undefined) return undefined;
    // A copy: `older` may be a view that would keep the bytes of others alive.
    const copy = older.slice();
    this.add(key, form, copy);
    return copy;
  }

  add(key: SegmentKey, form: TokenForm, bytes: Uint8Array): void {
    if (bytes.length > SEGMENT_BYTES_MAX) return;
    this.#younger[form].set(key, bytes);
    this.#youngerBytes += bytes.length + ENTRY_BYTES;
    if (this.#youngerBytes < limits.recentSegmentsBytesMax / 2) return;
    this.#older = this.#younger;
    this.#younger = emptyGeneration();
    this.#youngerBytes = 0;
  }
}

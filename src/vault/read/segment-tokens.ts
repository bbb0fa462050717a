import type { Codec } from '../../codec/index.js';
import { RecentlyUsed } from '../../core/index.js';
import { limits, StowkenError } from '../../model/index.js';
import type { SegmentKey, StorageBackend } from '../../storage/index.js';
import type { StoredSlice } from './range.js';
import type { TokenForm } from './response-chunker.js';

export interface SegmentTokensParts {
  readonly backend: StorageBackend;
  readonly codec: Codec;
  readonly recent: TokenCache;
}

/** The tokens of a batch's segments, to be taken in order. Frames are read at once, and decoded as they are come to. */
export class SegmentTokens {
  #next = 0;
  /** Of `missing`: how many are decoded, and what has not been taken of them. */
  #decoded = 0;
  #ahead: (Uint8Array | StowkenError)[] = [];
  #aheadTaken = 0;

  private constructor(
    private readonly form: TokenForm,
    private readonly recent: TokenCache,
    /** For each segment, or undefined where it is one of `missing`. */
    private readonly known: readonly (Uint8Array | undefined)[],
    private readonly missing: readonly StoredSlice[],
    private readonly frames: readonly Uint8Array[],
    /** As it was when the frames were read: a compaction may drop their registries before they are decoded. */
    private readonly codec: Codec,
  ) {}

  static async read(
    { backend, codec, recent }: SegmentTokensParts,
    segments: readonly StoredSlice[],
    form: TokenForm,
  ): Promise<SegmentTokens> {
    const known = segments.map(({ key }) => recent.get(key, form));
    const missing = segments.filter((_, index) => known[index] === undefined);
    const frames = missing.length > 0 ? await backend.readFrames(missing.map(({ key }) => key)) : [];
    return new SegmentTokens(form, recent, known, missing, frames, codec.snapshot());
  }

  /** All tokens of the next segment; not to be changed. @throws StowkenError CORRUPT_SEGMENT */
  next(): Uint8Array {
    const known = this.known[this.#next++];
    if (known !== undefined) return known;
    if (this.#aheadTaken === this.#ahead.length) this.#decodeAhead();
    const bytes = this.#ahead[this.#aheadTaken++]!;
    if (bytes instanceof StowkenError) throw bytes;
    return bytes;
  }

  /** Short segments gain by being decoded together. */
  #decodeAhead(): void {
    const from = this.#decoded;
    let to = from;
    for (let tokens = 0; to < this.missing.length && tokens < limits.decodeAheadTokensMax; to++) {
      tokens += this.missing[to]!.tokenCount;
    }
    this.#ahead = this.codec.decodeMany(this.frames.slice(from, to), this.form);
    this.#aheadTaken = 0;
    this.#decoded = to;
    for (const [index, bytes] of this.#ahead.entries()) {
      if (bytes instanceof Uint8Array) this.recent.add(this.missing[from + index]!.key, this.form, bytes);
    }
  }
}

/** A longer segment is not kept: it would take the place of many. */
const SEGMENT_BYTES_MAX = limits.recentSegmentsBytesMax / 32;
/** Segments that one call adds at most: a long conversation would push out what many calls read. */
const CALL_SEGMENTS_MAX = 4096;

/** What a call finds of what was read lately, and adds to it. */
export type TokenCache = Pick<SegmentTokenCache, 'get' | 'add'>;

/**
 * Tokens of segments that were read lately: conversations begin alike, and what was read is often read again.
 * A key never names other tokens, so nothing here can be out of date.
 */
export class SegmentTokenCache {
  readonly #of: Readonly<Record<TokenForm, RecentlyUsed<SegmentKey, Uint8Array>>> = {
    varints: recent(),
    le32: recent(),
  };

  /** All tokens of the segment; not to be changed. */
  get(key: SegmentKey, form: TokenForm): Uint8Array | undefined {
    return this.#of[form].get(key);
  }

  add(key: SegmentKey, form: TokenForm, bytes: Uint8Array): void {
    if (bytes.length <= SEGMENT_BYTES_MAX) this.#of[form].set(key, bytes);
  }

  /** For one call: of what it reads, only the beginning is kept. */
  forCall(): TokenCache {
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

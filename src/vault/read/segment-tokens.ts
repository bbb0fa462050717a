import type { Codec, TokenForm } from '../../codec/index.js';
import { RecentlyUsed } from '../../core/index.js';
import { limits, StowkenError } from '../../model/index.js';
import type { SegmentKey, StorageBackend } from '../../storage/index.js';
import type { StoredSlice } from './range.js';

/** Reader of frames: a backend, or a conversation that has brought some of its own. */
export interface FrameReader {
  readonly backend: Pick<StorageBackend, 'readFrames'>;
}

export interface SegmentTokensParts extends FrameReader {
  readonly codec: Codec;
  readonly recent: TokenCache;
}

/** A segment to be decoded, and its tokens. */
type WholeSegment = Pick<StoredSlice, 'key' | 'tokenCount'>;

/**
 * Tokens of a batch's segments, to be taken in order. Frames are read at once, and decoded when their turn
 * arrives.
 */
export class SegmentTokens {
  #next = 0;
  /** Segments of `missing` that are decoded. Those not taken yet are in #ahead. */
  #decoded = 0;
  #ahead: (Uint8Array | StowkenError)[] = [];
  #aheadTaken = 0;

  private constructor(
    private readonly form: TokenForm,
    private readonly recent: TokenCache,
    /** Tokens of each segment; undefined if it is one of `missing`. */
    private readonly known: readonly (Uint8Array | undefined)[],
    private readonly missing: readonly WholeSegment[],
    private readonly frames: readonly Uint8Array[],
    /**
     * The codec when the frames were read: a compaction may drop their registries before they are decoded.
     */
    private readonly codec: Codec,
    /** Approximate tokens that are decoded together. */
    private readonly aheadTokensMax: number,
  ) {}

  static async read(
    { backend, codec, recent }: SegmentTokensParts,
    segments: readonly WholeSegment[],
    form: TokenForm,
    aheadTokensMax: number = limits.decodeAheadTokensMax,
  ): Promise<SegmentTokens> {
    const known = segments.map(({ key }) => recent.get(key, form));
    const missing = segments.filter((_, index) => known[index] === undefined);
    const frames = missing.length > 0 ? await backend.readFrames(missing.map(({ key }) => key)) : [];
    return new SegmentTokens(form, recent, known, missing, frames, codec.snapshot(), aheadTokensMax);
  }

  /**
   * Returns all tokens of the next segment; not to be changed.
   * @throws StowkenError CORRUPT_SEGMENT
   */
  next(): Uint8Array {
    const known = this.known[this.#next++];
    if (known !== undefined) return known;
    if (this.#aheadTaken === this.#ahead.length) this.#decodeAhead();
    const bytes = this.#ahead[this.#aheadTaken++]!;
    if (bytes instanceof StowkenError) throw bytes;
    return bytes;
  }

  /** Decodes several segments together, which is faster. */
  #decodeAhead(): void {
    const from = this.#decoded;
    let to = from;
    for (let tokens = 0; to < this.missing.length && tokens < this.aheadTokensMax; to++) {
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

/** Limit of a cached segment's bytes: a longer one would displace many. */
const SEGMENT_BYTES_MAX = limits.recentSegmentsBytesMax / 32;
/**
 * Limit of the segments that one call adds: a long conversation would displace segments that many calls read.
 */
const CALL_SEGMENTS_MAX = 4096;

/** Access of one call to the cache. */
export type TokenCache = Pick<SegmentTokenCache, 'get' | 'add'>;

/**
 * Tokens of recently read segments: conversations share beginnings, and recent reads are often repeated. A
 * key never names other tokens, so no entry can be out of date.
 */
export class SegmentTokenCache {
  readonly #of: Readonly<Record<TokenForm, RecentlyUsed<SegmentKey, Uint8Array>>> = {
    varints: recent(),
    le32: recent(),
  };

  /** Returns all tokens of the segment; not to be changed. */
  get(key: SegmentKey, form: TokenForm): Uint8Array | undefined {
    return this.#of[form].get(key);
  }

  add(key: SegmentKey, form: TokenForm, bytes: Uint8Array): void {
    if (bytes.length <= SEGMENT_BYTES_MAX) this.#of[form].set(key, bytes);
  }

  /** Returns the access of one call, which caches only the beginning of what the call reads. */
  forCall(): TokenCache {
    let left = CALL_SEGMENTS_MAX;
    return {
      get: (key, form) => this.get(key, form),
      add: (key, form, bytes) => {
        if (left-- > 0) this.add(key, form, bytes);
      },
    };
  }

  /**
   * Returns the access of a call that reads many conversations. It caches what it comes to a second time:
   * most segments are in one conversation, and would displace what others read.
   */
  forScan(): TokenCache {
    const seen = new Float64Array(SCANNED_SEGMENTS);
    return {
      get: (key, form) => this.get(key, form),
      add: (key, form, bytes) => {
        if (typeof key === 'number') {
          const place = key % SCANNED_SEGMENTS;
          const before = seen[place];
          seen[place] = key;
          if (before !== key) return;
        }
        this.add(key, form, bytes);
      },
    };
  }
}

/** Segments that a scan remembers having come to. */
const SCANNED_SEGMENTS = 2 ** 15;

/** Copies entries: decoded bytes may be a view of a buffer that they would keep alive. */
function recent(): RecentlyUsed<SegmentKey, Uint8Array> {
  return new RecentlyUsed(
    limits.recentSegmentsBytesMax,
    ({ length }) => length,
    (bytes) => bytes.slice(),
  );
}

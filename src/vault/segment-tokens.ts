import type { Codec } from '../codec/index.js';
import { limits, StowkenError } from '../model/index.js';
import type { StorageBackend } from '../storage/index.js';
import type { TokenForm } from './chunker.js';
import type { SegmentMemory } from './recent-segments.js';
import type { SegmentSlot } from './slots.js';

export interface SegmentTokensParts {
  readonly backend: StorageBackend;
  readonly codec: Codec;
  readonly recent: SegmentMemory;
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
    private readonly recent: SegmentMemory,
    /** For each segment, or undefined where it is one of `missing`. */
    private readonly known: readonly (Uint8Array | undefined)[],
    private readonly missing: readonly SegmentSlot[],
    private readonly frames: readonly Uint8Array[],
    /** As it was when the frames were read: a compaction may drop their registries before they are decoded. */
    private readonly codec: Codec,
  ) {}

  static async read(
    { backend, codec, recent }: SegmentTokensParts,
    segments: readonly SegmentSlot[],
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

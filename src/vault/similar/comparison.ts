import type { JoinedSegments, ShingleCounts, ShingleTarget, Tokenizers } from '../../text/index.js';
import { type Similarity } from './matches.js';

/** Gathers segments, back to back. */
export class Joined {
  #tokens: Uint32Array;
  #used = 0;
  readonly #ends: number[] = [];

  constructor(tokensExpected: number) {
    this.#tokens = new Uint32Array(Math.max(16, tokensExpected));
  }

  add(segment: Uint32Array): void {
    const end = this.#used + segment.length;
    if (end > this.#tokens.length) {
      const larger = new Uint32Array(Math.max(end, 2 * this.#tokens.length));
      larger.set(this.#tokens.subarray(0, this.#used));
      this.#tokens = larger;
    }
    this.#tokens.set(segment, this.#used);
    this.#used = end;
    this.#ends.push(end);
  }

  /** Returns what was added, in memory of its own; `shared` if several threads are to have it. */
  finish(memory: 'own' | 'shared' = 'own'): JoinedSegments {
    const ends = Uint32Array.from(this.#ends);
    if (memory === 'own') return { tokens: this.#tokens.subarray(0, this.#used), ends };
    const tokens = new Uint32Array(new SharedArrayBuffer(4 * this.#used));
    tokens.set(this.#tokens.subarray(0, this.#used));
    return { tokens, ends };
  }
}

/** Compares others with one content, in the threads of the tokenizers. */
export class Comparison {
  private constructor(
    private readonly tokenizers: Tokenizers,
    private readonly target: ShingleTarget,
    /** Shingles of the content. */
    readonly size: number,
    private readonly signal: AbortSignal,
  ) {}

  static async with(content: Joined, tokenizers: Tokenizers, signal: AbortSignal): Promise<Comparison> {
    const target = tokenizers.shingleTarget(content.finish('shared'));
    const none = new Joined(0).finish();
    const { size } = await tokenizers.compare({ target, segments: none, together: false }, signal);
    return new Comparison(tokenizers, target, size, signal);
  }

  /** Counts the shingles of each segment. */
  async countsOf(segments: Joined): Promise<readonly ShingleCounts[]> {
    const { target, tokenizers, signal } = this;
    return (await tokenizers.compare({ target, segments: segments.finish(), together: false }, signal))
      .counts;
  }

  /** Compares all segments as one content. */
  async similarityOf(segments: Joined): Promise<Similarity> {
    const { target, tokenizers, signal } = this;
    const { counts } = await tokenizers.compare(
      { target, segments: segments.finish(), together: true },
      signal,
    );
    return this.similarity(counts[0]!);
  }

  similarity({ shared, others }: ShingleCounts): Similarity {
    const either = this.size + others;
    return { similarity: either === 0 ? 0 : shared / either, shared, either };
  }
}

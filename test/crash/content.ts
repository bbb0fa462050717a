import type { LiveCodec } from '../../src/codec/index.js';
import type { TokenCore } from '../../src/core/index.js';
import type { SegmentHash, TokenRun } from '../../src/model/index.js';
import type { NewSegment } from '../../src/storage/index.js';
import { Random } from './random.js';

/** Few enough that conversations share them, and that collected ones are stored again. */
export const SEGMENTS = 400;
/** Segments after those, which outside holders alone refer to: often nobody does, and they are garbage. */
export const HELD_SEGMENTS = 20;

const phraseRandom = new Random(1);
const PHRASES = Array.from({ length: 60 }, () =>
  Array.from({ length: 5 + phraseRandom.below(10) }, () => phraseRandom.below(200_000)),
);

/** Content of a conversation: the number of its first part, and of each appended part. */
export type Content = string;

export function joined(before: Content, appended: Content): Content {
  return `${before}+${appended}`;
}

/**
 * Returns the segments of a conversation, in order: a few, or so many that their list takes several blocks.
 */
export function segmentsOf(content: Content): number[] {
  return content.split('+').flatMap((part) => {
    const random = new Random(Number(part));
    const length = random.below(16) === 0 ? 600 + random.below(1200) : 1 + random.below(8);
    return Array.from({ length }, () => random.below(SEGMENTS));
  });
}

interface NamedRun {
  readonly hash: SegmentHash;
  readonly run: TokenRun;
}

/** Created once for all callers. */
const segments = new Map<number, NamedRun>();

/** Content of segments, by their number. */
export class Contents {
  constructor(
    private readonly core: TokenCore,
    private readonly codec: LiveCodec,
  ) {}

  hash(segment: number): SegmentHash {
    return this.#named(segment).hash;
  }

  run(segment: number): TokenRun {
    return this.#named(segment).run;
  }

  /** Encodes with the newest registry. */
  encoded(segment: number): NewSegment {
    const { hash, run } = this.#named(segment);
    return { hash, tokenCount: run.tokenCount, frame: this.codec.encode(run) };
  }

  #named(segment: number): NamedRun {
    const known = segments.get(segment);
    if (known) return known;
    const run = this.core.fromTokens(tokensOf(segment));
    const named = { hash: this.core.hash(run.varints), run };
    segments.set(segment, named);
    return named;
  }
}

/**
 * Returns phrases that others have too, and tokens that no other has. Mostly short; some of half a page, some
 * of several.
 */
function tokensOf(segment: number): Uint32Array {
  const random = new Random(segment);
  const length = [20, 60, 60, 100, 900, 4000][random.below(6)]! + random.below(40);
  const tokens: number[] = [segment];
  while (tokens.length < length) {
    if (random.below(4) === 0) tokens.push(random.below(200_000));
    else tokens.push(...PHRASES[random.below(PHRASES.length)]!);
  }
  return Uint32Array.from(tokens);
}

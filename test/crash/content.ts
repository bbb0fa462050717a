import type { LiveCodec } from '../../src/codec/index.js';
import type { TokenCore } from '../../src/core/index.js';
import type { SegmentHash, TokenRun } from '../../src/model/index.js';
import type { NewSegment } from '../../src/storage/index.js';
import { Random } from './random.js';

/** Few enough that conversations share them, and that collected ones come back. */
export const SEGMENTS = 400;

const phraseRandom = new Random(1);
const PHRASES = Array.from({ length: 60 }, () =>
  Array.from({ length: 5 + phraseRandom.below(10) }, () => phraseRandom.below(200_000)),
);

/** What a conversation has: the number of what it began with, and of what was appended each time. */
export type Content = string;

export function joined(before: Content, appended: Content): Content {
  return `${before}+${appended}`;
}

/** The segments of a conversation, in order: a few, or so many that a list of them takes several pages. */
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

/** Made once, whoever asks. */
const segments = new Map<number, NamedRun>();

/** What segments hold, as a number decides. */
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

  /** With the newest registry there is. */
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

/** Phrases that others have too, and tokens that none has. Mostly short; some of half a page, some of several. */
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

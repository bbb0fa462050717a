import type { TokenCore } from '../../src/core/index.js';
import type { LiveCodec } from '../../src/codec/index.js';
import type { NewSegment } from '../../src/storage/index.js';
import { Random } from './random.js';

/** Few enough that conversations share them, and that collected ones come back. */
const SEGMENTS = 400;

/** The segments of a conversation whose content `seed` decides. */
export function contentOf(seed: number, core: TokenCore, codec: LiveCodec): NewSegment[] {
  const random = new Random(seed);
  return Array.from({ length: 1 + random.below(8) }, () => segmentOf(random.below(SEGMENTS), core, codec));
}

function segmentOf(number: number, core: TokenCore, codec: LiveCodec): NewSegment {
  const random = new Random(number);
  // Mostly small ones; some of half a page, some of several.
  const tokenCount = [20, 60, 60, 100, 900, 9000][random.below(6)]! + random.below(40);
  const tokens = Uint32Array.from({ length: tokenCount }, () => random.below(200_000));
  const run = core.fromTokens(tokens);
  return { hash: core.hash(run.varints), tokenCount, frame: codec.encode(run) };
}

import { createSegmenter, type Segmenter } from '../codec/index.js';
import type { TokenCore } from '../core/index.js';
import { limits, type TokenRun } from '../model/index.js';

/** A segmenter has a WASM instance of its own: the vaults that share a core share it, once a message is long. */
const segmenters = new WeakMap<TokenCore, Segmenter>();

/**
 * The segments of a message: one, unless it is long; then it is cut by its content, so that the same tokens
 * are cut at the same places whatever form they came in. An empty message has none.
 */
export function cutIntoSegments(core: TokenCore, run: TokenRun): TokenRun[] {
  if (run.tokenCount === 0) return [];
  if (run.tokenCount <= limits.segmentWholeTokensMax) return [run];
  let segmenter = segmenters.get(core);
  if (segmenter === undefined) {
    segmenter = createSegmenter(core);
    segmenters.set(core, segmenter);
  }
  return segmenter.cut(run);
}

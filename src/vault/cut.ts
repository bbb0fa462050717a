import type { TokenCore } from '../core/index.js';
import { limits, type TokenRun } from '../model/index.js';

/** The segments of a message: one, unless it is longer than a segment may be. An empty message has none. */
export function cutIntoSegments(core: TokenCore, run: TokenRun): TokenRun[] {
  if (run.tokenCount === 0) return [];
  if (run.tokenCount <= limits.segmentTokensMax) return [run];
  const segments: TokenRun[] = [];
  let { varints, tokenCount } = run;
  while (tokenCount > 0) {
    const count = Math.min(tokenCount, limits.segmentTokensMax);
    const end = core.byteOffset(varints, count);
    segments.push({ varints: varints.subarray(0, end), tokenCount: count });
    varints = varints.subarray(end);
    tokenCount -= count;
  }
  return segments;
}

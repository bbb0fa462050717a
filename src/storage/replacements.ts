import type { Codec } from '../codec/index.js';
import { StowkenError, type SegmentHash } from '../model/index.js';
import type { FrameReplacement, SegmentKey } from './backend.js';

/** @throws StowkenError CORRUPT_SEGMENT for a frame that does not hold the tokens of the segment it is for */
export function checkReplacements(
  replacements: readonly FrameReplacement[],
  hashOf: (key: SegmentKey) => SegmentHash | undefined,
  codec: Codec,
): void {
  for (const { key, frame } of replacements) {
    const hash = hashOf(key);
    if (hash !== undefined && codec.hashOf(frame) !== hash) {
      throw new StowkenError('CORRUPT_SEGMENT', `the new frame of segment ${key} holds other tokens`, {
        segment: String(key),
      });
    }
  }
}

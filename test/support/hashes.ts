import type { SegmentHash } from '../../src/model/index.js';

/** Takes a text for the hash of a segment, also one that cannot be. */
export function asHash(text: string): SegmentHash {
  return text as SegmentHash;
}

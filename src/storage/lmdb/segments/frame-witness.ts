import { undefinedIfCorruptFrame, type Codec } from '../../../codec/index.js';
import type { SegmentHash } from '../../../model/index.js';
import type { SegmentWitness } from '../packs/segment-reader.js';
import type { SegmentId } from '../tables/ids.js';
import type { RefCounts } from './ref-counts.js';

/** Accepts a frame as a segment's if its tokens have the hash under which the segment is indexed. */
export function frameWitness(
  codec: Codec,
  counts: RefCounts<SegmentId>,
  isIndexed: (hash: SegmentHash, id: SegmentId) => boolean,
): SegmentWitness {
  return {
    isStored: (id) => counts.get(id) !== undefined,
    tokensOf: (id, frame) =>
      undefinedIfCorruptFrame(() =>
        isIndexed(codec.hashOf(frame), id) ? codec.decode(frame).tokenCount : undefined,
      ),
  };
}

import type { SegmentKey } from '../../change.js';
import type { ScanQuery, SegmentScan, ScannedSegment } from '../../queries.js';
import type { Tables } from '../tables/environment.js';
import { COUNTS_PER_CHUNK } from '../tables/layout.js';
import type { SegmentReader } from '../packs/segment-reader.js';
import { readable } from '../tables/readable.js';

/** The next stored segments by id, with their frames, where these can be read. The reference counts tell which ids are stored. */
export function scanSegments(
  tables: Tables,
  reader: SegmentReader,
  { after, limit, bytesMax }: ScanQuery,
): SegmentScan {
  const firstId = Number(after ?? 0) + 1;
  const segments: ScannedSegment[] = [];
  let bytes = 0;
  for (const { key, value } of tables.refCounts.range({
    start: Math.floor(firstId / COUNTS_PER_CHUNK) + 1,
  })) {
    for (const [index, count] of value.entries()) {
      const id = (key - 1) * COUNTS_PER_CHUNK + index;
      const size = id < firstId || count === 0 ? undefined : readable(() => reader.size(id));
      if (!size) continue;
      const isFull = segments.length === limit || bytes + size.frameBytes > bytesMax;
      if (isFull && segments.length > 0) return { segments, next: segments.at(-1)!.key };
      const frame = readable(() => reader.frame(id));
      if (!frame) continue;
      segments.push({ key: id as SegmentKey, tokenCount: size.tokenCount, frame });
      bytes += size.frameBytes;
    }
  }
  return { segments, next: undefined };
}

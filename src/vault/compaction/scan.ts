import { limits } from '../../model/index.js';
import type { SegmentKey, StorageBackend } from '../../storage/index.js';
import type { BatchSize } from './batch-size.js';
import { breathe, throwIfAborted } from '../turns.js';

export interface ScannedSegment {
  readonly key: SegmentKey;
  readonly tokenCount: number;
  readonly frame: Uint8Array;
}

/** All stored segments after a key, in key order, in batches small enough to commit at once. */
export async function* scanBatches(
  backend: StorageBackend,
  after: SegmentKey | undefined,
  signal: AbortSignal,
  size: Pick<BatchSize, 'segments'> = { segments: limits.compactionBatchSegmentsMax },
): AsyncGenerator<readonly ScannedSegment[], void, void> {
  let from = after;
  do {
    throwIfAborted(signal);
    const page = await backend.scanSegments({
      limit: size.segments,
      bytesMax: limits.compactionBatchBytesMax,
      ...(from !== undefined && { after: from }),
    });
    if (page.segments.length > 0) yield page.segments;
    from = page.next;
    await breathe();
  } while (from !== undefined);
}

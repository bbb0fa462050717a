import { readHead, undefinedIfCorruptFrame } from '../../codec/index.js';
import { limits } from '../../model/index.js';
import type { SegmentKey, StorageBackend } from '../../storage/index.js';
import { yieldToEventLoop, throwIfAborted } from '../event-loop.js';

export interface ScannedSegment {
  readonly key: SegmentKey;
  readonly tokenCount: number;
  readonly frame: Uint8Array;
}

/**
 * Scans all stored segments after a key, in key order, in batches small enough to commit at once. Segments
 * whose frame cannot be read are left out: they stay unchanged, and verify reports them.
 */
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
    const segments = page.segments.filter(({ frame }) => hasHead(frame));
    if (segments.length > 0) yield segments;
    from = page.next;
    await yieldToEventLoop();
  } while (from !== undefined);
}

function hasHead(frame: Uint8Array): boolean {
  return undefinedIfCorruptFrame(() => readHead(frame)) !== undefined;
}

/** Size of the next batch, in segments: smaller if the last one took long to encode, as on a busy machine. */
export class BatchSize {
  #segments: number = limits.compactionBatchSegmentsMax;

  get segments(): number {
    return this.#segments;
  }

  /** Records the time that encoding the last batch took. */
  took(ms: number): void {
    const { compactionBatchSegmentsMin: min, compactionBatchSegmentsMax: max, compactionBatchMs } = limits;
    if (ms > compactionBatchMs) this.#segments = Math.max(min, this.#segments >> 1);
    else if (ms < compactionBatchMs / 2) this.#segments = Math.min(max, this.#segments * 2);
  }
}

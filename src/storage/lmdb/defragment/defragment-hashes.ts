import type { BackgroundTurns } from '../../shared/background.js';
import type { SegmentChanges } from '../commit/segment-changes.js';
import { denseBytes, PRINT_BITS } from '../segments/dense-chunk.js';
import type { Tables } from '../tables/environment.js';
import { DEFRAGMENT_PAGES_MIN, RECENT_RECORD_SEGMENTS, REFILLED_HASH_CHUNK_BYTES } from '../tables/layout.js';
import { readState } from '../tables/meta.js';

/** Minimum part of the hash index's pages that refilling must save. */
const SAVED_MIN = 0.15;
/** Bytes of chunks that one write transaction refills. */
const STRETCH_BYTES = 64 * 1024;
/** Chunks in a leaf page of the refilled index, which has pointers to their pages, about. */
const POINTERS_PER_PAGE = 120;

/** Runs one write transaction whose changes the caches follow. */
export type Rewrite = <T>(action: (segments: SegmentChanges) => T) => Promise<T>;

/** Estimates the pages that refillHashIndex() would free; 0 if those are few. */
export function reclaimableHashPages({ hashIndex, recentHashes, meta }: Tables): number {
  const { segments, nextSegment } = readState(meta);
  const entered = Math.max(0, segments - RECENT_RECORD_SEGMENTS * recentHashes.count());
  if (entered === 0) return 0;
  const bytes = denseBytes(entered, { first: 0, last: 2 ** PRINT_BITS - 1 }, nextSegment);
  const chunks = Math.ceil(bytes / REFILLED_HASH_CHUNK_BYTES);
  const needed = chunks + Math.ceil(chunks / POINTERS_PER_PAGE);
  const pages = hashIndex.pages();
  return pages >= DEFRAGMENT_PAGES_MIN && needed < (1 - SAVED_MIN) * pages ? pages - needed : 0;
}

/** Makes chunks of the hash index that fill a page each of those that do not, if that saves pages. */
export async function refillHashIndex(
  tables: Tables,
  rewrite: Rewrite,
  turns: BackgroundTurns,
): Promise<void> {
  if (reclaimableHashPages(tables) === 0) return;
  for (let after: number | undefined = 0; after !== undefined;) {
    const from: number = after;
    after = await rewrite((segments) => segments.refillIndex(from, STRETCH_BYTES));
    await turns.pause();
  }
}

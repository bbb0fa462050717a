import type { BackgroundTurns } from '../../shared/background.js';
import type { SegmentChanges } from '../commit/segment-changes.js';
import { decodeCounts, encodeCounts } from '../segments/count-chunk.js';
import { denseBytes, PRINT_BITS } from '../segments/dense-chunk.js';
import type { Tables } from '../tables/environment.js';
import {
  COUNTS_PER_CHUNK,
  DEFRAGMENT_PAGES_MIN,
  RECENT_RECORD_SEGMENTS,
  REFILLED_HASH_CHUNK_BYTES,
} from '../tables/layout.js';
import { readState } from '../tables/meta.js';
import type { Table } from '../tables/table.js';

/** Minimum part of the hash index's pages that refilling must save. */
const SAVED_MIN = 0.15;
/** Bytes of chunks that one write transaction refills. */
const STRETCH_BYTES = 64 * 1024;
/** Chunks in a leaf page of the refilled index, which has pointers to their pages, about. */
const POINTERS_PER_PAGE = 120;
/** Chunks of counts that are looked at, or written in a transaction, before others have a turn. */
const SLICE = 256;

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

/**
 * Writes chunks of counts that an earlier format left longer than they need be. Most counts are alike; it
 * takes a compaction of such a vault, and finds nothing later.
 */
export async function shortenCounts(
  table: Table<number>,
  write: <T>(action: () => T) => Promise<T>,
  turns: BackgroundTurns,
): Promise<void> {
  for (let after = 0; ;) {
    const from = after;
    const keys: number[] = [];
    for (const { key, value } of table.scan({ start: from + 1, limit: SLICE })) {
      after = key;
      if (value && shortened(value)) keys.push(key);
    }
    if (after === from) return;
    if (keys.length > 0) await write(() => shorten(table, keys));
    await turns.pause();
  }
}

/** Others may have changed them since they were looked at. */
function shorten(table: Table<number>, keys: readonly number[]): void {
  for (const key of keys) {
    const record = table.get(key);
    const shorter = record && shortened(record);
    if (shorter) table.put(key, shorter);
  }
}

function shortened(record: Uint8Array): Uint8Array | undefined {
  const counts = record.length === COUNTS_PER_CHUNK ? decodeCounts(record) : undefined;
  const shorter = counts && encodeCounts(counts);
  return shorter && shorter.length < record.length ? shorter : undefined;
}

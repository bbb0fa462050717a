import type { SegmentKey } from '../../change.js';
import type { ScanQuery } from '../../queries.js';
import type { SegmentEntry } from '../vault-index/entries.js';
import type { VaultIndex } from '../vault-index/vault-index.js';

export interface ScanPage {
  readonly entries: readonly SegmentEntry[];
  readonly next: SegmentKey | undefined;
}

/** The next stored segments by id, as many as the query allows. */
export function scanPage(index: VaultIndex, { after, limit, bytesMax }: ScanQuery): ScanPage {
  const entries: SegmentEntry[] = [];
  let bytes = 0;
  for (let id = Number(after ?? 0) + 1; id < index.nextSegment; id++) {
    const entry = index.segmentById(id);
    if (!entry) continue;
    bytes += entry.frameBytes;
    const last = entries.at(-1);
    const isFull = entries.length === limit || bytes > bytesMax;
    if (isFull && last) return { entries, next: last.id as SegmentKey };
    entries.push(entry);
  }
  return { entries, next: undefined };
}

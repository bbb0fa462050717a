import { refillPacks } from '../packs/pack-filler.js';
import { decodePack, deletedEntry, endOf, hasRestOf, idAt, type Pack } from '../packs/pack.js';
import { keyOfPack, startKey } from '../packs/pack-layout.js';
import type { Tables } from '../tables/environment.js';
import {
  INLINE_VALUE_BYTES,
  DEFRAGMENT_PAGES_MIN,
  PAGE_BYTES,
  REFILLED_PACK_BYTES,
  REFILLED_PACK_PAGES,
  valuePages,
} from '../tables/layout.js';
import { readState } from '../tables/meta.js';
import type { Table } from '../tables/table.js';

/** Minimum part of the packs' pages that refilling must save. */
const SAVED_MIN = 0.15;
/** Approximate bytes of a segment in a pack besides its frame. */
const ENTRY_BYTES = 3;
/** Bytes of packs that one write transaction refills. */
const STRETCH_BYTES = 64 * 1024;
/** Limit of the deleted segments between two packs that are merged: each costs a byte. */
const GAP_MAX = 64;

/** Estimates the pages that refilling the packs would free; 0 if those are few. */
export function reclaimablePackPages({ packs, frameOverflowPages, frameHalfPages, meta }: Tables): number {
  const { segmentBytes, segments } = readState(meta);
  const elsewhere = frameOverflowPages.pages() * PAGE_BYTES + frameHalfPages.count() * INLINE_VALUE_BYTES;
  const needed = pagesFor(segmentBytes + ENTRY_BYTES * segments - elsewhere);
  const pages = packs.pages();
  return pages >= DEFRAGMENT_PAGES_MIN && needed < (1 - SAVED_MIN) * pages ? pages - needed : 0;
}

/**
 * Refills the packs after a key, if that saves pages. Runs in a write transaction. Returns the key after
 * which to continue; undefined at the end of the table.
 */
export function defragmentPacks(packs: Table<number>, after: number): number | undefined {
  const run: Pack[] = [];
  let [bytes, pages] = [0, 0];
  let more = false;
  for (const { key, value } of packs.scan({ start: after + 1 })) {
    // A damaged pack is not changed, and nothing is moved past it.
    if (!value && run.length === 0) return key;
    more = value === undefined;
    if (!value) break;
    const pack = decodePack(key, value);
    more = bytes >= STRETCH_BYTES || !follows(run.at(-1), pack);
    if (more) break;
    run.push(pack);
    bytes += value.length;
    pages += valuePages(value.length);
  }
  const last = run.at(-1);
  if (!last) return undefined;
  const saves = pagesFor(bytes) < (1 - SAVED_MIN) * pages;
  if (saves) refillPacks(packs, run.map(upToNext), new Map());
  if (!more) return undefined;
  // The last refilled pack has room: it is filled up with the following ones.
  const lastKey = packs.floorKey(startKey(idAt(last, last.entries.length - 1))) ?? keyOfPack(last);
  return saves ? lastKey - 1 : keyOfPack(last);
}

/** Returns the pages of refilled packs with so many bytes. */
function pagesFor(bytes: number): number {
  return Math.ceil((REFILLED_PACK_PAGES * bytes) / REFILLED_PACK_BYTES);
}

/** True if two packs can be merged. */
function follows(pack: Pack | undefined, next: Pack): boolean {
  if (pack === undefined) return true;
  return pack.continued ? hasRestOf(pack, next) : firstOwn(next) - endOf(pack) <= GAP_MAX;
}

/** Returns a pack of a sequence with the deleted segments between it and the next one. */
function upToNext(pack: Pack, index: number, run: readonly Pack[]): Pack {
  const next = run[index + 1];
  if (!next || pack.continued) return pack;
  const gap = Array.from({ length: firstOwn(next) - endOf(pack) }, () => deletedEntry);
  return { ...pack, entries: [...pack.entries, ...gap] };
}

/** Returns the first segment that begins in a pack. */
function firstOwn({ firstId, continues }: Pack): number {
  return continues ? firstId + 1 : firstId;
}

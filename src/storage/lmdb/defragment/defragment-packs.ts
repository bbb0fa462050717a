import type { BackgroundTurns } from '../../shared/background.js';
import { ByteReader } from '../../shared/bytes.js';
import { LEAN } from '../packs/lean-sizes.js';
import { refillPacks } from '../packs/pack-filler.js';
import { decodePack, deletedEntry, endOf, hasRestOf, idAt, type Pack } from '../packs/pack.js';
import { keyOfPack, startKey } from '../packs/pack-layout.js';
import type { Tables } from '../tables/environment.js';
import {
  DEFRAGMENT_PAGES_MIN,
  INLINE_VALUE_BYTES,
  LEAF_BYTES,
  leafBytes,
  PAGE_BYTES,
  REFILLED_PACK_BYTES,
  REFILLED_PACK_PAGES,
  valuePages,
} from '../tables/layout.js';
import { readState } from '../tables/meta.js';
import type { Entry, Table } from '../tables/table.js';

/** Minimum part of the packs' pages that refilling must save. */
const SAVED_MIN = 0.15;
/** The same of what lean packs save. */
const SURELY_SAVED_MIN = 0.01;
/** Approximate bytes of a segment in a lean pack besides its frame. */
const ENTRY_BYTES = 1;
/** Bytes that a segment's sizes, and the first byte of its frame, take less in a lean pack, about. */
const LEAN_SAVES_BYTES = 1.5;
/** Bytes of packs that one write transaction refills. */
const STRETCH_BYTES = 64 * 1024;
/** Limit of the deleted segments between two packs that are merged: each costs a byte. */
const GAP_MAX = 64;
/** Pointers in a page of branches at least, about. */
const POINTERS_PER_PAGE = 100;
/** Part of the packs that pointers lead to, at least, if the pages of pointers are compared. */
const POINTERS_MIN = 0.9;
/** Pages of pointers, as a multiple of those needed and some more, above which packs are written in order. */
const SPARSE_MIN = 1.5;
const SPARSE_PAGES_MIN = 3;
/** Packs that one write transaction removes and puts back: more than pages that are to be merged lead to. */
const REWRITTEN_PACKS = 128;
/** Packs that are looked at before others have a turn. */
const SLICE = 64;

/** Estimates the pages that refilling the packs would free; 0 if those are few. */
export async function reclaimablePackPages(tables: Tables, turns: BackgroundTurns): Promise<number> {
  const { packs, frameOverflowPages, frameHalfPages, meta } = tables;
  const pages = packs.pages();
  if (pages < DEFRAGMENT_PAGES_MIN) return 0;
  const { segmentBytes, segments } = readState(meta);
  const elsewhere = frameOverflowPages.pages() * PAGE_BYTES + frameHalfPages.count() * INLINE_VALUE_BYTES;
  const needed = pagesFor(segmentBytes + ENTRY_BYTES * segments - elsewhere);
  if (needed < (1 - SAVED_MIN) * pages) return pages - needed;
  const saved = Math.floor((LEAN_SAVES_BYTES * (await plainEntries(packs, turns))) / PAGE_BYTES);
  return saved >= DEFRAGMENT_PAGES_MIN && saved > SURELY_SAVED_MIN * pages ? saved : 0;
}

/** Estimates the pages of pointers that writing packs in their order would free; 0 if those are few. */
export function reclaimablePointerPages(packs: Table<number>): number {
  const bytes = packs.count() * leafBytes(0, new Uint8Array(INLINE_VALUE_BYTES + 1));
  // Written between others, they leave pages half full.
  const leaves = Math.ceil((2 * bytes) / LEAF_BYTES);
  const needed = leaves + Math.ceil(leaves / POINTERS_PER_PAGE);
  const pages = packs.ownPages();
  // Packs of stores lie in the leaves themselves.
  const isOfPointers = packs.pages() - pages >= REFILLED_PACK_PAGES * POINTERS_MIN * packs.count();
  return isOfPointers && pages > SPARSE_MIN * needed + SPARSE_PAGES_MIN ? pages - needed : 0;
}

/**
 * Removes the packs after a key and puts them back: pages of pointers that others left almost empty are
 * merged. Runs in a write transaction. Returns the key after which to continue; undefined at the end.
 */
export function rewritePointers(packs: Table<number>, after: number): number | undefined {
  const run: Entry<number>[] = [];
  let last: number | undefined;
  for (const { key, value } of packs.scan({ start: after + 1, limit: REWRITTEN_PACKS })) {
    last = key;
    // A damaged pack is not moved.
    if (value) run.push({ key, value });
  }
  for (const { key } of [...run].reverse()) packs.remove(key);
  for (const { key, value } of run) packs.put(key, value);
  return last;
}

/** Counts the entries of plain packs. Damaged ones stay as they are. */
async function plainEntries(packs: Table<number>, turns: BackgroundTurns): Promise<number> {
  let entries = 0;
  for (let after = 0; ;) {
    const from = after;
    for (const { key, value } of packs.scan({ start: from + 1, limit: SLICE })) {
      after = key;
      if (value && isPlain(value)) entries += new ByteReader(value).varint() >> 1;
    }
    if (after === from) return entries;
    await turns.pause();
  }
}

function isPlain(record: Uint8Array): boolean {
  return record[0] !== LEAN;
}

/**
 * Refills the packs after a key, if that saves pages or some of them are plain. Runs in a write transaction.
 * Returns the key after which to continue; undefined at the end of the table.
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
  const refills = saves || run.some(({ form }) => form === undefined);
  if (refills) refillPacks(packs, run.map(upToNext), new Map());
  if (!more) return undefined;
  if (!refills) return keyOfPack(last);
  const lastKey = packs.floorKey(startKey(idAt(last, last.entries.length - 1))) ?? keyOfPack(last);
  // The last refilled pack has room: it is filled up with the following ones.
  return lastKey > keyOfPack(run[0]!) ? lastKey - 1 : lastKey;
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

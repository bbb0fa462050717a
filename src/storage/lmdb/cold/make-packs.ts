import { INLINE_VALUE_BYTES, overflowBytes } from '../tables/layout.js';
import { isDamage } from '../tables/lmdb-errors.js';
import { compressColumns } from './columns.js';
import { decodeColumns } from './pack-decoder.js';
import { encodeColumns } from './pack-encoder.js';
import type { NumberedRecord } from './pack-forms.js';
import { PACK_CONVERSATIONS_MAX } from './pack-head.js';

/** Bytes of records in a pack, and so the time that it takes to decode one, are limited. */
export const PACK_RECORD_BYTES_MAX = 96 * 1024;
/** Part of a page that a pack may leave empty before it is made smaller to fit one page fewer. */
const PAGE_LOSS_MAX = 0.2;
/** Records of a smaller pack, as a part of those that would fit by their average size. */
const SAFETY = 0.99;
/** Pages below which packs are not fitted. */
const FITTED_PAGES_MIN = 2;

/** A pack that is not stored yet. */
export interface NewPack {
  readonly key: number;
  readonly pack: Uint8Array;
  /** Ascending. */
  readonly numbers: readonly number[];
}

/** Packs of the given records. */
export interface NewPacks {
  readonly packs: readonly NewPack[];
  /** Records that no pack can have: they stay as they are. */
  readonly refused: readonly NumberedRecord[];
}

/**
 * Makes packs of records whose numbers ascend. Each was decoded again, and gave back what went in. `whole` is
 * true to pack them all; otherwise one pack is made that fits its pages, of those at the beginning.
 */
export async function makePacks(
  records: readonly NumberedRecord[],
  { whole }: { readonly whole: boolean },
): Promise<NewPacks> {
  const packs: NewPack[] = [];
  const refused: NumberedRecord[] = [];
  for (let at = 0; at < records.length;) {
    const some = records.slice(at, at + countFor(records.slice(at)));
    at += some.length;
    const fine = packable(some);
    if (fine !== some) refused.push(...some.filter((each) => !fine.includes(each)));
    if (fine.length > 0) packs.push(await (whole ? packOf(fine) : fittingPack(fine)));
    if (!whole && packs.length > 0) break;
  }
  return { packs, refused };
}

/** Returns how many of these records go to one pack at most. */
export function countFor(records: readonly NumberedRecord[]): number {
  let bytes = 0;
  let count = 0;
  for (const { record } of records) {
    bytes += record.length;
    if (count > 0 && (count === PACK_CONVERSATIONS_MAX || bytes > PACK_RECORD_BYTES_MAX)) break;
    count += 1;
  }
  return count;
}

/** Returns a pack of the records, or of those at the beginning that fill one page fewer. */
async function fittingPack(records: readonly NumberedRecord[]): Promise<NewPack> {
  const all = await packOf(records);
  const count = fittingCount(all.pack.length, records.length);
  if (count === records.length) return all;
  const some = await packOf(records.slice(0, count));
  return pagesOf(some.pack.length) < pagesOf(all.pack.length) ? some : all;
}

async function packOf(records: readonly NumberedRecord[]): Promise<NewPack> {
  const pack = await compressColumns(encodeColumns(records));
  const numbers = records.map(({ number }) => number);
  return { key: numbers[0]!, pack, numbers };
}

/** Returns how many records leave the last page of their pack less empty. */
function fittingCount(bytes: number, records: number): number {
  const pages = pagesOf(bytes);
  const isFull = overflowBytes(pages) - bytes <= PAGE_LOSS_MAX * overflowBytes(1);
  if (pages < FITTED_PAGES_MIN || isFull) return records;
  return Math.floor((records * SAFETY * overflowBytes(pages - 1)) / bytes);
}

/** Returns the overflow pages of a pack; 0 for one that stays in a leaf. */
function pagesOf(bytes: number): number {
  if (bytes <= INLINE_VALUE_BYTES) return 0;
  let pages = 1;
  while (overflowBytes(pages) < bytes) pages += 1;
  return pages;
}

/** Returns the records that a pack gives back: all but for damage. */
function packable(records: readonly NumberedRecord[]): readonly NumberedRecord[] {
  if (givesBack(records)) return records;
  const alone = records.filter((each) => givesBack([each]));
  // Records that contradict each other: nobody knows which is right.
  return alone.length > 0 && givesBack(alone) ? alone : [];
}

/** True if a pack of these records gives them back in the same bytes. */
function givesBack(records: readonly NumberedRecord[]): boolean {
  try {
    const back = decodeColumns(encodeColumns(records), records[0]!.number);
    return (
      back.numbers.length === records.length &&
      records.every(
        ({ number, record }, at) => back.numbers[at] === number && Buffer.compare(back.at(at), record) === 0,
      )
    );
  } catch (error) {
    if (isDamage(error)) return false;
    throw error;
  }
}

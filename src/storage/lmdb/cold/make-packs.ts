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
/** Attempts to make a pack that fits its pages. */
const ATTEMPTS = 3;
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
 * true to pack them all; otherwise one pack is made that fits its pages, of those at the beginning. Others
 * have their turns between two packs.
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
    const taken = take(some);
    refused.push(...taken.refused);
    if (taken.joined) packs.push(await (whole ? packOf(taken.fine, taken.joined) : fittingPack(taken)));
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
async function fittingPack({ fine, joined }: Taken): Promise<NewPack> {
  const all = await packOf(fine, joined!);
  const pages = pagesOf(all.pack.length) - 1;
  let some = all;
  // Fewer records are packed a little worse than all of them.
  for (let attempt = 1; attempt <= ATTEMPTS && pagesOf(some.pack.length) > pages; attempt += 1) {
    const count = fittingCount(some.pack.length, some.numbers.length, pages);
    if (count === some.numbers.length) return all;
    const fewer = fine.slice(0, count);
    const joinedFewer = joinedOf(fewer);
    if (!joinedFewer) return all;
    some = await packOf(fewer, joinedFewer);
  }
  return pagesOf(some.pack.length) > pages ? all : some;
}

async function packOf(records: readonly NumberedRecord[], joined: Uint8Array): Promise<NewPack> {
  const pack = await compressColumns(joined);
  const numbers = records.map(({ number }) => number);
  return { key: numbers[0]!, pack, numbers };
}

/** Returns how many records of a pack fill so many pages; all of them if its last page is almost full. */
function fittingCount(bytes: number, records: number, pages: number): number {
  const isFull = overflowBytes(pages + 1) - bytes <= PAGE_LOSS_MAX * overflowBytes(1);
  if (pages + 1 < FITTED_PAGES_MIN || (isFull && bytes <= overflowBytes(pages + 1))) return records;
  return Math.max(1, Math.floor((records * SAFETY * overflowBytes(pages)) / bytes));
}

/** Returns the overflow pages of a pack; 0 for one that stays in a leaf. */
function pagesOf(bytes: number): number {
  if (bytes <= INLINE_VALUE_BYTES) return 0;
  let pages = 1;
  while (overflowBytes(pages) < bytes) pages += 1;
  return pages;
}

/** Records of which a pack can be made. */
interface Taken {
  readonly fine: readonly NumberedRecord[];
  /** Their columns; undefined if there is none. */
  readonly joined: Uint8Array | undefined;
  readonly refused: readonly NumberedRecord[];
}

/** Takes the records that a pack gives back: all but for damage. */
function take(records: readonly NumberedRecord[]): Taken {
  const joined = joinedOf(records);
  if (joined) return { fine: records, joined, refused: [] };
  const alone = records.filter((each) => joinedOf([each]));
  const ofAlone = alone.length > 0 ? joinedOf(alone) : undefined;
  // Records that contradict each other: nobody knows which is right.
  const fine = ofAlone ? alone : [];
  return { fine, joined: ofAlone, refused: records.filter((each) => !fine.includes(each)) };
}

/** Returns the columns of records if they give these back in the same bytes. */
function joinedOf(records: readonly NumberedRecord[]): Uint8Array | undefined {
  try {
    const joined = encodeColumns(records);
    const back = decodeColumns(joined, records[0]!.number);
    const isSame =
      back.numbers.length === records.length &&
      records.every(
        ({ number, record }, at) => back.numbers[at] === number && Buffer.compare(back.at(at), record) === 0,
      );
    return isSame ? joined : undefined;
  } catch (error) {
    if (isDamage(error)) return undefined;
    throw error;
  }
}

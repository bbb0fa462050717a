import type { SegmentId } from '../tables/ids.js';
import type { LeanForm } from './lean-sizes.js';
import { PackBuilder } from './pack-builder.js';
import type { EntrySizes, PackEntry, PackPosition } from './pack-layout.js';
import { PackScan, type PiecePlace } from './pack-scan.js';

/** Frames of segments with consecutive ids. */
export interface Pack extends PackPosition {
  /** Spelling of its sizes, if it is a lean one. */
  readonly form?: LeanForm | undefined;
  /** True if the last entry's tail continues in the next pack. */
  readonly continued: boolean;
  readonly entries: readonly PackEntry[];
}

/** Returns the id of the segment with this entry of a pack. */
export function idAt({ firstId }: Pick<Pack, 'firstId'>, index: number): SegmentId {
  return (firstId + index) as SegmentId;
}

/** Returns the id after a pack's last segment. */
export function endOf({ firstId, entries }: Pick<Pack, 'firstId' | 'entries'>): number {
  return firstId + entries.length;
}

/** True if a pack begins with the rest of the tail that another ends with. */
export function hasRestOf(pack: Pack, next: Pack): boolean {
  return pack.continued && next.continues && next.firstId === endOf(pack) - 1;
}

export const deletedEntry: PackEntry = { frameBytes: 0, tokenCount: 0, piece: Buffer.alloc(0) };

/**
 * Encodes a pack, without the deleted segments at its end; undefined if nothing is left of it. A deleted last
 * entry does not continue.
 */
export function encodePack({
  form,
  continues,
  continued,
  entries,
}: Omit<Pack, 'firstId'>): Uint8Array | undefined {
  const builder = new PackBuilder(form);
  entries.forEach((entry, index) => {
    if (index === 0 && continues) builder.addRest(entry.piece);
    else builder.add(entry);
  });
  return builder.finish(continued);
}

/** Decodes a pack; most pieces are views of the record. @throws StowkenError CORRUPT_STORE */
export function decodePack(key: number, record: Uint8Array): Pack {
  const scan = new PackScan(key, record);
  const { form, firstId, continues, continued } = scan;
  const sizes: (EntrySizes & { readonly place: PiecePlace })[] = [];
  while (scan.next()) {
    const { frameBytes, tokenCount } = scan;
    sizes.push({ frameBytes, tokenCount, place: scan.place() });
  }
  scan.assertExact();
  const entries = sizes.map(({ frameBytes, tokenCount, place }) => {
    return { frameBytes, tokenCount, piece: scan.pieceAt(place) };
  });
  return { ...(form && { form }), firstId, continues, continued, entries };
}

/** An entry found in a pack that is not decoded: most readers want few of its frames. */
export interface FoundEntry extends PackEntry {
  /** True if the tail continues in the next pack. */
  readonly open: boolean;
}

/** True if the segment, if it is stored, begins in this pack. */
export function covers({ firstId, continues, entries }: PackScan, id: SegmentId): boolean {
  const index = id - firstId;
  return index >= (continues ? 1 : 0) && index < entries;
}

/**
 * Finds a segment's entry in a pack's record, without decoding the others; undefined if it does not begin
 * here or is not stored. The piece is a view of the record, if that has all of it.
 * @throws StowkenError CORRUPT_STORE
 */
export function findEntry(key: number, record: Uint8Array, id: SegmentId): FoundEntry | undefined {
  const scan = new PackScan(key, record);
  if (!covers(scan, id)) return undefined;
  const wanted = id - scan.firstId;
  scan.seek(wanted);
  const { frameBytes, tokenCount } = scan;
  if (frameBytes === 0) return undefined;
  const place = scan.place();
  // Pieces of a plain pack begin where its sizes end.
  if (!scan.form) while (scan.next());
  return { frameBytes, tokenCount, piece: scan.pieceAt(place), open: scan.isOpen(wanted) };
}

/** Places of all entries of a pack, read once: for a reader that wants several of them. */
export class PackPlaces {
  readonly #scan: PackScan;
  readonly #entries: (EntrySizes & { readonly place: PiecePlace })[] = [];

  /** @throws StowkenError CORRUPT_STORE */
  constructor(key: number, record: Uint8Array) {
    const scan = new PackScan(key, record);
    while (scan.next()) {
      const { frameBytes, tokenCount } = scan;
      this.#entries.push({ frameBytes, tokenCount, place: scan.place() });
    }
    this.#scan = scan;
  }

  /** Finds an entry as findEntry() does. @throws StowkenError CORRUPT_STORE */
  find(id: SegmentId): FoundEntry | undefined {
    const scan = this.#scan;
    if (!covers(scan, id)) return undefined;
    const { frameBytes, tokenCount, place } = this.#entries[id - scan.firstId]!;
    if (frameBytes === 0) return undefined;
    return { frameBytes, tokenCount, piece: scan.pieceAt(place), open: scan.isOpen(place.index) };
  }
}

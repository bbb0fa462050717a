import { assert } from '../../../model/index.js';
import type { Tables } from '../tables/environment.js';
import type { SegmentId } from '../tables/ids.js';
import { decodePack, deletedEntry, encodePack, endOf, hasRestOf, type Pack } from './pack.js';
import { framePieces, keyOfPack, restKey, startKey } from './pack-layout.js';
import { PackScan } from './pack-scan.js';
import { INLINE_VALUE_BYTES, MERGED_PACK_BYTES } from '../tables/layout.js';
import { undefinedIfCorrupt } from '../tables/lmdb-errors.js';
import { PackFiller, refillPacks } from './pack-filler.js';

/** Writes and removes frames in one write transaction; ends with flush(). */
export class SegmentWriter {
  /** The open pack at the end of the table, for new frames. */
  #filler: PackFiller | undefined;

  constructor(private readonly tables: Pick<Tables, 'packs' | 'frameOverflowPages' | 'frameHalfPages'>) {}

  /** Appends a frame; its id must be greater than all ids ever used. */
  append(id: SegmentId, frame: Uint8Array, tokenCount: number): void {
    const filler = (this.#filler ??= this.#resume(id));
    const { headBytes, halfBytes } = framePieces(frame.length);
    if (headBytes > 0) this.tables.frameOverflowPages.append(id, frame.subarray(0, headBytes));
    if (halfBytes > 0)
      this.tables.frameHalfPages.append(id, frame.subarray(headBytes, headBytes + halfBytes));
    const piece = frame.subarray(headBytes + halfBytes);
    filler.add(id, { frameBytes: frame.length, tokenCount, piece });
  }

  /**
   * Replaces stored frames. Their packs are refilled, and neighbours merged.
   * @throws StowkenError CORRUPT_STORE if no pack has one of them
   */
  replace(frames: ReadonlyMap<SegmentId, Uint8Array>): void {
    this.flush();
    let run: Pack[] = [];
    for (const [id, frame] of [...frames].sort(([a], [b]) => a - b)) {
      const { headBytes, halfBytes } = framePieces(frame.length);
      this.#putPiece('frameOverflowPages', id, frame.subarray(0, headBytes));
      this.#putPiece('frameHalfPages', id, frame.subarray(headBytes, headBytes + halfBytes));
      const reached = run.at(-1);
      const pack = reached && begins(reached, id) ? reached : this.#packOf(id);
      if (pack !== reached) run = this.#extend(run, pack, frames);
      if (goesOn(pack, id)) run = this.#extend(run, this.#restOf(id), frames);
    }
    refillPacks(this.tables.packs, run, frames);
  }

  /**
   * Removes stored frames; ids in ascending order.
   * @throws StowkenError CORRUPT_STORE if no pack has one of them
   */
  remove(ids: readonly SegmentId[]): void {
    this.flush();
    const removed = new Set(ids);
    let pack: Pack | undefined;
    let before = 0;
    for (const id of ids) {
      assert(id > before, 'frames are removed in the order of their ids', id);
      before = id;
      this.tables.frameOverflowPages.remove(id);
      this.tables.frameHalfPages.remove(id);
      if (!pack || !begins(pack, id)) {
        pack = this.#packOf(id);
        this.#rewriteWithout(pack, removed);
      }
      // The pack after a frame may be damaged, if the frame does not continue in it.
      if (!goesOn(pack, id)) continue;
      pack = this.#restOf(id);
      this.#rewriteWithout(pack, removed);
    }
  }

  /** Writes the open pack. Returns whether there was one. */
  flush(): boolean {
    const wrote = this.#filler?.close() ?? false;
    this.#filler = undefined;
    return wrote;
  }

  /** Returns the pack in which a frame begins. @throws StowkenError CORRUPT_STORE if there is none */
  #packOf(id: SegmentId): Pack {
    const { packs } = this.tables;
    const found = packs.floor(startKey(id));
    const pack = found && decodePack(found.key, found.value);
    if (!pack || !begins(pack, id)) throw packs.corrupt(startKey(id), 'is missing: no pack has the frame');
    return pack;
  }

  /** Returns the pack with the rest of a frame's tail. @throws StowkenError CORRUPT_STORE if there is none */
  #restOf(id: SegmentId): Pack {
    const { packs } = this.tables;
    const key = restKey(id);
    const record = packs.get(key);
    if (!record) throw packs.corrupt(key, 'is missing: the pack before it continues there');
    return decodePack(key, record);
  }

  #rewriteWithout(pack: Pack, removed: ReadonlySet<number>): void {
    const entries = pack.entries.map((entry, index) =>
      removed.has(pack.firstId + index) ? deletedEntry : entry,
    );
    const rest = encodePack({ ...pack, entries });
    if (rest) this.tables.packs.put(keyOfPack(pack), rest);
    else this.tables.packs.remove(keyOfPack(pack));
  }

  /**
   * Returns the sequence with this pack appended; if the pack does not follow, the sequence is written and
   * another begins.
   */
  #extend(run: Pack[], pack: Pack, frames: ReadonlyMap<number, Uint8Array>): Pack[] {
    const { packs } = this.tables;
    const last = run.at(-1);
    if (last && packs.keyAfter(keyOfPack(last)) === keyOfPack(pack) && mayMerge(last, pack))
      return [...run, pack];
    refillPacks(packs, run, frames);
    // A damaged one is not changed.
    const found = undefinedIfCorrupt(() => packs.floor(keyOfPack(pack) - 1));
    // A pack that an earlier batch left half empty is filled up.
    if (!found || found.value.length >= MERGED_PACK_BYTES) return [pack];
    const before = undefinedIfCorrupt(() => decodePack(found.key, found.value));
    return before && mayMerge(before, pack) ? [before, pack] : [pack];
  }

  #putPiece(table: 'frameOverflowPages' | 'frameHalfPages', id: SegmentId, piece: Uint8Array): void {
    if (piece.length > 0) this.tables[table].put(id, piece);
    else this.tables[table].remove(id);
  }

  /** Continues the last stored pack, if it is a plain one and the next id follows its last one. */
  #resume(nextId: number): PackFiller {
    // A damaged one is not changed, and another is begun.
    const last = undefinedIfCorrupt(() => this.tables.packs.last());
    const pack = last && new PackScan(last.key, last.value);
    const isPlain = pack !== undefined && pack.form === undefined && !pack.continued;
    const resumes = isPlain && pack.firstId + pack.entries === nextId;
    const filler = new PackFiller(INLINE_VALUE_BYTES, (key, record) => {
      if (resumes && key === last?.key) this.tables.packs.put(key, record);
      else this.tables.packs.append(key, record);
    });
    if (resumes) filler.resume(pack, last!.value);
    return filler;
  }
}

/** True if a segment's frame begins in this pack. */
function begins({ firstId, continues, entries }: Pack, id: SegmentId): boolean {
  const index = id - firstId;
  return index >= (continues ? 1 : 0) && (entries[index]?.frameBytes ?? 0) > 0;
}

/** True if a frame that begins in this pack continues in the next. */
function goesOn(pack: Pack, id: SegmentId): boolean {
  return pack.continued && id === endOf(pack) - 1;
}

/** True if two packs, one after the other, do not contradict each other. */
function mayMerge(pack: Pack, next: Pack): boolean {
  return !pack.continued || hasRestOf(pack, next);
}

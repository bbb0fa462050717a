import type { Tables } from '../tables/environment.js';
import { decodePack, deletedEntry, encodePack, type Pack } from './pack.js';
import { framePieces, keyOfPack, PackScan, restKey, startKey } from './pack-layout.js';
import { INLINE_VALUE_BYTES, MERGED_PACK_BYTES } from '../tables/layout.js';
import { undefinedIfCorrupt } from '../tables/lmdb-errors.js';
import { PackFiller, refillPacks } from './pack-filler.js';

/** Writes and removes frames in one write transaction; ends with flush(). */
export class SegmentWriter {
  /** The open pack at the end of the table, for new frames. */
  #filler: PackFiller | undefined;

  constructor(private readonly tables: Pick<Tables, 'packs' | 'frameOverflowPages' | 'frameHalfPages'>) {}

  /** Appends a frame; its id must be greater than all ids ever used. */
  append(id: number, frame: Uint8Array, tokenCount: number): void {
    const filler = (this.#filler ??= this.#resume(id));
    const { headBytes, halfBytes } = framePieces(frame.length);
    if (headBytes > 0) this.tables.frameOverflowPages.append(id, frame.subarray(0, headBytes));
    if (halfBytes > 0)
      this.tables.frameHalfPages.append(id, frame.subarray(headBytes, headBytes + halfBytes));
    const piece = frame.subarray(headBytes + halfBytes);
    filler.add(id, { frameBytes: frame.length, tokenCount, piece });
  }

  /** Replaces stored frames. Their packs are refilled, and neighbours merged. */
  replace(frames: ReadonlyMap<number, Uint8Array>): void {
    this.flush();
    let run: Pack[] = [];
    for (const [id, frame] of [...frames].sort(([a], [b]) => a - b)) {
      const { headBytes, halfBytes } = framePieces(frame.length);
      this.#putPiece('frameOverflowPages', id, frame.subarray(0, headBytes));
      this.#putPiece('frameHalfPages', id, frame.subarray(headBytes, headBytes + halfBytes));
      const key = this.tables.packs.floorKey(startKey(id));
      const reached = run.at(-1);
      if (key !== undefined && !(reached && keyOfPack(reached) === key)) run = this.#extend(run, key, frames);
      const last = run.at(-1);
      const goesOn = last?.continued && id === last.firstId + last.entries.length - 1;
      if (goesOn) run = this.#extend(run, restKey(id), frames);
    }
    refillPacks(this.tables.packs, run, frames);
  }

  /** Removes stored frames; ids in ascending order. */
  remove(ids: readonly number[]): void {
    this.flush();
    const removed = new Set(ids);
    let doneTo = 0;
    for (const id of ids) {
      this.tables.frameOverflowPages.remove(id);
      this.tables.frameHalfPages.remove(id);
      // A frame begins in one pack and may continue in the next.
      for (const at of [startKey(id), restKey(id)]) {
        // The pack after a frame may be damaged, if the frame does not continue in it.
        const found = undefinedIfCorrupt(() => this.tables.packs.floor(at));
        if (!found || found.key <= doneTo) continue;
        doneTo = found.key;
        this.#rewriteWithout(decodePack(found.key, found.value), removed);
      }
    }
  }

  /** Writes the open pack. Returns whether there was one. */
  flush(): boolean {
    const wrote = this.#filler?.close() ?? false;
    this.#filler = undefined;
    return wrote;
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
  #extend(run: Pack[], key: number, frames: ReadonlyMap<number, Uint8Array>): Pack[] {
    const { packs } = this.tables;
    const last = run.at(-1);
    const next = last && firstOf(packs.scan({ start: keyOfPack(last) + 1, limit: 1 }));
    const record = packs.get(key);
    if (!record) return run;
    const pack = decodePack(key, record);
    if (next?.key === key) return [...run, pack];
    refillPacks(packs, run, frames);
    // A damaged one is not changed.
    const before = undefinedIfCorrupt(() => packs.floor(key - 1));
    // A pack that an earlier batch left half empty is filled up.
    return before && before.value.length < MERGED_PACK_BYTES
      ? [decodePack(before.key, before.value), pack]
      : [pack];
  }

  #putPiece(table: 'frameOverflowPages' | 'frameHalfPages', id: number, piece: Uint8Array): void {
    if (piece.length > 0) this.tables[table].put(id, piece);
    else this.tables[table].remove(id);
  }

  /** Continues the last stored pack, if the next id follows its last one. */
  #resume(nextId: number): PackFiller {
    // A damaged one is not changed, and another is begun.
    const last = undefinedIfCorrupt(() => this.tables.packs.last());
    const pack = last && new PackScan(last.key, last.value);
    const resumes = pack !== undefined && !pack.continued && pack.firstId + pack.entries === nextId;
    const filler = new PackFiller(INLINE_VALUE_BYTES, (key, record) => {
      if (resumes && key === last?.key) this.tables.packs.put(key, record);
      else this.tables.packs.append(key, record);
    });
    if (resumes) filler.resume(pack, last!.value);
    return filler;
  }
}

function firstOf<T>(items: Iterable<T>): T | undefined {
  for (const item of items) return item;
  return undefined;
}

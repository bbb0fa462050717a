import type { Tables } from './environment.js';
import { framePieces } from './frame-pieces.js';
import { INLINE_VALUE_BYTES, REFILLED_PACK_BYTES } from './layout.js';
import {
  decodePack,
  deletedEntry,
  encodePack,
  keyOfPack,
  restKey,
  startKey,
  trimPack,
  type Pack,
} from './pack.js';
import { PackFiller } from './pack-filler.js';

/** What a replaced frame changes of its entry. */
interface ChangedEntry {
  readonly frameBytes: number;
  /** The whole tail. */
  readonly piece: Uint8Array;
}

/** Whether the second pack begins where the first one ends. */
function follows({ firstId, entries, continued }: Pack, next: Pack): boolean {
  return next.firstId === firstId + entries.length - (continued ? 1 : 0);
}

/** Writes frames and takes them away again. Of one write transaction; ends with flush(). */
export class SegmentWriter {
  /** The pack at the end of the table, that new frames go to. */
  #filler: PackFiller | undefined;

  constructor(private readonly tables: Pick<Tables, 'packs' | 'heads' | 'halves'>) {}

  /** The id is above all that were ever used. */
  append(id: number, frame: Uint8Array, tokenCount: number): void {
    const filler = (this.#filler ??= this.#resume(id));
    const { headBytes, halfBytes } = framePieces(frame.length);
    if (headBytes > 0) this.tables.heads.append(id, frame.subarray(0, headBytes));
    if (halfBytes > 0) this.tables.halves.append(id, frame.subarray(headBytes, headBytes + halfBytes));
    const piece = frame.subarray(headBytes + halfBytes);
    filler.add(id, { frameBytes: frame.length, tokenCount, piece });
  }

  /** Puts other frames in place of stored ones. The packs that are touched fill up again, with the one before them. */
  replace(frames: ReadonlyMap<number, Uint8Array>): void {
    this.flush();
    const changed = new Map<number, ChangedEntry>();
    const touched = new Set<number>();
    for (const [id, frame] of frames) {
      const { headBytes, halfBytes } = framePieces(frame.length);
      this.#putPiece('heads', id, frame.subarray(0, headBytes));
      this.#putPiece('halves', id, frame.subarray(headBytes, headBytes + halfBytes));
      changed.set(id, { frameBytes: frame.length, piece: frame.subarray(headBytes + halfBytes) });
      const start = this.tables.packs.floorKey(startKey(id));
      if (start !== undefined) touched.add(start);
      if (this.tables.packs.floorKey(restKey(id)) === restKey(id)) touched.add(restKey(id));
    }
    for (const packs of this.#runs([...touched].sort((x, y) => x - y))) {
      for (const pack of packs) this.tables.packs.remove(keyOfPack(pack));
      this.#refill(packs, changed);
    }
  }

  /** Takes away frames that are stored; ids in ascending order. */
  remove(ids: readonly number[]): void {
    this.flush();
    const removed = new Set(ids);
    let doneTo = 0;
    for (const id of ids) {
      this.tables.heads.remove(id);
      this.tables.halves.remove(id);
      // A frame begins in one pack and may go on in the next.
      for (const at of [startKey(id), restKey(id)]) {
        const found = this.tables.packs.floor(at);
        if (!found || found.key <= doneTo) continue;
        doneTo = found.key;
        this.#rewriteWithout(decodePack(found.key, found.value), removed);
      }
    }
  }

  /** Writes the pack that is being filled; says whether there was one. */
  flush(): boolean {
    const wrote = this.#filler?.close() ?? false;
    this.#filler = undefined;
    return wrote;
  }

  #rewriteWithout(pack: Pack, removed: ReadonlySet<number>): void {
    const entries = pack.entries.map((entry, index) =>
      removed.has(pack.firstId + index) ? deletedEntry : entry,
    );
    const rest = trimPack({ ...pack, entries });
    if (rest) this.tables.packs.put(keyOfPack(pack), encodePack(rest));
    else this.tables.packs.remove(keyOfPack(pack));
  }

  /** These packs in runs that follow one another, each with the pack before it; one run is written before the next is read. */
  *#runs(keys: readonly number[]): Generator<Pack[], void, void> {
    let run: Pack[] = [];
    for (const key of keys) {
      const pack = this.#packAt(key);
      if (!pack) continue;
      const last = run.at(-1);
      if (last && !follows(last, pack)) {
        yield run;
        run = [];
      }
      const beforeKey = run.length === 0 ? this.tables.packs.floorKey(key - 1) : undefined;
      const before = beforeKey === undefined ? undefined : this.#packAt(beforeKey);
      if (before && follows(before, pack)) run.push(before);
      run.push(pack);
    }
    if (run.length > 0) yield run;
  }

  #packAt(key: number): Pack | undefined {
    const record = this.tables.packs.get(key);
    return record && decodePack(key, record);
  }

  /** Writes the frames of packs that follow one another anew, some of them changed. */
  #refill(packs: readonly Pack[], changed: ReadonlyMap<number, ChangedEntry>): void {
    const filler = new PackFiller(REFILLED_PACK_BYTES, (key, record) => this.tables.packs.put(key, record));
    for (const [at, { firstId, continues, continued, entries }] of packs.entries()) {
      entries.forEach((entry, index) => {
        const id = firstId + index;
        const isRest = index === 0 && continues;
        const rest = continued && index === entries.length - 1 ? packs[at + 1]?.entries[0] : undefined;
        const change = changed.get(id);
        if (isRest) {
          // The rest of a tail that began in the run went along with its beginning.
          if (at === 0) filler.addRest(id, entry.piece);
        } else if (change) filler.add(id, { ...entry, ...change });
        else if (rest) filler.add(id, { ...entry, piece: Buffer.concat([entry.piece, rest.piece]) });
        else if (continued && index === entries.length - 1) filler.addPart(id, entry);
        else filler.add(id, entry);
      });
    }
    filler.close();
  }

  #putPiece(table: 'heads' | 'halves', id: number, piece: Uint8Array): void {
    if (piece.length > 0) this.tables[table].put(id, piece);
    else this.tables[table].remove(id);
  }

  /** Goes on with the last stored pack, when the next id follows its own. */
  #resume(nextId: number): PackFiller {
    const last = this.tables.packs.last();
    const pack = last && decodePack(last.key, last.value);
    const resumes = pack !== undefined && pack.firstId + pack.entries.length === nextId;
    const filler = new PackFiller(INLINE_VALUE_BYTES, (key, record) => {
      if (resumes && key === last?.key) this.tables.packs.put(key, record);
      else this.tables.packs.append(key, record);
    });
    if (resumes) filler.resume(pack);
    return filler;
  }
}

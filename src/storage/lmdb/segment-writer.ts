import type { Tables } from './environment.js';
import { framePieces } from './frame-pieces.js';
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

  /** Puts another frame in place of a stored one. */
  replace(id: number, frame: Uint8Array): void {
    this.flush();
    const { headBytes, halfBytes } = framePieces(frame.length);
    this.#putPiece('heads', id, frame.subarray(0, headBytes));
    this.#putPiece('halves', id, frame.subarray(headBytes, headBytes + halfBytes));
    const piece = frame.subarray(headBytes + halfBytes);
    const start = this.tables.packs.floor(startKey(id));
    if (!start) return;
    const packs = [decodePack(start.key, start.value)];
    const rest = this.tables.packs.get(restKey(id));
    if (rest) packs.push(decodePack(restKey(id), rest));
    for (const pack of packs) this.tables.packs.remove(keyOfPack(pack));
    this.#refill(packs, id, { frameBytes: frame.length, piece });
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

  /** Writes the frames of packs that follow one another anew, one of them changed. */
  #refill(
    packs: readonly Pack[],
    changedId: number,
    changed: { frameBytes: number; piece: Uint8Array },
  ): void {
    const filler = new PackFiller((key, record) => this.tables.packs.put(key, record));
    for (const { firstId, continues, continued, entries } of packs) {
      entries.forEach((entry, index) => {
        const id = firstId + index;
        const isRest = index === 0 && continues;
        if (id === changedId) {
          if (!isRest) filler.add(id, { ...entry, ...changed });
        } else if (isRest) filler.addRest(id, entry.piece);
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
    const filler = new PackFiller((key, record) => {
      if (resumes && key === last?.key) this.tables.packs.put(key, record);
      else this.tables.packs.append(key, record);
    });
    if (resumes) filler.resume(pack);
    return filler;
  }
}

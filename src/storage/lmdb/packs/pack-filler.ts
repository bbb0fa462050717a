import { REFILLED_PACK_BYTES, SPLIT_BYTES_MIN } from '../tables/layout.js';
import type { Table } from '../tables/table.js';
import type { SegmentId } from '../tables/ids.js';
import { hasRestOf, idAt, type Pack } from './pack.js';
import { type LeanForm, leanFormOf } from './lean-sizes.js';
import { PackBuilder } from './pack-builder.js';
import { framePieces, keyOfPack, type PackEntry, type PackPosition } from './pack-layout.js';

/** Fills packs completely with frames' tails in id order, splitting a tail where a pack ends. */
export class PackFiller {
  readonly #pack: PackBuilder;
  /** Position of the open pack. */
  #open: PackPosition | undefined;

  /**
   * `capacityBytes` is the limit of a pack's record. A record is valid only during its write. Without a form,
   * packs are plain.
   */
  constructor(
    private readonly capacityBytes: number,
    private readonly write: (key: number, record: Uint8Array) => void,
    form?: LeanForm,
  ) {
    this.#pack = new PackBuilder(form);
  }

  /** Continues a stored plain pack, whose last tail is complete. @throws StowkenError CORRUPT_STORE */
  resume(position: PackPosition, record: Uint8Array): void {
    this.#pack.resume(keyOfPack(position), record);
    this.#open = position;
  }

  /** Adds a whole tail. Ids must ascend. */
  add(id: SegmentId, entry: PackEntry): void {
    const { frameBytes, tokenCount, piece } = entry;
    const room = this.#reaches(id) ? this.#room(entry) : -1;
    if (piece.length <= room) this.#pack.add(entry);
    else if (room >= SPLIT_BYTES_MIN) {
      this.#pack.add({ frameBytes, tokenCount, piece: piece.subarray(0, room) });
      this.close(true);
      this.addRest(id, piece.subarray(room));
    } else if (frameBytes > 0) {
      this.close();
      this.#begin(id, false);
      this.#pack.add(entry);
    }
  }

  /** Begins a pack with the rest of a tail. */
  addRest(id: SegmentId, rest: Uint8Array): void {
    this.#begin(id, true);
    this.#pack.addRest(rest);
  }

  /** Adds the first part of a tail whose rest is in the stored next pack; no tail may be added afterwards. */
  addPart(id: SegmentId, entry: PackEntry): void {
    const fits = this.#reaches(id) && entry.piece.length <= this.#room(entry);
    if (!fits) {
      this.close();
      this.#begin(id, false);
    }
    this.#pack.add(entry);
    this.close(true);
  }

  /** Writes the open pack. Returns whether there was one. */
  close(continued = false): boolean {
    const position = this.#open;
    if (!position) return false;
    this.#open = undefined;
    const record = this.#pack.finish(continued);
    if (record) this.write(keyOfPack(position), record);
    return true;
  }

  #begin(firstId: SegmentId, continues: boolean): void {
    this.#open = { firstId, continues };
    this.#pack.clear();
  }

  /** Returns whether the open pack can be extended to just before this id; if not, it is closed. */
  #reaches(id: SegmentId): boolean {
    if (this.#open && this.#open.firstId + this.#pack.entries !== id) this.close();
    return this.#open !== undefined;
  }

  /** Returns the bytes left for the entry's piece. */
  #room(entry: PackEntry): number {
    return this.#pack.room(this.capacityBytes, entry);
  }
}

/** A tail that goes into refilled packs. */
interface Tail {
  readonly id: SegmentId;
  readonly entry: PackEntry;
  /** `rest`: it began in the pack before the sequence; `part`: it ends in the one after it. */
  readonly kind: 'whole' | 'rest' | 'part';
}

/** Rewrites the frames of consecutive packs, some of them changed, to lean packs of some pages each. */
export function refillPacks(
  table: Table<number>,
  run: readonly Pack[],
  frames: ReadonlyMap<number, Uint8Array>,
): void {
  const tails = [...tailsIn(table, run, frames)];
  for (const pack of run) table.remove(keyOfPack(pack));
  const form = leanFormOf(tails.filter(({ kind }) => kind !== 'rest').map(({ entry }) => entry));
  const filler = new PackFiller(REFILLED_PACK_BYTES, (key, record) => table.put(key, record), form);
  for (const { id, entry, kind } of tails) {
    if (kind === 'whole') filler.add(id, entry);
    else if (kind === 'rest') filler.addRest(id, entry.piece);
    else filler.addPart(id, entry);
  }
  filler.close();
}

function* tailsIn(
  table: Table<number>,
  run: readonly Pack[],
  frames: ReadonlyMap<number, Uint8Array>,
): Generator<Tail, void, void> {
  for (const [index, pack] of run.entries()) {
    const next = run[index + 1];
    for (const [at, entry] of pack.entries.entries()) {
      const id = idAt(pack, at);
      const isRest = at === 0 && pack.continues;
      const frame = frames.get(id);
      if (isRest) {
        // Inside the sequence it was added together with its beginning.
        if (index === 0 && entry.piece.length > 0) yield { id, entry, kind: 'rest' };
      } else if (frame) yield { id, entry: entryOf(frame, entry.tokenCount), kind: 'whole' };
      else if (!pack.continued || at < pack.entries.length - 1) yield { id, entry, kind: 'whole' };
      else if (next) yield { id, entry: joined(table, pack, next), kind: 'whole' };
      else yield { id, entry, kind: 'part' };
    }
  }
}

function entryOf(frame: Uint8Array, tokenCount: number): PackEntry {
  const { headBytes, halfBytes } = framePieces(frame.length);
  return { frameBytes: frame.length, tokenCount, piece: frame.subarray(headBytes + halfBytes) };
}

/**
 * Returns the last entry of a pack with the rest of its tail, which the next pack begins with.
 * @throws StowkenError CORRUPT_STORE if it does not
 */
function joined(table: Table<number>, pack: Pack, next: Pack): PackEntry {
  const entry = pack.entries.at(-1);
  const rest = next.entries[0];
  if (!entry || !rest || !hasRestOf(pack, next))
    throw table.corrupt(keyOfPack(next), 'does not continue the pack before it');
  return { ...entry, piece: Buffer.concat([entry.piece, rest.piece]) };
}

import { ByteWriter, varintBytes } from '../../shared/bytes.js';
import { INLINE_VALUE_BYTES, REFILLED_PACK_BYTES, SPLIT_BYTES_MIN } from '../tables/layout.js';
import type { Table } from '../tables/table.js';
import { entryBytes, framePieces, keyOfPack, type Pack, type PackEntry, type PackParts } from './pack.js';

/** Fills packs completely with frames' tails in id order, splitting a tail where a pack ends. */
export class PackFiller {
  #isOpen = false;
  /** First id of the open pack. */
  #firstId = 0;
  #continues = false;
  #entries = 0;
  /**
   * Lengths and tokens of the entries, and their pieces: as bytes, since an object for each would cost more
   * than everything else.
   */
  readonly #sizes = new ByteWriter();
  readonly #pieces = new ByteWriter(INLINE_VALUE_BYTES);
  /** Entries up to the last one that is not deleted. */
  #entriesKept = 0;
  #sizesKept = 0;
  readonly #record = new ByteWriter(INLINE_VALUE_BYTES);

  /** `capacityBytes` is the limit of a pack's record. A record is valid only during its write. */
  constructor(
    private readonly capacityBytes: number,
    private readonly write: (key: number, record: Uint8Array) => void,
  ) {}

  /** Continues a stored pack, whose last tail is complete. */
  resume({ firstId, continues, entries, sizes, pieces }: PackParts): void {
    this.#open(firstId, continues);
    this.#sizes.raw(sizes);
    this.#pieces.raw(pieces);
    // No stored pack ends with a deleted entry.
    this.#entries = this.#entriesKept = entries;
    this.#sizesKept = this.#sizes.length;
  }

  /** Adds a whole tail. Ids must ascend. */
  add(id: number, entry: PackEntry): void {
    const { frameBytes, tokenCount, piece } = entry;
    const room = this.#reaches(id) ? this.#room() - entryBytes(entry) : -1;
    if (piece.length <= room) this.#append(entry);
    else if (room >= SPLIT_BYTES_MIN) {
      this.#append({ frameBytes, tokenCount, piece: piece.subarray(0, room) });
      this.close(true);
      this.addRest(id, piece.subarray(room));
    } else if (frameBytes > 0) {
      this.close();
      this.#open(id, false);
      this.#append(entry);
    }
  }

  /** Begins a pack with the rest of a tail. */
  addRest(id: number, rest: Uint8Array): void {
    this.#open(id, true);
    this.#appendRest(rest);
  }

  /** Adds the first part of a tail whose rest is in the stored next pack; no tail may be added afterwards. */
  addPart(id: number, entry: PackEntry): void {
    const fits = this.#reaches(id) && entry.piece.length <= this.#room() - entryBytes(entry);
    if (!fits) {
      this.close();
      this.#open(id, false);
    }
    this.#append(entry);
    this.close(true);
  }

  /** Writes the open pack. Returns whether there was one. */
  close(continued = false): boolean {
    if (!this.#isOpen) return false;
    this.#isOpen = false;
    const entries = this.#entriesKept;
    if (entries === 0) return true;
    const goesOn = continued && entries === this.#entries;
    this.#sizes.truncate(this.#sizesKept);
    this.#record.truncate(0);
    this.#record.varint(2 * entries + (goesOn ? 1 : 0));
    this.#record.raw(this.#sizes.finish()).raw(this.#pieces.finish());
    this.write(keyOfPack({ firstId: this.#firstId, continues: this.#continues }), this.#record.finish());
    return true;
  }

  #open(firstId: number, continues: boolean): void {
    this.#isOpen = true;
    this.#firstId = firstId;
    this.#continues = continues;
    this.#entries = 0;
    this.#sizes.truncate(0);
    this.#pieces.truncate(0);
    this.#entriesKept = 0;
    this.#sizesKept = 0;
  }

  /** Returns whether the open pack can be extended to just before this id; if not, it is closed. */
  #reaches(id: number): boolean {
    if (this.#isOpen && this.#firstId + this.#entries !== id) this.close();
    return this.#isOpen;
  }

  /** Returns the bytes left once the head counts one more entry. */
  #room(): number {
    const headBytes = varintBytes(2 * (this.#entries + 1) + 1);
    return this.capacityBytes - headBytes - this.#sizes.length - this.#pieces.length;
  }

  #append({ frameBytes, tokenCount, piece }: PackEntry): void {
    this.#sizes.varint(frameBytes);
    if (frameBytes > 0) this.#sizes.varint(tokenCount);
    // It may be empty if the frame is in whole pages.
    this.#appendPiece(piece, frameBytes > 0);
  }

  #appendRest(rest: Uint8Array): void {
    this.#sizes.varint(rest.length);
    this.#appendPiece(rest, rest.length > 0);
  }

  #appendPiece(piece: Uint8Array, kept: boolean): void {
    this.#pieces.raw(piece);
    this.#entries += 1;
    if (!kept) return;
    this.#entriesKept = this.#entries;
    this.#sizesKept = this.#sizes.length;
  }
}

/** Rewrites the frames of consecutive packs, some of them changed, to packs of a page each. */
export function refillPacks(
  table: Table<number>,
  run: readonly Pack[],
  frames: ReadonlyMap<number, Uint8Array>,
): void {
  for (const pack of run) table.remove(keyOfPack(pack));
  const filler = new PackFiller(REFILLED_PACK_BYTES, (key, record) => table.put(key, record));
  run.forEach((pack, index) => {
    const next = run[index + 1];
    pack.entries.forEach((entry, at) => {
      const id = pack.firstId + at;
      const isRest = at === 0 && pack.continues;
      const frame = frames.get(id);
      if (isRest) {
        // Inside the sequence it was added together with its beginning.
        if (index === 0 && entry.piece.length > 0) filler.addRest(id, entry.piece);
      } else if (frame) filler.add(id, entryOf(frame, entry.tokenCount));
      else if (!pack.continued || at < pack.entries.length - 1) filler.add(id, entry);
      else if (next) filler.add(id, joined(entry, next));
      else filler.addPart(id, entry);
    });
  });
  filler.close();
}

function entryOf(frame: Uint8Array, tokenCount: number): PackEntry {
  const { headBytes, halfBytes } = framePieces(frame.length);
  return { frameBytes: frame.length, tokenCount, piece: frame.subarray(headBytes + halfBytes) };
}

function joined(entry: PackEntry, next: Pack): PackEntry {
  const rest = next.entries[0]?.piece ?? Buffer.alloc(0);
  return { ...entry, piece: Buffer.concat([entry.piece, rest]) };
}

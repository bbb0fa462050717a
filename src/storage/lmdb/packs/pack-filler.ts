import { varintBytes } from '../../bytes.js';
import { SPLIT_BYTES_MIN } from '../tables/layout.js';
import {
  deletedEntry,
  encodePack,
  entryBytes,
  keyOfPack,
  trimPack,
  type Pack,
  type PackEntry,
} from './pack.js';

interface OpenPack {
  readonly firstId: number;
  readonly continues: boolean;
  readonly entries: PackEntry[];
  /** Of the entries and their pieces, without the pack's own head. */
  bytes: number;
}

/** Fills packs to the brim with frames' tails in id order, cutting a tail where a pack ends. */
export class PackFiller {
  #open: OpenPack | undefined;

  /** `capacityBytes` is the longest record of a pack. */
  constructor(
    private readonly capacityBytes: number,
    private readonly write: (key: number, record: Uint8Array) => void,
  ) {}

  /** Goes on with a stored pack, whose last tail is whole. */
  resume({ firstId, continues, entries }: Pack): void {
    this.#open = { firstId, continues, entries: [], bytes: 0 };
    entries.forEach((entry, index) => {
      const cost = index === 0 && continues ? varintBytes(entry.piece.length) : entryBytes(entry);
      append(this.#open as OpenPack, entry, cost);
    });
  }

  /** Adds a whole tail. Ids go up. */
  add(id: number, entry: PackEntry): void {
    const cost = entryBytes(entry);
    const open = this.#reaching(id);
    const room = open ? this.#roomIn(open) - cost : 0;
    if (open && entry.piece.length <= room) {
      append(open, entry, cost);
    } else if (open && room >= SPLIT_BYTES_MIN) {
      append(open, { ...entry, piece: entry.piece.subarray(0, room) }, cost);
      this.close(true);
      this.addRest(id, entry.piece.subarray(room));
    } else if (entry.frameBytes > 0) {
      this.close();
      append((this.#open = { firstId: id, continues: false, entries: [], bytes: 0 }), entry, cost);
    }
  }

  /** Begins a pack with the rest of a tail. */
  addRest(id: number, rest: Uint8Array): void {
    this.#open = { firstId: id, continues: true, entries: [], bytes: 0 };
    append(this.#open, { ...deletedEntry, piece: rest }, varintBytes(rest.length));
  }

  /** Adds the first part of a tail, of which the stored next pack has the rest; the last that is added. */
  addPart(id: number, entry: PackEntry): void {
    const cost = entryBytes(entry);
    const open = this.#reaching(id);
    if (open && entry.piece.length <= this.#roomIn(open) - cost) append(open, entry, cost);
    else {
      this.close();
      append((this.#open = { firstId: id, continues: false, entries: [], bytes: 0 }), entry, cost);
    }
    this.close(true);
  }

  /** Writes the pack that is being filled; says whether there was one. */
  close(continued = false): boolean {
    const open = this.#open;
    if (!open) return false;
    this.#open = undefined;
    const pack = trimPack({ ...open, continued });
    if (pack) this.write(keyOfPack(pack), encodePack(pack));
    return true;
  }

  /** The open pack, if its entries go to just before this id. */
  #reaching(id: number): OpenPack | undefined {
    const open = this.#open;
    if (open && open.firstId + open.entries.length !== id) this.close();
    return this.#open;
  }

  /** Bytes left once one more entry is counted in the head. */
  #roomIn(open: OpenPack): number {
    return this.capacityBytes - varintBytes(2 * (open.entries.length + 1) + 1) - open.bytes;
  }
}

function append(open: OpenPack, entry: PackEntry, cost: number): void {
  open.entries.push(entry);
  open.bytes += cost + entry.piece.length;
}

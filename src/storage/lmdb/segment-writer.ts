import { varintBytes } from '../bytes.js';
import type { Tables } from './environment.js';
import { framePieces } from './frame-pieces.js';
import { INLINE_VALUE_BYTES, SPLIT_BYTES_MIN } from './layout.js';
import { decodePack, deletedEntry, encodePack, entryBytes, type PackEntry } from './pack.js';

/** A pack that is still being filled. */
interface OpenPack {
  readonly firstId: number;
  readonly stored: boolean;
  readonly continues: boolean;
  readonly entries: PackEntry[];
  /** Of the entries and their pieces, without the pack's own head. */
  bytes: number;
}

/** Writes frames in id order and takes them away again. Of one write transaction; ends with flush(). */
export class SegmentWriter {
  #open: OpenPack | undefined;

  constructor(private readonly tables: Pick<Tables, 'packs' | 'heads' | 'halves'>) {}

  /** The id is above all that were ever used. */
  append(id: number, frame: Uint8Array, tokenCount: number): void {
    const { headBytes, halfBytes } = framePieces(frame.length);
    if (headBytes > 0) this.tables.heads.append(id, frame.subarray(0, headBytes));
    if (halfBytes > 0) this.tables.halves.append(id, frame.subarray(headBytes, headBytes + halfBytes));
    const tail = frame.subarray(headBytes + halfBytes);
    const entry = { frameBytes: frame.length, tokenCount, piece: tail };
    const cost = entryBytes(frame.length, tokenCount);

    const open = (this.#open ??= this.#reopen(id));
    const room = open ? roomIn(open) - cost : 0;
    if (open && tail.length <= room) {
      add(open, entry, cost);
    } else if (open && room >= SPLIT_BYTES_MIN) {
      add(open, { ...entry, piece: tail.subarray(0, room) }, cost);
      this.#write(open, true);
      const rest = tail.subarray(room);
      this.#open = { firstId: id, stored: false, continues: true, entries: [], bytes: 0 };
      add(this.#open, { ...deletedEntry, piece: rest }, varintBytes(rest.length));
    } else {
      this.flush();
      this.#open = { firstId: id, stored: false, continues: false, entries: [], bytes: 0 };
      add(this.#open, entry, cost);
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
      // A tail may be in two packs, of which the later one begins with it.
      for (const at of [id - 1, id]) {
        const found = this.tables.packs.floor(at);
        if (!found || found.key <= doneTo) continue;
        doneTo = found.key;
        this.#rewriteWithout(found.key, found.value, removed);
      }
    }
  }

  /** Writes the pack that is being filled; says whether there was one. */
  flush(): boolean {
    const open = this.#open;
    if (!open) return false;
    this.#write(open, false);
    this.#open = undefined;
    return true;
  }

  #rewriteWithout(firstId: number, record: Uint8Array, removed: ReadonlySet<number>): void {
    const { continues, continued, entries } = decodePack(record);
    const kept = entries.map((entry, index) => (removed.has(firstId + index) ? deletedEntry : entry));
    while (kept.length > 0 && isEmpty(kept.at(-1))) kept.pop();
    if (kept.length === 0) {
      this.tables.packs.remove(firstId);
      return;
    }
    const stillContinued = continued && kept.length === entries.length;
    this.tables.packs.put(firstId, encodePack({ continues, continued: stillContinued, entries: kept }));
  }

  /** The last stored pack, when the next id follows its own. */
  #reopen(nextId: number): OpenPack | undefined {
    const last = this.tables.packs.last();
    if (!last) return undefined;
    const { continues, entries } = decodePack(last.value);
    if (last.key + entries.length !== nextId) return undefined;
    const open: OpenPack = { firstId: last.key, stored: true, continues, entries: [], bytes: 0 };
    entries.forEach((entry, index) => {
      const carried = index === 0 && continues;
      const cost = carried
        ? varintBytes(entry.piece.length)
        : entry.frameBytes === 0
          ? 1
          : entryBytes(entry.frameBytes, entry.tokenCount);
      add(open, entry, cost);
    });
    return open;
  }

  #write({ firstId, stored, continues, entries }: OpenPack, continued: boolean): void {
    const record = encodePack({ continues, continued, entries });
    if (stored) this.tables.packs.put(firstId, record);
    else this.tables.packs.append(firstId, record);
  }
}

function add(open: OpenPack, entry: PackEntry, cost: number): void {
  open.entries.push(entry);
  open.bytes += cost + entry.piece.length;
}

/** Bytes left once one more entry is counted in the head. */
function roomIn(open: OpenPack): number {
  return INLINE_VALUE_BYTES - varintBytes(4 * (open.entries.length + 1) + 3) - open.bytes;
}

/** A tail may be empty where the frame is in whole pages: only what has no length is deleted. */
function isEmpty(entry: PackEntry | undefined): boolean {
  return entry === undefined || (entry.frameBytes === 0 && entry.piece.length === 0);
}

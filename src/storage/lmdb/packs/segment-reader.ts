import { StowkenError } from '../../../model/index.js';
import { segmentNotFound } from '../../refusals.js';
import type { Tables } from '../tables/environment.js';
import { framePieces } from './frame-pieces.js';
import { decodePack, restKey, startKey, type PackEntry } from './pack.js';
import { PackView } from './pack-view.js';

export interface SegmentSize {
  readonly tokenCount: number;
  readonly frameBytes: number;
}

/** Finds segments by id. For one synchronous stretch of reading: it remembers the last pack. */
export class SegmentReader {
  #last: PackView | undefined;

  constructor(private readonly tables: Pick<Tables, 'packs' | 'heads' | 'halves'>) {}

  size(id: number): SegmentSize | undefined {
    const found = this.#find(id);
    return found && { tokenCount: found.entry.tokenCount, frameBytes: found.entry.frameBytes };
  }

  /** The frame, in a buffer of its own. @throws StowkenError SEGMENT_NOT_FOUND, CORRUPT_STORE */
  frame(id: number): Uint8Array {
    const found = this.#find(id);
    if (!found) throw segmentNotFound(id);
    const { entry, rest } = found;
    const { headBytes, halfBytes } = framePieces(entry.frameBytes);
    const pieces = [entry.piece, ...(rest ? [rest] : [])];
    if (halfBytes > 0) pieces.unshift(this.#piece('halves', id));
    if (headBytes > 0) pieces.unshift(this.#piece('heads', id));
    const frame = new Uint8Array(entry.frameBytes);
    let at = 0;
    for (const piece of pieces) {
      if (at + piece.length > frame.length) break;
      frame.set(piece, at);
      at += piece.length;
    }
    if (at !== frame.length || pieces.reduce((sum, { length }) => sum + length, 0) !== at) {
      throw corrupt(id, `its pieces do not make ${frame.length} bytes`);
    }
    return frame;
  }

  /** The entry where the segment begins, and the rest of its tail when that is in the next pack. */
  #find(id: number): { entry: PackEntry; rest: Uint8Array | undefined } | undefined {
    const entry = this.#packOf(id)?.find(id);
    return entry && { entry, rest: entry.open ? this.#restOf(id) : undefined };
  }

  #restOf(id: number): Uint8Array {
    const record = this.tables.packs.get(restKey(id));
    const [rest] = record ? decodePack(restKey(id), record).entries : [];
    if (!rest) throw corrupt(id, 'the pack with the end of its frame is missing');
    return rest.piece;
  }

  #packOf(id: number): PackView | undefined {
    if (this.#last?.covers(id)) return this.#last;
    const found = this.tables.packs.floor(startKey(id));
    return (this.#last = found && new PackView(found.key, found.value));
  }

  #piece(table: 'heads' | 'halves', id: number): Uint8Array {
    const piece = this.tables[table].get(id);
    if (!piece) throw corrupt(id, `its bytes in ${table} are missing`);
    return piece;
  }
}

function corrupt(id: number, what: string): StowkenError {
  return new StowkenError('CORRUPT_STORE', `segment ${id}: ${what}`, { segment: String(id) });
}

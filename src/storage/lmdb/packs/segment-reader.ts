import { isStowkenError, StowkenError } from '../../../model/index.js';
import { segmentNotFound } from '../../shared/refusals.js';
import type { Tables } from '../tables/environment.js';
import type { Unchecked } from '../tables/table.js';
import type { SegmentId } from '../tables/ids.js';
import { covers, decodePack, findEntry, type FoundEntry, PackPlaces } from './pack.js';
import { framePieces, restKey, startKey } from './pack-layout.js';
import { PackScan } from './pack-scan.js';

export interface SegmentSize {
  readonly tokenCount: number;
  readonly frameBytes: number;
}

/** Facts about segments that packs do not contain, or cannot be trusted with. */
export interface SegmentWitness {
  /** True if some pack must have it. */
  isStored(id: SegmentId): boolean;
  /**
   * Distinguishes an intact frame from a damaged one if its pack's checksum is wrong. The checksum covers all
   * frames of the pack, and damage usually hits one of them. Returns the tokens of the frame, if it is surely
   * this segment's; `said` is the count in the pack.
   */
  tokensOf(id: SegmentId, frame: Uint8Array, said: number): number | undefined;
}

/**
 * Trusts damaged packs: for callers that compare their content with other records and do not change the pack.
 */
export const trustsDamagedPacks: SegmentWitness = {
  isStored: () => false,
  tokensOf: (_id, _frame, said) => said,
};

interface ReadPack {
  readonly key: number;
  readonly record: Uint8Array;
  readonly head: PackScan;
  readonly damage: StowkenError | undefined;
  /** Places of all its entries, once a second one is looked for. */
  places: PackPlaces | undefined;
}

/** A segment's entry in its packs. */
interface Place {
  readonly entry: FoundEntry;
  readonly pieces: Uint8Array[];
  /** Damage of the pack where it begins, or of the one with the rest of its tail. */
  readonly damage: StowkenError | undefined;
}

/** Finds segments by id, within one synchronous stretch of reading: it caches the last pack. */
export class SegmentReader {
  #last: ReadPack | undefined;

  /** Without a witness, no pack with a wrong checksum is read. */
  constructor(
    private readonly tables: Pick<Tables, 'packs' | 'frameOverflowPages' | 'frameHalfPages'>,
    private readonly witness?: SegmentWitness,
  ) {}

  /** Returns undefined if no pack has it. @throws StowkenError CORRUPT_SEGMENT */
  size(id: SegmentId): SegmentSize | undefined {
    const found = this.#find(id);
    if (!found) return this.#absent(id);
    const { tokenCount, frameBytes } = found.entry;
    if (!found.damage) return { tokenCount, frameBytes };
    return { tokenCount: this.#proven(id, found, this.#assemble(id, found)), frameBytes };
  }

  /** Returns the frame, in a buffer of its own. @throws StowkenError SEGMENT_NOT_FOUND, CORRUPT_SEGMENT */
  frame(id: SegmentId): Uint8Array {
    const found = this.#find(id);
    if (!found) throw this.#absent(id) ?? segmentNotFound(id);
    const frame = this.#assemble(id, found);
    if (found.damage) this.#proven(id, found, frame);
    return frame;
  }

  /** @throws StowkenError CORRUPT_SEGMENT if it should be stored */
  #absent(id: SegmentId): undefined {
    if (this.witness?.isStored(id)) throw corrupt(id, 'it is counted as stored, and no pack has it');
    return undefined;
  }

  #assemble(id: SegmentId, { entry, pieces: tail }: Place): Uint8Array {
    const { headBytes, halfBytes } = framePieces(entry.frameBytes);
    const pieces = [...tail];
    if (halfBytes > 0) pieces.unshift(this.#piece('frameHalfPages', id));
    if (headBytes > 0) pieces.unshift(this.#piece('frameOverflowPages', id));
    const frameBytes = pieces.reduce((sum, { length }) => sum + length, 0);
    if (frameBytes !== entry.frameBytes) {
      throw corrupt(id, `its pieces do not make ${entry.frameBytes} bytes`);
    }
    const frame = new Uint8Array(frameBytes);
    let at = 0;
    for (const piece of pieces) {
      frame.set(piece, at);
      at += piece.length;
    }
    return frame;
  }

  /** Returns its tokens, if the frame is right although a pack is damaged. */
  #proven(id: SegmentId, { entry, damage }: Place, frame: Uint8Array): number {
    const tokens = this.witness?.tokensOf(id, frame, entry.tokenCount);
    if (tokens === undefined) throw corrupt(id, damage!.message, damage);
    return tokens;
  }

  /** Returns the entry where the segment begins, and its tail, whose end may be in the next pack. */
  #find(id: SegmentId): Place | undefined {
    const { packs } = this.tables;
    const last = this.#last && covers(this.#last.head, id) ? this.#last : undefined;
    if (!last) {
      const at = packs.floorKey(startKey(id));
      if (at === undefined) return undefined;
      this.#last = this.#read(id, packs.unchecked(at), at);
    }
    const { key, record, damage } = this.#last!;
    const entry = reading(id, () =>
      last ? (last.places ??= new PackPlaces(key, record)).find(id) : findEntry(key, record, id),
    );
    // A segment missing in a damaged pack may have been in it before.
    if (!entry && damage) throw corrupt(id, damage.message, damage);
    if (!entry?.open) return entry && { entry, pieces: [entry.piece], damage };
    const rest = packs.unchecked(restKey(id));
    if (!rest || (rest.damage && !this.witness))
      throw corrupt(id, 'the pack with the end of its frame is missing or damaged', rest?.damage);
    const [first] = reading(id, () => decodePack(restKey(id), rest.value).entries);
    if (!first) throw corrupt(id, 'the pack with the end of its frame is empty');
    return { entry, pieces: [entry.piece, first.piece], damage: damage ?? rest.damage };
  }

  #read(id: SegmentId, found: Unchecked | undefined, key: number): ReadPack {
    if (!found) throw corrupt(id, `pack ${key} is found and cannot be read`);
    if (found.damage && !this.witness) throw corrupt(id, found.damage.message, found.damage);
    const { value: record, damage } = found;
    const head = reading(id, () => new PackScan(key, record));
    return { key, record, head, damage, places: undefined };
  }

  #piece(table: 'frameOverflowPages' | 'frameHalfPages', id: SegmentId): Uint8Array {
    const piece = reading(id, () => this.tables[table].get(id));
    if (!piece) throw corrupt(id, `its bytes in ${table} are missing`);
    return piece;
  }
}

/** Converts damage of a pack to damage of the segment that is looked up there. */
function reading<T>(id: SegmentId, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!isStowkenError(error, 'CORRUPT_STORE')) throw error;
    throw corrupt(id, error.message, error);
  }
}

function corrupt(id: SegmentId, what: string, cause?: StowkenError): StowkenError {
  return new StowkenError('CORRUPT_SEGMENT', `segment ${id}: ${what}`, { segment: String(id) }, { cause });
}

import { isStowkenError, StowkenError } from '../../../model/index.js';
import { segmentNotFound } from '../../shared/refusals.js';
import type { Tables } from '../tables/environment.js';
import type { Unchecked } from '../tables/table.js';
import { decodePack, framePieces, type PackPlace, PackView, restKey, startKey } from './pack.js';

export interface SegmentSize {
  readonly tokenCount: number;
  readonly frameBytes: number;
}

/** Knows of segments what packs do not say, or cannot be trusted with. */
export interface SegmentWitness {
  /** Whether some pack must have it. */
  isStored(id: number): boolean;
  /**
   * Tells a frame that is whole from a damaged one where its pack does not have its checksum, which is over all of
   * the pack's frames: damage hits one as a rule. Returns the tokens of the frame, if it is surely this segment's;
   * `said` is what the pack says.
   */
  tokensOf(id: number, frame: Uint8Array, said: number): number | undefined;
}

/** Takes damaged packs at their word: for those who compare what they find there, and leave the pack as it is. */
export const credulous: SegmentWitness = { isStored: () => false, tokensOf: (_id, _frame, said) => said };

interface ReadPack {
  readonly view: PackView;
  readonly damage: StowkenError | undefined;
}

/** A segment as its packs have it. */
interface Place {
  readonly entry: PackPlace;
  readonly pieces: Uint8Array[];
  /** Of the pack where it begins, or of the one with the rest of its tail. */
  readonly damage: StowkenError | undefined;
}

/** Finds segments by id. For one synchronous stretch of reading: it remembers the last pack. */
export class SegmentReader {
  #last: ReadPack | undefined;

  /** Without a witness, nothing is read of a pack that does not have its checksum. */
  constructor(
    private readonly tables: Pick<Tables, 'packs' | 'frameOverflowPages' | 'frameHalfPages'>,
    private readonly witness?: SegmentWitness,
  ) {}

  /** Undefined: no pack has it. @throws StowkenError CORRUPT_SEGMENT */
  size(id: number): SegmentSize | undefined {
    const found = this.#find(id);
    if (!found) return this.#absent(id);
    const { tokenCount, frameBytes } = found.entry;
    if (!found.damage) return { tokenCount, frameBytes };
    return { tokenCount: this.#proven(id, found, this.#assemble(id, found)), frameBytes };
  }

  /** The frame, in a buffer of its own. @throws StowkenError SEGMENT_NOT_FOUND, CORRUPT_SEGMENT */
  frame(id: number): Uint8Array {
    const found = this.#find(id);
    if (!found) throw this.#absent(id) ?? segmentNotFound(id);
    const frame = this.#assemble(id, found);
    if (found.damage) this.#proven(id, found, frame);
    return frame;
  }

  /** @throws StowkenError CORRUPT_SEGMENT where it ought to be there */
  #absent(id: number): undefined {
    if (this.witness?.isStored(id)) throw corrupt(id, 'it is counted as stored, and no pack has it');
    return undefined;
  }

  #assemble(id: number, { entry, pieces: tail }: Place): Uint8Array {
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

  /** Its tokens, where the frame is right though a pack is not. */
  #proven(id: number, { entry, damage }: Place, frame: Uint8Array): number {
    const tokens = this.witness?.tokensOf(id, frame, entry.tokenCount);
    if (tokens === undefined) throw corrupt(id, damage!.message, damage);
    return tokens;
  }

  /** The entry where the segment begins, and its tail, whose end may be in the next pack. */
  #find(id: number): Place | undefined {
    const { packs } = this.tables;
    const key = this.#last?.view.covers(id) ? undefined : packs.floorKey(startKey(id));
    if (key !== undefined) this.#last = this.#read(id, packs.unchecked(key), key);
    else if (!this.#last?.view.covers(id)) return undefined;
    const { view, damage } = this.#last;
    const entry = reading(id, () => view.find(id));
    // What a damaged pack does not have may have been there before.
    if (!entry && damage) throw corrupt(id, damage.message, damage);
    if (!entry?.open) return entry && { entry, pieces: [entry.piece], damage };
    const rest = packs.unchecked(restKey(id));
    if (!rest || (rest.damage && !this.witness))
      throw corrupt(id, 'the pack with the end of its frame is missing or damaged', rest?.damage);
    const [first] = reading(id, () => decodePack(restKey(id), rest.value).entries);
    if (!first) throw corrupt(id, 'the pack with the end of its frame is empty');
    return { entry, pieces: [entry.piece, first.piece], damage: damage ?? rest.damage };
  }

  #read(id: number, found: Unchecked | undefined, key: number): ReadPack {
    if (!found) throw corrupt(id, `pack ${key} is found and cannot be read`);
    if (found.damage && !this.witness) throw corrupt(id, found.damage.message, found.damage);
    return { view: reading(id, () => new PackView(key, found.value)), damage: found.damage };
  }

  #piece(table: 'frameOverflowPages' | 'frameHalfPages', id: number): Uint8Array {
    const piece = reading(id, () => this.tables[table].get(id));
    if (!piece) throw corrupt(id, `its bytes in ${table} are missing`);
    return piece;
  }
}

/** What is damaged in a pack is damage of the segment that is looked for there. */
function reading<T>(id: number, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!isStowkenError(error, 'CORRUPT_STORE')) throw error;
    throw corrupt(id, error.message, error);
  }
}

function corrupt(id: number, what: string, cause?: StowkenError): StowkenError {
  return new StowkenError('CORRUPT_SEGMENT', `segment ${id}: ${what}`, { segment: String(id) }, { cause });
}

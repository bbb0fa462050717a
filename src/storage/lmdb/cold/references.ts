import { corruptPack } from './columns.js';

/** Ways in which a pack names a segment, from the ones before it. */
export const ways = {
  /** The number after the greatest one so far: most segments are new when they are named first. */
  next: 0,
  /** The segment that came after the one before, when that was named last. */
  successor: 1,
  /** The number after that of the segment before. */
  following: 2,
  /** Distance from the greatest number so far. */
  far: 3,
} as const;

/** Limit of segments' numbers, which are halves of u32 keys. */
const ID_MAX = 2 ** 31 - 1;
const HASH_FACTOR = 0x9e3779b1;
const NONE = -1;

/**
 * Prediction of segments and their token counts, which writer and reader of a pack make in the same way. A
 * hash table of typed arrays: most of the time that a pack takes to be read goes to it.
 */
export class Foresight {
  greatest = 0;
  readonly #shift: number;
  readonly #mask: number;
  /** Numbers of segments; 0: none. */
  readonly #ids: Int32Array;
  /** Segment that came last after another; 0: none. */
  readonly #successors: Int32Array;
  readonly #tokenCounts: Float64Array;
  /** Segments that came last at the beginning of a list, by its labels. */
  readonly #first: number[] = [];
  #labels = 0;
  #before = 0;
  /** Place of the segment before. */
  #place = NONE;

  /** `namings` is the number of times that segments are named. */
  constructor(namings: number) {
    const bits = Math.ceil(Math.log2(namings + 2)) + 1;
    this.#shift = 32 - bits;
    this.#mask = 2 ** bits - 1;
    this.#ids = new Int32Array(2 ** bits);
    this.#successors = new Int32Array(2 ** bits);
    this.#tokenCounts = new Float64Array(2 ** bits);
  }

  /** Begins the list of a conversation that has these labels. */
  begin(labels: number): void {
    this.#labels = labels;
    this.#before = 0;
    this.#place = NONE;
  }

  /** Undefined if none came after the one before. */
  get successor(): number | undefined {
    const successor = this.#place === NONE ? this.#first[this.#labels] : this.#successors[this.#place];
    return successor === 0 ? undefined : successor;
  }

  /** Undefined at the beginning of a list. */
  get following(): number | undefined {
    return this.#before > 0 ? this.#before + 1 : undefined;
  }

  /** Returns the token count of a segment that was named before. */
  tokenCountOf(id: number): number | undefined {
    if (id > this.greatest) return undefined;
    const place = this.#placeOf(id);
    return this.#ids[place] === id ? this.#tokenCounts[place] : undefined;
  }

  /** @throws StowkenError CORRUPT_STORE for a number that no segment has */
  learn(id: number, tokenCount: number): void {
    if (!(id > 0 && id <= ID_MAX)) throw corruptPack('names a segment that cannot be');
    if (this.#place === NONE) this.#first[this.#labels] = id;
    else this.#successors[this.#place] = id;
    const place = this.#placeOf(id);
    this.#ids[place] = id;
    this.#tokenCounts[place] = tokenCount;
    this.#place = place;
    this.#before = id;
    if (id > this.greatest) this.greatest = id;
  }

  /** Returns the way to a segment, from the ones before it. */
  wayTo(id: number): number {
    if (id === this.greatest + 1) return ways.next;
    if (id === this.successor) return ways.successor;
    return id === this.following ? ways.following : ways.far;
  }

  /** Returns the place that has a segment, or would have it. */
  #placeOf(id: number): number {
    let place = Math.imul(id, HASH_FACTOR) >>> this.#shift;
    for (;;) {
      const found = this.#ids[place];
      if (found === id || found === 0) return place;
      place = (place + 1) & this.#mask;
    }
  }
}

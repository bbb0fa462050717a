import type { Slices } from './slices.js';

/** The id of the token with these bytes, one character a byte (latin1); undefined if there is none. */
export type TokenOfBytes = (bytes: string) => number | undefined;

/** Pieces up to this many bytes are merged by scanning, which is faster than a heap for them. */
const scanBytesMax = 48;
/** Merges, or pairs looked up, in one slice. */
const sliceSteps = 2048;

const none = 0xffff_ffff;

/**
 * Merges one piece as byte-pair encoding says: of all adjacent pairs of tokens that make a token, the one of the
 * lowest id is merged, the leftmost first, until there is none. Takes O(n log n): a list of tokens linked by where
 * they begin and end, and a heap of pairs, in which those that no longer stand are left and skipped.
 */
export function* mergePiece(bytes: string, tokenOf: TokenOfBytes, sink: number[]): Slices<void> {
  if (bytes.length <= scanBytesMax) mergeShort(bytes, tokenOf, sink);
  else yield* mergeLong(bytes, tokenOf, sink);
}

/** True if merging this many bytes takes memory that two calls should not take at once: 20 to 40 times the bytes. */
export function isLargeMerge(byteCount: number): boolean {
  return byteCount > 16 * 1024;
}

/** The same by looking at every pair for every merge. */
function mergeShort(bytes: string, tokenOf: TokenOfBytes, sink: number[]): void {
  const starts = Array.from({ length: bytes.length + 1 }, (_, at) => at);
  const rankAt = (index: number): number =>
    index + 2 < starts.length ? (tokenOf(bytes.slice(starts[index], starts[index + 2])) ?? none) : none;
  const ranks = starts.map((_, index) => rankAt(index));
  for (;;) {
    let best = 0;
    for (let index = 1; index < ranks.length; index++) if (ranks[index]! < ranks[best]!) best = index;
    if (ranks[best]! === none) break;
    starts.splice(best + 1, 1);
    ranks.splice(best + 1, 1);
    ranks[best] = rankAt(best);
    if (best > 0) ranks[best - 1] = rankAt(best - 1);
  }
  for (let index = 0; index + 1 < starts.length; index++) {
    sink.push(tokenOf(bytes.slice(starts[index], starts[index + 1]))!);
  }
}

function* mergeLong(bytes: string, tokenOf: TokenOfBytes, sink: number[]): Slices<void> {
  const length = bytes.length;
  /** By the place where a token begins: where it ends, and the id that it makes with the token after it. */
  const ends = new Uint32Array(length);
  const ranks = new Uint32Array(length).fill(none);
  /** By the place where a token ends: where it begins. */
  const begins = new Uint32Array(length + 1);
  const heap = new PairHeap(length);
  for (let at = 0; at < length; at++) {
    ends[at] = at + 1;
    begins[at + 1] = at;
  }
  const look = (at: number): void => {
    const next = ends[at]!;
    const rank = next < length ? (tokenOf(bytes.slice(at, ends[next])) ?? none) : none;
    ranks[at] = rank;
    if (rank !== none) heap.push(rank, at);
  };
  for (let at = 0; at < length; at++) {
    look(at);
    if (at % sliceSteps === sliceSteps - 1) yield;
  }
  for (let step = 1; heap.pop(); step++) {
    if (step % sliceSteps === 0) yield;
    const { rank, at } = heap;
    if (ranks[at] !== rank) continue; // one of the two has been merged with another since
    const second = ends[at]!;
    const end = ends[second]!;
    ends[at] = end;
    begins[end] = at;
    ranks[second] = none;
    look(at);
    if (at > 0) look(begins[at]!);
  }
  for (let at = 0; at < length; at = ends[at]!) sink.push(tokenOf(bytes.slice(at, ends[at]))!);
}

/** The pairs to merge, the lowest id first, and of the same id the leftmost. Both are one number: id, then place. */
class PairHeap {
  static readonly #places = 2 ** 32;
  #keys: Float64Array;
  #length = 0;
  /** Of the pair that was taken last. */
  rank = 0;
  at = 0;

  constructor(capacity: number) {
    this.#keys = new Float64Array(Math.max(16, capacity));
  }

  push(rank: number, at: number): void {
    if (this.#length === this.#keys.length) {
      const grown = new Float64Array(this.#length * 2);
      grown.set(this.#keys);
      this.#keys = grown;
    }
    const keys = this.#keys;
    const key = rank * PairHeap.#places + at;
    let index = this.#length++;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (keys[parent]! <= key) break;
      keys[index] = keys[parent]!;
      index = parent;
    }
    keys[index] = key;
  }

  /** Takes the first pair; false if there is none. */
  pop(): boolean {
    if (this.#length === 0) return false;
    const keys = this.#keys;
    const first = keys[0]!;
    this.rank = Math.floor(first / PairHeap.#places);
    this.at = first % PairHeap.#places;
    const last = keys[--this.#length]!;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= this.#length) break;
      if (child + 1 < this.#length && keys[child + 1]! < keys[child]!) child += 1;
      if (keys[child]! >= last) break;
      keys[index] = keys[child]!;
      index = child;
    }
    keys[index] = last;
    return true;
  }
}

/** Pieces, and letters of one, that are kept with their tokens. */
const piecesMax = 32 * 1024;
const pieceLettersMax = 64;

/** The tokens of short pieces that were merged lately: text repeats its rare words. */
export class MergeCache {
  #younger = new Map<string, readonly number[]>();
  #older = new Map<string, readonly number[]>();

  get(piece: string): readonly number[] | undefined {
    if (piece.length > pieceLettersMax) return undefined;
    const younger = this.#younger.get(piece);
    if (younger !== undefined) return younger;
    const older = this.#older.get(piece);
    if (older !== undefined) this.#add(piece, older);
    return older;
  }

  set(piece: string, tokens: readonly number[]): void {
    // A copy: a piece is a view of the text that it was cut from, and would keep all of it.
    if (piece.length <= pieceLettersMax) this.#add(Buffer.from(piece).toString(), tokens);
  }

  #add(piece: string, tokens: readonly number[]): void {
    this.#younger.set(piece, tokens);
    if (this.#younger.size < piecesMax / 2) return;
    this.#older = this.#younger;
    this.#younger = new Map();
  }
}

import type { Slices } from './slices.js';

/**
 * Returns the id of the token with these bytes, one character per byte (latin1); undefined if there is none.
 */
export type TokenOfBytes = (bytes: string) => number | undefined;

/** Size up to which pieces are merged by scanning, which is faster than a heap for them. */
const scanBytesMax = 48;
/** Merges, or pairs looked up, in one slice. */
const sliceSteps = 2048;

const none = 0xffff_ffff;

/**
 * Merges one piece by byte-pair encoding: as long as adjacent tokens form a token, the pair with the lowest
 * id is merged, the leftmost first. Takes O(n log n), with a list of tokens linked by their begin and end,
 * and a heap of pairs. Outdated pairs stay in the heap and are skipped.
 */
export function* mergePiece(bytes: string, tokenOf: TokenOfBytes, sink: number[]): Slices<void> {
  if (bytes.length <= scanBytesMax) mergeShort(bytes, tokenOf, sink);
  else yield* mergeLong(bytes, tokenOf, sink);
}

/**
 * True if merging this many bytes takes so much memory that two calls should not do it at once: 20 to 40
 * times the bytes.
 */
export function isLargeMerge(byteCount: number): boolean {
  return byteCount > 16 * 1024;
}

/** Merges a short piece by looking at every pair for every merge. */
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
  /** Indexed by a token's begin: its end, and the id that it forms with the token after it. */
  const ends = new Uint32Array(length);
  const ranks = new Uint32Array(length).fill(none);
  /** Indexed by a token's end: its begin. */
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
    if (ranks[at] !== rank) continue; // One of the two tokens has been merged with another since.
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

/**
 * Pairs to merge, the lowest id first, and for equal ids the leftmost. Both are packed in one number: id,
 * then place.
 */
class PairHeap {
  static readonly #places = 2 ** 32;
  #keys: Float64Array;
  #length = 0;
  /** Id of the pair that was taken last. */
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

  /** Takes the first pair. Returns false if there is none. */
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

/** Limits of the cached pieces, and of the letters of one. */
const piecesMax = 32 * 1024;
const pieceLettersMax = 64;

/** Cache of the tokens of short pieces that were merged recently: text repeats its rare words. */
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
    // Copies the piece, which is a view that would keep the whole text alive.
    if (piece.length <= pieceLettersMax) this.#add(Buffer.from(piece).toString(), tokens);
  }

  #add(piece: string, tokens: readonly number[]): void {
    this.#younger.set(piece, tokens);
    if (this.#younger.size < piecesMax / 2) return;
    this.#older = this.#younger;
    this.#younger = new Map();
  }
}

/** Tokens of a shingle. Part of the contract of FindSimilar. */
export const shingleTokens = 5;

/** Returns a hash of 32 bits of the shingle that begins at an offset. */
export function hashShingle(tokens: Uint32Array, at: number, count: number = shingleTokens): number {
  let hash = 0x9e3779b9 ^ count;
  for (let index = at; index < at + count; index++) {
    hash = Math.imul(hash ^ tokens[index]!, 0x85ebca6b);
    hash ^= hash >>> 15;
  }
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/**
 * Set of the shingles of segments: of each run of `shingleTokens` tokens in one of them, and of each shorter
 * segment as a whole. Shingles are compared by their tokens: the set is exact. It takes 12 to 24 bytes a
 * token.
 */
export class ShingleSet {
  #tokens: Uint32Array;
  #used = 0;
  /** Offset of a shingle in the tokens, plus 1; 0 is free. */
  #table: Uint32Array;
  #mask: number;
  #long = 0;
  readonly #short = new Set<string>();

  /** Prepares for so many tokens. */
  constructor(tokensExpected = 64) {
    this.#tokens = new Uint32Array(Math.max(16, tokensExpected));
    this.#table = new Uint32Array(tableSize(tokensExpected));
    this.#mask = this.#table.length - 1;
  }

  /** Number of shingles. */
  get size(): number {
    return this.#long + this.#short.size;
  }

  get bytes(): number {
    return 4 * (this.#tokens.length + this.#table.length) + 100 * this.#short.size;
  }

  /** Removes everything; keeps the memory. */
  reset(tokensExpected: number): void {
    this.#used = 0;
    this.#long = 0;
    this.#short.clear();
    const size = tableSize(tokensExpected);
    if (size > this.#table.length) this.#table = new Uint32Array(size);
    else this.#table.fill(0, 0, size);
    this.#mask = size - 1;
  }

  /** Adds the shingles of a segment. */
  add(segment: Uint32Array): void {
    if (segment.length === 0) return;
    if (segment.length < shingleTokens) {
      this.#short.add(segment.join(' '));
      return;
    }
    const start = this.#used;
    const end = start + segment.length;
    this.#reserve(end);
    this.#tokens.set(segment, start);
    this.#used = end;
    for (let at = start; at + shingleTokens <= end; at++) this.#insert(at);
  }

  /** Returns the number of shingles that are in the other set too. */
  shared(other: ShingleSet): number {
    if (other.size < this.size) return other.shared(this);
    let shared = 0;
    for (let slot = 0; slot <= this.#mask; slot++) {
      const at = this.#table[slot]! - 1;
      if (at >= 0 && other.#has(this.#tokens, at)) shared += 1;
    }
    for (const short of this.#short) if (other.#short.has(short)) shared += 1;
    return shared;
  }

  #has(tokens: Uint32Array, at: number): boolean {
    const slot = this.#slotOf(tokens, at);
    return this.#table[slot] !== 0;
  }

  #insert(at: number): void {
    const slot = this.#slotOf(this.#tokens, at);
    if (this.#table[slot] !== 0) return;
    this.#table[slot] = at + 1;
    this.#long += 1;
  }

  /** Returns the slot of a shingle, or the free one for it. */
  #slotOf(tokens: Uint32Array, at: number): number {
    const mask = this.#mask;
    for (let slot = hashShingle(tokens, at) & mask; ; slot = (slot + 1) & mask) {
      const own = this.#table[slot]! - 1;
      if (own < 0 || this.#same(own, tokens, at)) return slot;
    }
  }

  #same(own: number, tokens: Uint32Array, at: number): boolean {
    for (let index = 0; index < shingleTokens; index++)
      if (this.#tokens[own + index] !== tokens[at + index]) return false;
    return true;
  }

  #reserve(tokens: number): void {
    if (tokens > this.#tokens.length) {
      const larger = new Uint32Array(Math.max(tokens, 2 * this.#tokens.length));
      larger.set(this.#tokens.subarray(0, this.#used));
      this.#tokens = larger;
    }
    if (tableSize(tokens) <= this.#mask + 1) return;
    const before = this.#table.subarray(0, this.#mask + 1);
    this.#table = new Uint32Array(tableSize(2 * tokens));
    this.#mask = this.#table.length - 1;
    for (const place of before) if (place !== 0) this.#table[this.#slotOf(this.#tokens, place - 1)] = place;
  }
}

/** Returns the slots for so many shingles: a power of two, at most two thirds full. */
function tableSize(shingles: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(16, 1.5 * shingles)));
}

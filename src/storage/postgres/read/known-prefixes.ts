import { chunkBlocks, type PrefixChunk, sharedBlocks } from '../formats/prefix.js';

/** Bytes of chunks that are remembered, and chunks that go on from one beginning. */
const [bytesMax, chunksMax] = [8 * 1024 * 1024, 4_096] as const;
/** Bytes beside those of a chunk that remembering it takes, about. */
const overheadBytes = 100;
/** Guesses of which one is made, while too many are wrong. */
const probesOf = 8;
/** Trust that a right guess gains, and a wrong one loses: one in three has to be right. */
const [gain, loss] = [0.2, 0.1] as const;

/**
 * Chunks of the prefix index that this process has stored lately, by which it guesses what a new conversation
 * shares. A guess may be wrong, also because another server stored what it does not know: it is checked by
 * the store that makes it. While guesses are wrong, few are made.
 */
export class KnownPrefixes {
  /** Chunks by what is before them, in the order of their bytes; the groups by their last use. */
  readonly #groups = new Map<string, Buffer[]>();
  #bytes = 0;
  /** From -1 to 1: above 0 if enough guesses are right. */
  #trust = 1;
  #asked = 0;

  /** True if a store should go by a guess. */
  mayGuess(): boolean {
    this.#asked += 1;
    return this.#trust > 0 || this.#asked % probesOf === 0;
  }

  /** Returns how many blocks of a chunk others begin with, as far as this process knows. */
  sharedOf({ n, g, blocks }: PrefixChunk): number {
    const known = this.#groups.get(nameOf(n, g)) ?? [];
    const at = placeIn(known, blocks);
    const beside = [known[at - 1], known[at]].map((each) => (each ? sharedBlocks(each, blocks) : 0));
    return Math.max(...beside);
  }

  /**
   * Notes chunks of a stored conversation, and how many of its blocks others begin with, if that was looked
   * up: a chunk that shares more is gone. A guess of less is put right by the chunk itself.
   */
  note(chunks: readonly PrefixChunk[], shared?: number): void {
    if (shared !== undefined) this.#forgetBeyond(chunks, shared);
    for (const { n, g, blocks } of chunks) {
      const name = nameOf(n, g);
      const known = this.#groups.get(name) ?? [];
      this.#groups.delete(name);
      this.#groups.set(name, known);
      const at = placeIn(known, blocks);
      if (known[at]?.equals(blocks)) continue;
      if (known.length >= chunksMax) this.#remove(known, this.#asked % known.length);
      known.splice(placeIn(known, blocks), 0, blocks);
      this.#bytes += blocks.length + overheadBytes;
    }
    for (const [name, known] of this.#groups) {
      if (this.#bytes <= bytesMax) return;
      while (known.length > 0) this.#remove(known, known.length - 1);
      this.#groups.delete(name);
    }
  }

  /** Notes that a guess about these chunks was right. */
  wasRight(chunks: readonly PrefixChunk[]): void {
    if (chunks.length > 0) this.#trust = Math.min(1, this.#trust + gain);
  }

  /** Notes that a guess about these chunks was wrong. */
  wasWrong(chunks: readonly PrefixChunk[]): void {
    if (chunks.length > 0) this.#trust = Math.max(-1, this.#trust - loss);
  }

  #forgetBeyond(chunks: readonly PrefixChunk[], shared: number): void {
    let left = shared;
    for (const { n, g, blocks } of chunks) {
      const known = this.#groups.get(nameOf(n, g)) ?? [];
      const at = placeIn(known, blocks);
      const isBeyond = (each: Buffer | undefined) => each && sharedBlocks(each, blocks) > left;
      while (isBeyond(known[at])) this.#remove(known, at);
      for (let before = at - 1; isBeyond(known[before]); before -= 1) this.#remove(known, before);
      if (left < chunkBlocks) return;
      left -= chunkBlocks;
    }
  }

  #remove(known: Buffer[], at: number): void {
    const [gone] = known.splice(at, 1);
    this.#bytes -= (gone?.length ?? 0) + overheadBytes;
  }
}

/** Returns the place of the first of them that is not before these blocks. */
function placeIn(known: readonly Buffer[], blocks: Buffer): number {
  let [from, to] = [0, known.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    if (known[middle]!.compare(blocks) < 0) from = middle + 1;
    else to = middle;
  }
  return from;
}

function nameOf(n: number, g: string): string {
  return `${n} ${g}`;
}

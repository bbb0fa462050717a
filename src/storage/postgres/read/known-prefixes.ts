import { type PrefixChunk, sharedBlocks } from '../formats/prefix.js';

/** Beginnings that are remembered, and chunks that go on from each. */
const [groupsMax, chunksMax] = [512, 8] as const;

/**
 * Chunks of the prefix index that this process has stored lately, by which it guesses what a new conversation
 * shares. A guess may be wrong: it is checked by the store that makes it.
 */
export class KnownPrefixes {
  readonly #groups = new Map<string, readonly Buffer[]>();

  /** Returns how many blocks of a chunk others begin with, as far as this process knows. */
  sharedOf({ n, g, blocks }: PrefixChunk): number {
    const known = this.#groups.get(nameOf(n, g)) ?? [];
    return Math.max(0, ...known.map((each) => sharedBlocks(each, blocks)));
  }

  /** Notes chunks of a stored conversation. */
  note(chunks: readonly PrefixChunk[]): void {
    for (const { n, g, blocks } of chunks) {
      const name = nameOf(n, g);
      const known = this.#groups.get(name) ?? [];
      this.#groups.delete(name);
      const others = known.filter((each) => !each.equals(blocks));
      this.#groups.set(name, [...others, blocks].slice(-chunksMax));
    }
    for (const name of this.#groups.keys()) {
      if (this.#groups.size <= groupsMax) return;
      this.#groups.delete(name);
    }
  }

  /** Forgets what was known of the beginnings of these chunks: a guess by it was wrong. */
  forget(chunks: readonly PrefixChunk[]): void {
    for (const { n, g } of chunks) this.#groups.delete(nameOf(n, g));
  }
}

function nameOf(n: number, g: string): string {
  return `${n} ${g}`;
}

/** Random numbers that a seed repeats. */
export interface Random {
  /** Returns a whole number from 0 up to this one, which is left out. */
  below(end: number): number;
}

/** Returns the random numbers of a seed (mulberry32). */
export function randomFrom(seed: number): Random {
  let state = seed | 0;
  return {
    below(end) {
      state = (state + 0x6d2b79f5) | 0;
      let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
      mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
      return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * end);
    },
  };
}

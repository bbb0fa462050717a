// Text-like token sequences made by the tests: words of a skewed vocabulary, stock phrases and copies of
// earlier parts. The same seed gives the same sequences.

/** Mulberry32: returns a number from 0 to 1 at each call. */
export function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function sampleSegments(count: number, seed: number): Uint32Array[] {
  const next = random(seed);
  const word = () => Math.floor(200_000 ** next());
  const stock = Array.from({ length: 40 }, () => Array.from({ length: 3 + Math.floor(20 * next()) }, word));
  return Array.from({ length: count }, () => {
    const tokens: number[] = [];
    const length = Math.floor(4 + 300 ** next());
    while (tokens.length < length) {
      const choice = next();
      if (choice < 0.3) tokens.push(...stock[Math.floor(stock.length * next() ** 2)]!);
      else if (choice < 0.35 && tokens.length > 8) tokens.push(...tokens.slice(-8, -2));
      else tokens.push(word());
    }
    return Uint32Array.from(tokens);
  });
}

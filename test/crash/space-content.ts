import { Random } from './random.js';

/** Returns the tokens of the conversation of this id. */
export function tokensOf(id: string): number[] {
  const random = new Random(Number(id.slice(1)) + 1);
  return Array.from({ length: 200 + random.below(3000) }, () => random.below(100_000));
}

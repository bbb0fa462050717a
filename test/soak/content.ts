import type { NewMessage } from '../../src/client/index.js';
import { Random } from '../crash/random.js';

/** Messages below this number are used again and again, by all clients; those above, once. */
export const COMMON_MESSAGES = 1000;

const phraseRandom = new Random(1);
const PHRASES = Array.from({ length: 300 }, () =>
  Array.from({ length: 5 + phraseRandom.below(20) }, () => phraseRandom.below(200_000)),
);
const LENGTHS = [5, 30, 30, 30, 60, 60, 120, 300, 1500];
/** One message in so many is long: the server splits it into segments. */
const LONG_EVERY = 400;
const LONG_TOKENS = 12_000;

/** Returns the tokens of message `n`: phrases that others use as well, and its own number. */
export function tokensOf(n: number): Uint32Array {
  const random = new Random(n);
  const length = random.below(LONG_EVERY) === 0 ? LONG_TOKENS : LENGTHS[random.below(LENGTHS.length)]!;
  const tokens = [n];
  while (tokens.length < length) tokens.push(...PHRASES[random.below(PHRASES.length)]!);
  return Uint32Array.from(tokens);
}

export function messageOf(n: number): NewMessage {
  return { role: n % 2 === 0 ? 'user' : 'assistant', tokens: tokensOf(n) };
}

/** Token counts below this are told apart by powers of two alone: a reply of some words changes nothing. */
const COARSE_BELOW = 64;
/** Classes between a power of two and the next one. */
const PARTS = 4;

/**
 * Returns the class under which the list index has a conversation of so many tokens: a quarter of the way
 * from a power of two to the next one. The class never falls as the count rises, so a range of counts is a
 * range of classes, of which the first and the last may have other counts too.
 */
export function tokenClassOf(tokens: number): number {
  if (tokens < 1) return 0;
  let power = Math.floor(Math.log2(tokens));
  // The logarithm is rounded: just below a large power of two it is that power's.
  if (2 ** power > tokens) power -= 1;
  else if (2 ** (power + 1) <= tokens) power += 1;
  const part = tokens < COARSE_BELOW ? 0 : Math.floor((PARTS * (tokens - 2 ** power)) / 2 ** power);
  return PARTS * power + part + 1;
}

/** The needle has been found, or its beginning: nothing follows. */
export const FOUND = 255;
/** States are below this. */
const STATES_MAX = 254;

/**
 * Finite automaton that finds a needle in bytes of UTF-8, wherever they are cut. In state 0, no part of the
 * needle stands before the next byte. It finds only the beginning of a long needle: as many characters as
 * there are states for.
 */
export interface NeedleAutomaton {
  /** Next state, by 256 * state + byte. */
  readonly next: Uint8Array;
}

/** A place in the needle, between two characters or within one: the places behind it, by byte. */
type Place = Map<number, number>;

/** `characters`: for each character of the needle, the different ones that are taken for it. */
export function automatonOf(characters: readonly (readonly string[])[]): NeedleAutomaton {
  const places = placesOf(characters);
  const last = places.length - 1;
  // A state is the list of places at which the needle may be, the farthest one first. That one determines
  // the others, as in every search of this kind (Knuth, Morris and Pratt, 1977): all of them stand behind the
  // same bytes of a character. So there are no more states than places.
  const states: (readonly number[])[] = [[0]];
  const byFarthest = new Map([[0, 0]]);
  const next = new Uint8Array(256 * STATES_MAX);
  for (let state = 0; state < states.length; state++) {
    const at = states[state]!;
    for (const byte of new Set(at.flatMap((place) => [...places[place]!.keys()]))) {
      const to = at.flatMap((place) => places[place]!.get(byte) ?? []);
      const [farthest] = to as [number, ...number[]];
      let number = farthest === last ? FOUND : byFarthest.get(farthest);
      if (number === undefined) {
        number = states.push([...to, 0]) - 1;
        byFarthest.set(farthest, number);
      }
      next[256 * state + byte] = number;
    }
  }
  return { next: next.slice(0, 256 * states.length) };
}

/** Returns the places of as many characters as there are states for. */
function placesOf(characters: readonly (readonly string[])[]): readonly Place[] {
  const places: Place[] = [new Map<number, number>()];
  for (const variants of characters) {
    const begin = places.length - 1;
    // The byte with which a character ends leads to the next one, whose place is the last one here.
    const ends: (readonly [Place, number])[] = [];
    for (const variant of variants) {
      const bytes = Buffer.from(variant);
      let place = places[begin]!;
      for (const byte of bytes.subarray(0, -1)) {
        const inner = place.get(byte) ?? places.push(new Map()) - 1;
        place.set(byte, inner);
        place = places[inner]!;
      }
      ends.push([place, bytes.at(-1)!]);
    }
    if (places.length >= STATES_MAX) {
      places.length = begin + 1;
      places[begin]!.clear();
      break;
    }
    const end = places.push(new Map()) - 1;
    for (const [place, byte] of ends) place.set(byte, end);
  }
  return places;
}

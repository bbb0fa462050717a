import { runInTurns, type Slices } from './slices.js';

/** Folds the case of each character by itself, and only where its length stays: offsets must. */
export function foldCase(text: string): string {
  return text.replace(/[A-Z]+|[^\0-\x7f]/gu, (some) => {
    const folded = some.toUpperCase().toLowerCase();
    return folded.length === some.length ? folded : some;
  });
}

/** Characters that foldCase() replaces, by the character that they become. */
export type CaseVariants = ReadonlyMap<string, readonly string[]>;

/** Variants where case counts. */
export const noVariants: CaseVariants = new Map();

/** Letters with a case are in the first two planes of Unicode. */
const codePointsMax = 0x2_0000;
/** Characters that are folded before others get a turn: a millisecond. */
const sliceCodePoints = 4096;
let variants: Promise<CaseVariants> | undefined;

/** Returns the characters that this Node folds. They are found out once in a process, in short slices. */
export function caseVariants(): Promise<CaseVariants> {
  return (variants ??= runInTurns(findVariants()));
}

function* findVariants(): Slices<CaseVariants> {
  const found = new Map<string, string[]>();
  for (let from = 0; from < codePointsMax; from += sliceCodePoints) {
    for (let code = from; code < from + sliceCodePoints; code++) {
      const character = String.fromCodePoint(code);
      const folded = character.toUpperCase().toLowerCase();
      if (folded === character || folded.length !== character.length) continue;
      const known = found.get(folded);
      if (known === undefined) found.set(folded, [character]);
      else known.push(character);
    }
    yield;
  }
  return found;
}

import { GroupCursor, type PostingIndex } from './posting-index.js';

/** Looks conversations up by number, in either direction. */
export interface Cursor {
  from(number: number): number | undefined;
  upTo(number: number): number | undefined;
}

/** Finds numbers that any of the cursors has. */
export function unionOf(cursors: readonly Cursor[]): Cursor {
  const best = (look: (cursor: Cursor) => number | undefined, choose: (...all: number[]) => number) => {
    const numbers = cursors.flatMap((cursor) => look(cursor) ?? []);
    return numbers.length === 0 ? undefined : choose(...numbers);
  };
  return {
    from: (number) => best((cursor) => cursor.from(number), Math.min),
    upTo: (number) => best((cursor) => cursor.upTo(number), Math.max),
  };
}

/** Finds the numbers of some groups of the list index. */
export function groupsCursor(index: PostingIndex, groups: readonly number[]): Cursor {
  return unionOf([...new Set(groups)].map((group) => remembering(new GroupCursor(index, group))));
}

/** Remembers the last answer in each direction: of many cursors, a step moves few beyond theirs. */
function remembering(cursor: Cursor): Cursor {
  let [fromAsked, fromFound]: [number, number | undefined] = [Infinity, undefined];
  let [upToAsked, upToFound]: [number, number | undefined] = [-Infinity, undefined];
  return {
    from(number) {
      if (number < fromAsked || number > (fromFound ?? Infinity))
        [fromAsked, fromFound] = [number, cursor.from(number)];
      return fromFound;
    },
    upTo(number) {
      if (number > upToAsked || number < (upToFound ?? -Infinity))
        [upToAsked, upToFound] = [number, cursor.upTo(number)];
      return upToFound;
    },
  };
}

/** Finds the numbers of a list, which is in order. */
export function listCursor(numbers: readonly number[]): Cursor {
  /** Returns the index of the first number that is not below this one. */
  const indexOf = (number: number) => {
    let low = 0;
    let high = numbers.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (numbers[middle]! < number) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  return {
    from: (number) => numbers[indexOf(number)],
    upTo: (number) => numbers[indexOf(number + 1) - 1],
  };
}

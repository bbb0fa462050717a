/**
 * Reads ranges of a list that can be iterated from any position. A range that begins where the last one ended
 * goes on with the same iterator. So reading a list range by range costs what one iteration costs.
 */
export function sequentialRead<T>(
  iterateFrom: (from: number) => Iterator<T>,
): (from: number, itemsMax: number) => T[] {
  let position = 0;
  let iterator: Iterator<T> | undefined;
  return (from, itemsMax) => {
    const items: T[] = [];
    const current = from === position && iterator !== undefined ? iterator : iterateFrom(from);
    // An iterator that has thrown ends quietly when it is asked again: it is not kept.
    iterator = undefined;
    while (items.length < itemsMax) {
      const next = current.next();
      if (next.done) break;
      items.push(next.value);
    }
    position = from + items.length;
    iterator = current;
    return items;
  };
}

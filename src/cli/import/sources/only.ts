/** Yields batches, each with whether its value is the only one of all. */
export async function* withOnly<T>(
  batches: AsyncIterable<readonly T[]>,
): AsyncGenerator<{ readonly value: readonly T[]; readonly isOnly: boolean }, void, void> {
  let first: readonly T[] | undefined;
  let isFirst = true;
  for await (const value of batches) {
    if (isFirst && value.length === 1) first = value;
    else {
      if (first !== undefined) yield { value: first, isOnly: false };
      first = undefined;
      yield { value, isOnly: false };
    }
    isFirst = false;
  }
  if (first !== undefined) yield { value: first, isOnly: true };
}

import { isStowkenError, type StowkenError } from '../../model/index.js';

/**
 * Returns a batch's results, item by item. If one item makes the batch fail (it has been deleted meanwhile,
 * or is damaged), each item is asked for alone, and only that one gives an error.
 */
export async function eachOf<Item, Result>(
  items: readonly Item[],
  look: (items: readonly Item[]) => Promise<readonly Result[]>,
): Promise<(Result | StowkenError)[]> {
  if (items.length === 0) return [];
  try {
    return [...(await look(items))];
  } catch (error) {
    if (!concernsItem(error)) throw error;
    if (items.length === 1) return [error];
  }
  const results: (Result | StowkenError)[] = [];
  for (const item of items) results.push(...(await eachOf([item], look)));
  return results;
}

function concernsItem(error: unknown): error is StowkenError {
  return (
    isStowkenError(error, 'SEGMENT_NOT_FOUND') ||
    isStowkenError(error, 'CORRUPT_SEGMENT') ||
    isStowkenError(error, 'CORRUPT_STORE')
  );
}

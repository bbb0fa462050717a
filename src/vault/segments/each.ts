import { isStowkenError, type StowkenError } from '../../model/index.js';

/**
 * What a batch gives, item by item. Where one item spoils the batch (it has gone meanwhile, or is damaged),
 * each is asked for alone, and that one gives its error.
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

import { StowkenError } from '../../model/index.js';
import type { ChangeResult, DeletionOutcome, ReferenceOutcome } from '../contract/change.js';

/** A change's result while it is put together. */
export type ResultDraft = { -readonly [K in keyof ChangeResult]: ChangeResult[K] };

/** Encodes a change's result as JSON, to be stored for a retry under the same request id. */
export function encodeResult(result: ChangeResult): string {
  return JSON.stringify(result);
}

/** @throws StowkenError CORRUPT_STORE */
export function decodeResult(text: string): ChangeResult {
  const result: ResultDraft = parse(text);
  const { addReferences, removeReferences, deleteSegments } = result;
  // JSON has null where an outcome is undefined.
  if (addReferences) result.addReferences = addReferences.map(orUndefined);
  if (removeReferences) result.removeReferences = removeReferences.map(orUndefined);
  if (deleteSegments) result.deleteSegments = deleteSegments.map(orUndefined);
  return result;
}

function orUndefined<T extends ReferenceOutcome | DeletionOutcome>(outcome: T | null): T | undefined {
  return outcome ?? undefined;
}

function parse(text: string): ChangeResult {
  try {
    return JSON.parse(text) as ChangeResult;
  } catch (error) {
    const message = 'what a request did does not decode';
    throw new StowkenError('CORRUPT_STORE', message, {}, { cause: error });
  }
}

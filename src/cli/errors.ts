import { isClientError, isUnreachable } from '../client/index.js';
import { isStowkenError } from '../model/index.js';

/** Describes an error on one line, for a person. */
export function describeError(error: unknown): string {
  if (isUnreachable(error) && error.reason === undefined) return `no server answers: ${error.message}`;
  if (isClientError(error)) return `${error.message} (${error.reason ?? error.codeName})`;
  if (isStowkenError(error)) return `${error.message} (${error.reason})`;
  return error instanceof Error ? error.message : String(error);
}

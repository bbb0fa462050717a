import { isStowkenError, StowkenError } from './errors.js';

/**
 * Assertions stand beside each invariant of the store that code could break. A broken one is a fault of the
 * server, not of a caller or of a disk: it aborts the transaction, so that nothing of the change is written.
 * Records that contradict each other are CORRUPT_STORE instead, with the table and the key.
 */

/**
 * Throws unless an invariant holds. `invariant` says what must hold; `subject` is the record or the number
 * that it is about. Neither may be built for the call: an assertion costs one comparison.
 * @throws StowkenError INVARIANT_BROKEN
 */
export function assert(condition: boolean, invariant: string, subject?: number | string): asserts condition {
  if (!condition) throw invariantBroken(invariant, subject);
}

/**
 * Returns a value that must be there.
 * @throws StowkenError INVARIANT_BROKEN
 */
export function present<T>(value: T | undefined, invariant: string, subject?: number | string): T {
  if (value === undefined) throw invariantBroken(invariant, subject);
  return value;
}

/** True for a broken invariant, which no code that expects damaged records may take for damage. */
export function isInvariantBroken(error: unknown): boolean {
  return isStowkenError(error, 'INVARIANT_BROKEN');
}

function invariantBroken(invariant: string, subject: number | string | undefined): StowkenError {
  const about = subject === undefined ? {} : { subject: String(subject) };
  const suffix = subject === undefined ? '' : ` (${subject})`;
  return new StowkenError('INVARIANT_BROKEN', `an invariant does not hold: ${invariant}${suffix}`, {
    invariant,
    ...about,
  });
}

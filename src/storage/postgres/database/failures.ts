import { StowkenError } from '../../../model/index.js';

/** A failure whose transaction may have been committed: the connection was lost after COMMIT was sent. */
export class UnknownOutcome extends Error {
  override readonly name = 'UnknownOutcome';
}

/** Returns the SQLSTATE of an error of the database; undefined for errors of the connection. */
export function stateOf(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' && /^[0-9A-DF-Z][0-9A-Z]{4}$/.test(code) ? code : undefined;
}

/** Name of the constraint that an error is about. */
export function constraintOf(error: unknown): string | undefined {
  if (stateOf(error) !== '23505') return undefined;
  return (error as { constraint?: string }).constraint ?? '';
}

const connectionStates: ReadonlySet<string> = new Set(['57P01', '57P02', '57P03', '25006']);
const againStates: ReadonlySet<string> = new Set(['40001', '40P01', '55P03', '53300']);

/** True for errors after which another connection may have luck. */
export function isConnectionFailure(error: unknown): boolean {
  const state = stateOf(error);
  if (state !== undefined) return connectionStates.has(state) || state.startsWith('08');
  const { code, message } = error as { code?: unknown; message?: unknown };
  const isSystem = typeof code === 'string' && /^E[A-Z]+$/.test(code);
  return isSystem || /connection|timeout|terminat|not queryable|socket/i.test(String(message));
}

/** True for a transaction that lost to another, and may be made once more. */
export function isConflict(error: unknown): boolean {
  return againStates.has(stateOf(error) ?? '');
}

/** True for a statement that others kept waiting until its time was over. */
export function isTimedOut(error: unknown): boolean {
  return stateOf(error) === '55P03' || stateOf(error) === '57014';
}

/** A change that met what others do at this moment: it is made again, a little later. */
export class MetOthers extends Error {
  override readonly name = 'MetOthers';
}

/** True for the checks of statements, a division by the number of rows found, and for those made here. */
export function isFailedCheck(error: unknown): boolean {
  return error instanceof MetOthers || stateOf(error) === '22012';
}

/** True for a statement that names a column or a table that is not there, and for what it caused. */
export function namesNothing(error: unknown): boolean {
  const state = stateOf(error) ?? stateOf((error as { cause?: unknown } | null)?.cause);
  return state === '42703' || state === '42P01';
}

/** Error for a database that answers, and cannot have vaults, or not for this user. */
export function refused(cause: string): StowkenError {
  return new StowkenError('STORAGE_UNAVAILABLE', `the database cannot have vaults: ${cause}`, { cause });
}

/** True for a refusal of the user, the password, the database, or one connection more. */
export function isRefusedConnection(error: unknown): boolean {
  const state = stateOf(error) ?? '';
  return state.startsWith('28') || state === '3D000' || state === '53300';
}

/** Error for a statement that timed out: nothing of its transaction was done. */
export function busy(error: unknown): StowkenError {
  const cause = error instanceof Error ? error.message : String(error);
  const message = 'the database of the vault did not answer in time, as when a server hangs in a change';
  return new StowkenError('STORAGE_UNAVAILABLE', `${message}: ${cause}`, { cause }, { cause: error });
}

export function unavailable(error: unknown): StowkenError {
  const cause = error instanceof Error ? error.message : String(error);
  return new StowkenError(
    'STORAGE_UNAVAILABLE',
    `the database of the vault cannot be reached: ${cause}`,
    { cause },
    { cause: error },
  );
}

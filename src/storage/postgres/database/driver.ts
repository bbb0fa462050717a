import type pg from 'pg';
import { StowkenError } from '../../../model/index.js';

export type Driver = typeof pg;

/** A value of a statement. Numbers are sent as text: large integers are strings. */
export type Value =
  string | number | boolean | null | Uint8Array | readonly (string | number | null | Uint8Array)[];

/** A row as the driver returns it: int8 is a string, bytea a Buffer. */
export type Row = Readonly<Record<string, unknown>>;

/** A statement that each connection prepares once, under its name. */
export interface Statement {
  readonly name: string;
  readonly text: string;
}

/**
 * Loads the driver, which is installed only by those who keep vaults in PostgreSQL.
 * @throws StowkenError UNSUPPORTED_BY_STORAGE
 */
export async function loadDriver(): Promise<Driver> {
  try {
    return (await import('pg')).default;
  } catch (error) {
    throw new StowkenError(
      'UNSUPPORTED_BY_STORAGE',
      'vaults in PostgreSQL need the package pg beside the server: npm install pg@8',
      { operation: 'vaults in PostgreSQL', storage: 'postgres', storages: 'lmdb, filesystem, memory' },
      { cause: error },
    );
  }
}

/** Returns a column that is an integer, which int8 columns give as text. */
export function int(value: unknown): number {
  return Number(value);
}

export function bytes(value: unknown): Buffer {
  return value as Buffer;
}

export function text(value: unknown): string {
  return String(value);
}

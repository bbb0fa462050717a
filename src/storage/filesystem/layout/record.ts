import { z } from 'zod';
import { StowkenError } from '../../../model/index.js';
import { openJson, sealJson } from './sealed-json.js';

/** Of every record that this version writes. Version 1 is the seed's. */
const SCHEMA_VERSION = 2;

export const whole = z.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER);
export const milliseconds = z.number().int();
export const hash = z.string().regex(/^[0-9a-f]{64}$/);

/** The schema of a record with these fields. */
export function recordOf<Fields extends z.ZodRawShape>(fields: Fields) {
  return z.strictObject({ schema_version: z.literal(SCHEMA_VERSION), ...fields });
}

export function sealRecord(fields: Readonly<Record<string, unknown>>): Uint8Array {
  return sealJson({ schema_version: SCHEMA_VERSION, ...fields });
}

/** @throws StowkenError CORRUPT_STORE, STORE_VERSION */
export function openRecord<T>(schema: z.ZodType<T>, bytes: Uint8Array): T {
  const record = openJson(bytes);
  const found = (record as { schema_version?: unknown }).schema_version;
  if (typeof found === 'number' && found > SCHEMA_VERSION) {
    throw new StowkenError(
      'STORE_VERSION',
      `the vault has schema version ${found}; this version of stowken reads up to ${SCHEMA_VERSION}`,
      { version: String(found), versionMax: String(SCHEMA_VERSION) },
    );
  }
  const result = schema.safeParse(record);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new StowkenError('CORRUPT_STORE', `${issue?.path.join('.') ?? 'it'}: ${issue?.message ?? ''}`);
}

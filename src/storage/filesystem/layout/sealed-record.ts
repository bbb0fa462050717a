import { createHash } from 'node:crypto';
import { z } from 'zod';
import { type SegmentHash, StowkenError } from '../../../model/index.js';

/** Schema version of every record that this program writes. Version 1 is that of the Rust library. */
const SCHEMA_VERSION = 2;

export const whole = z.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER);
export const milliseconds = z.number().int();
export const sha256Hex = z.string().regex(/^[0-9a-f]{64}$/);
export const hash = sha256Hex.transform((text) => text as SegmentHash);

/** Returns the schema of a record with these fields. */
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
      { version: String(found), version_max: String(SCHEMA_VERSION) },
    );
  }
  const result = schema.safeParse(record);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new StowkenError('CORRUPT_STORE', `${issue?.path.join('.') ?? 'it'}: ${issue?.message ?? ''}`);
}

const SEAL = /,"checksum":"([0-9a-f]{64})"\}\n$/;

/** Encodes a record as a line of JSON whose last field is the SHA-256 of the same JSON without that field. */
export function sealJson(record: Readonly<Record<string, unknown>>): Uint8Array {
  const text = JSON.stringify(record);
  return Buffer.from(`${text.slice(0, -1)},"checksum":"${checksum(text)}"}\n`, 'utf8');
}

/** @throws StowkenError CORRUPT_STORE if any byte has changed since it was written */
function openJson(bytes: Uint8Array): unknown {
  const sealed = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8');
  const seal = SEAL.exec(sealed);
  if (!seal) throw new StowkenError('CORRUPT_STORE', 'it has no checksum at its end');
  const text = `${sealed.slice(0, seal.index)}}`;
  if (checksum(text) !== seal[1]) throw new StowkenError('CORRUPT_STORE', 'it does not have its checksum');
  return JSON.parse(text);
}

function checksum(text: string): string {
  return createHash('sha256').update(text, 'utf8').digest('hex');
}

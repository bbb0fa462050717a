import { z } from 'zod';
import { limits, StowkenError } from '../../model/index.js';

/** Facts that a field's check gives to programs besides its sentence. */
export interface Refusal {
  readonly size?: number;
  readonly limit?: number;
  readonly value?: string;
}

/** Checks a decoded request. @throws StowkenError INVALID_FIELD for the first field that is not valid */
export function parse<Schema extends z.ZodType>(schema: Schema, message: z.input<Schema>): z.output<Schema> {
  const result = schema.safeParse(message);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const field = fieldAt(issue?.path ?? []);
  const facts: Refusal = issue?.code === 'custom' ? (issue.params ?? {}) : {};
  const metadata = Object.fromEntries(Object.entries(facts).map(([name, fact]) => [name, String(fact)]));
  throw new StowkenError('INVALID_FIELD', `${field} ${issue?.message ?? 'is not valid'}`, {
    ...metadata,
    field,
  });
}

/** Formats a path, such as references[3].holder. */
function fieldAt(path: readonly PropertyKey[]): string {
  return path
    .map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`))
    .join('')
    .slice(1);
}

/** The part of zod's contexts that a refusal needs. */
export type Context = Pick<z.core.ParsePayload, 'value' | 'issues'>;

/** Reports that a field is refused; the sentence follows the field's name. */
export function refuse(context: Context, sentence: string, facts: Refusal): never {
  context.issues.push({ code: 'custom', message: sentence, params: { ...facts }, input: context.value });
  return z.NEVER;
}

/** Reports that one field of the checked object is refused. */
export function refuseField(context: Context, field: string, sentence: string, facts: Refusal): never {
  context.issues.push({
    code: 'custom',
    path: [field],
    message: sentence,
    params: { ...facts },
    input: context.value,
  });
  return z.NEVER;
}

/** Refuses a request that is too long. */
export function checkRequestSize(size: number): void {
  check('the request', size, limits.requestBytesMax);
}

/**
 * Refuses fields that are too long to be decoded into objects, which take far more memory than their bytes.
 */
export function checkFieldsSize(size: number): void {
  check('the request without its messages', size, limits.requestFieldsBytesMax);
}

/** Refuses a message of a stream that is too long. */
export function checkPartSize(size: number): void {
  check('a part of the upload', size, limits.uploadPartBytesMax);
}

function check(what: string, size: number, limit: number): void {
  if (size <= limit) return;
  throw new StowkenError('REQUEST_TOO_LARGE', `${what} has ${size} bytes; the limit is ${limit}`, {
    size: String(size),
    limit: String(limit),
  });
}

/** Describes how a request without tokens is read: decoded as a whole, then checked. */
export function schemaRequest<Schema extends z.ZodType>(
  decoder: { decode(bytes: Buffer): z.input<Schema> },
  schema: Schema,
): (bytes: Buffer) => z.output<Schema> {
  return (bytes) => {
    checkFieldsSize(bytes.length);
    return parse(schema, decoder.decode(bytes));
  };
}

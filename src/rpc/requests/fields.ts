import { z } from 'zod';
import { limits } from '../../model/index.js';
import { refuse } from './parse.js';

/** A string of so many bytes of UTF-8. */
export function utf8(bytesMin: number, bytesMax: number) {
  return z.string().check((context) => {
    const size = Buffer.byteLength(context.value);
    if (size < bytesMin) refuse(context, 'is empty', { size, limit: bytesMin });
    if (size > bytesMax)
      refuse(context, `has ${size} bytes; the limit is ${bytesMax}`, { size, limit: bytesMax });
  });
}

/** How many entries a page has at most: the default when 0, the maximum when more. */
export const pageSize = z.number().transform((size, context) => {
  if (size < 0) return refuse(context, `is ${size}; the limit is 0`, { value: String(size), limit: 0 });
  return size === 0 ? limits.pageSizeDefault : Math.min(size, limits.pageSizeMax);
});

/** A segment's name. */
export const segmentHash = z.string().check((context) => {
  if (/^[0-9a-f]{64}$/.test(context.value)) return;
  refuse(context, 'is not a SHA-256 in 64 lower-case hex digits', { size: Buffer.byteLength(context.value) });
});

/** A list of at most so many items. */
export function items<Schema extends z.ZodType>(schema: Schema, itemsMax: number) {
  return z
    .array(z.unknown())
    .check((context) => {
      const size = context.value.length;
      if (size > itemsMax)
        refuse(context, `has ${size} entries; the limit is ${itemsMax}`, { size, limit: itemsMax });
    })
    .pipe(z.array(schema));
}

export const conversationId = utf8(1, limits.conversationIdBytesMax);
export const optionalId = utf8(0, limits.conversationIdBytesMax);
export const label = utf8(0, limits.labelBytesMax);

/** A client's own id of a request; undefined when empty. */
export const requestId = utf8(0, limits.requestIdBytesMax).transform((id) => (id === '' ? undefined : id));

/** The vault's name; "default" when empty. */
export const vaultName = label.transform((name) => (name === '' ? 'default' : name));

/** protobufjs gives 64-bit numbers as Long. */
const long = z.custom<{ toNumber(): number; toString(): string }>(
  (value) => typeof value === 'object' && value !== null && 'toNumber' in value,
);

/** A uint64 that a JavaScript number holds exactly. */
export const uint64 = long.transform((value, context) => {
  const number = value.toNumber();
  if (Number.isSafeInteger(number)) return number;
  const limit = Number.MAX_SAFE_INTEGER;
  return refuse(context, `is ${value.toString()}; the limit is ${limit}`, { value: value.toString(), limit });
});

/** An `optional` field: undefined when it is not set. */
export function optional<Schema extends z.ZodType>(schema: Schema) {
  return schema.nullish().transform((value) => value ?? undefined);
}

/** An enum's number as what it stands for; numbers that the contract does not name are refused. */
export function enumeration<const Names extends readonly string[]>(names: Names) {
  return z.number().transform((number, context): Names[number] => {
    const name = names[number];
    return name ?? refuse(context, `is ${number}, which is no value of its enum`, { value: String(number) });
  });
}

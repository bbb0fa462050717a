import { z } from 'zod';
import { isSegmentHash, limits } from '../../model/index.js';
import type { Long } from '../generated/requests.js';
import { type Context, refuse } from './parse.js';

/** A string with a length between these limits, in bytes of UTF-8. */
export function utf8(bytesMin: number, bytesMax: number) {
  return z.string().check((context) => {
    const size = Buffer.byteLength(context.value);
    if (size < bytesMin) refuse(context, 'is empty', { size, limit: bytesMin });
    if (size > bytesMax)
      refuse(context, `has ${size} bytes; the limit is ${bytesMax}`, { size, limit: bytesMax });
  });
}

/** Limit of a page's entries: the default if 0, the maximum if greater. */
export const pageSize = countUpTo(limits.pageSizeMax);

/** A number of things, the default of a page if it is 0; a larger one than `countMax` means that one. */
export function countUpTo(countMax: number) {
  return z.number().transform((size, context) => {
    if (size < 0) return refuse(context, `is ${size}; the limit is 0`, { value: String(size), limit: 0 });
    return size === 0 ? limits.pageSizeDefault : Math.min(size, countMax);
  });
}

/** Hash of a segment. */
export const segmentHash = z.string().transform((text, context) => {
  if (isSegmentHash(text)) return text;
  return refuse(context, 'is not a SHA-256 in 64 lower-case hex digits', { size: Buffer.byteLength(text) });
});

/** A list of at most `itemsMax` items. */
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

/** Name of a vault; "default" if empty. */
export const vaultName = label.transform((name) => (name === '' ? 'default' : name));

/** protobufjs gives 64-bit numbers as Long. */
const long = z.custom<Long>((value) => typeof value === 'object' && value !== null && 'toNumber' in value);

/** A uint64 that a JavaScript number holds exactly. */
export const uint64 = long.transform((value, context) => {
  const number = value.toNumber();
  if (Number.isSafeInteger(number)) return number;
  const limit = Number.MAX_SAFE_INTEGER;
  return refuse(context, `is ${value.toString()}; the limit is ${limit}`, { value: value.toString(), limit });
});

/**
 * An `optional` field: undefined if it is not set. By its type a message must have it, so that its name is
 * checked.
 */
export function optional<Schema extends z.ZodType>(
  schema: Schema,
): z.ZodType<z.output<Schema> | undefined, z.input<Schema> | null | undefined> {
  return schema.nullish().transform((value) => value ?? undefined);
}

/** Maps an enum's number to the name at that index; numbers that the contract does not have are refused. */
export function enumeration<const Names extends readonly string[]>(names: Names) {
  return z.number().transform((number, context): Names[number] => {
    const name = names[number];
    return name ?? refuse(context, `is ${number}, which is no value of its enum`, { value: String(number) });
  });
}

const nanosPerMs = 1_000_000;
const nanosMax = 999_999_999;
/** Limits of google.protobuf.Timestamp in seconds: the years 1 to 9999. */
const timestampSecondsMin = -62_135_596_800;
const timestampSecondsMax = 253_402_300_799;
const durationSecondsMax = 315_576_000_000;

const parts = z.object({
  seconds: z.custom<Long>().transform((seconds) => seconds.toNumber()),
  nanos: z.number(),
});

/**
 * Milliseconds since 1970, rounded up: both "at or after" and "before" stay exact for times in whole
 * milliseconds.
 */
export const timestampMs = parts.transform(({ seconds, nanos }, context) => {
  if (seconds < timestampSecondsMin || seconds > timestampSecondsMax || nanos < 0 || nanos > nanosMax) {
    return refuse(context, 'is not a time within the years 1 to 9999', { value: `${seconds} s ${nanos} ns` });
  }
  return seconds * 1000 + Math.ceil(nanos / nanosPerMs);
});

/** A time in milliseconds. No conversation is older than 1970, so earlier times mean the same as 1970. */
export const timeMs = timestampMs.transform((timeMs) => Math.max(timeMs, 0));

/** Milliseconds, rounded up; a negative duration is refused. */
export const durationMs = parts.transform(({ seconds, nanos }, context) => {
  if (seconds < 0 || seconds > durationSecondsMax || nanos < 0 || nanos > nanosMax) {
    const value = `${seconds} s ${nanos} ns`;
    return refuse(context, `is not a duration of 0 to ${durationSecondsMax} seconds`, { value });
  }
  return seconds * 1000 + Math.ceil(nanos / nanosPerMs);
});

/** A map of labels, with limits of their number and of the size of every key and value. */
export function metadata(entriesMax: number) {
  return z.custom<Readonly<Record<string, string>>>().check((context) => {
    const entries = Object.entries(context.value);
    const size = entries.length;
    if (size > entriesMax) {
      refuse(context, `has ${size} entries; the limit is ${entriesMax}`, { size, limit: entriesMax });
      return;
    }
    for (const [key, value] of entries) checkEntry(context, key, value);
  });
}

function checkEntry(context: Context, key: string, value: string): void {
  const keySize = Buffer.byteLength(key);
  const { metadataKeyBytesMax: keyLimit, metadataValueBytesMax: valueLimit } = limits;
  if (keySize === 0 || keySize > keyLimit) {
    refuse(context, `has a key of ${keySize} bytes; 1 to ${keyLimit} are allowed`, {
      size: keySize,
      limit: keyLimit,
    });
  }
  // The only name that a JavaScript object treats specially.
  if (key === '__proto__') refuse(context, 'has the key __proto__, which is reserved', { value: key });
  const size = Buffer.byteLength(value);
  if (size > valueLimit) {
    refuse(context, `has a value of ${size} bytes; the limit is ${valueLimit}`, { size, limit: valueLimit });
  }
}

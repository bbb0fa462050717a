/** A value as JSON.parse returns it. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;

export interface JsonObject {
  readonly [key: string]: Json;
}

/**
 * A number that JSON readers do not keep exactly, as it was written: 12345678901234567890, 1e400, NaN. It
 * stands among values like a number, and leaves a hole in skeletons.
 */
class RawNumber {
  constructor(readonly text: string) {}

  /** Returns its hole. */
  toJSON(): Json {
    return { $stowken: ['number', this.text] };
  }
}

/** Returns such a number as a value. */
export function rawNumber(text: string): Json {
  return new RawNumber(text) as unknown as Json;
}

export function isRawNumber(value: unknown): value is RawNumber {
  return value instanceof RawNumber;
}

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !isRawNumber(value);
}

export function isList(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value);
}

/** Returns the value of a key that the object itself has. */
export function valueOf(object: JsonObject, key: string): Json | undefined {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

/** Returns the key that an object has for a name, written in any case: "Question" for "question". */
export function keyLike(object: JsonObject, name: string): string | undefined {
  if (Object.hasOwn(object, name)) return name;
  return Object.keys(object).find((key) => key.length === name.length && key.toLowerCase() === name);
}

/** Returns the text under a key; undefined if it is missing, empty or no text. */
export function textOf(object: JsonObject, key: string): string | undefined {
  const value = valueOf(object, key);
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** True for a text that a server takes as a label of so many bytes: half of a surrogate pair has no UTF-8. */
export function isLabel(text: string, bytesMax: number): boolean {
  return Buffer.byteLength(text) <= bytesMax && !/\p{Surrogate}/u.test(text);
}

/** Returns a copy of the object with some of its values replaced. A key named __proto__ stays a key. */
export function withValues(object: JsonObject, values: Iterable<readonly [string, Json]>): JsonObject {
  return Object.fromEntries<Json>([...Object.entries(object), ...values]);
}

/** Returns the value if every number in it is one that JSON readers keep exactly. */
export function isExact(value: Json): boolean {
  if (typeof value === 'number') return isKept(value);
  if (typeof value !== 'object' || value === null) return true;
  return (Array.isArray(value) ? (value as readonly Json[]) : Object.values(value as JsonObject)).every(
    isExact,
  );
}

/** True for a number that JSON.stringify writes and JSON.parse gives back. It writes -0 as 0. */
function isKept(value: number): boolean {
  if (value === 0) return !Object.is(value, -0);
  return Number.isInteger(value) ? Number.isSafeInteger(value) : Number.isFinite(value);
}

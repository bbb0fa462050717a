import type { Timestamp } from './generated/responses.js';

/** Converts a 64-bit number of the wire. @throws RangeError if a JavaScript number cannot hold it exactly */
export function fromUint64(field: string, decimal: string): number {
  const value = Number(decimal);
  if (!Number.isSafeInteger(value)) {
    throw new RangeError(`${field} is ${decimal}, beyond ${Number.MAX_SAFE_INTEGER}`);
  }
  return value;
}

/** @throws RangeError if it is not a whole number from 0 to 2^53 - 1 */
export function toUint64(field: string, value: number): string {
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new RangeError(`${field} is ${value}, not a whole number from 0 to ${Number.MAX_SAFE_INTEGER}`);
  }
  return String(value);
}

/** @throws RangeError if it is not a whole number from 0 to 2^32 - 1 */
export function toUint32(field: string, value: number): number {
  if (value >>> 0 === value) return value;
  throw new RangeError(`${field} is ${value}, not a whole number from 0 to ${0xffff_ffff}`);
}

export function fromWireTime(field: string, time: Timestamp | null): number | undefined {
  if (time === null) return undefined;
  return fromUint64(field, time.seconds) * 1000 + Math.floor(time.nanos / 1_000_000);
}

/** Converts to a Timestamp or a Duration, which have the same fields; undefined stays undefined. */
export function toWireTime(field: string, timeMs: number | undefined): Timestamp | undefined {
  if (timeMs === undefined) return undefined;
  if (!Number.isSafeInteger(timeMs)) throw new RangeError(`${field} is ${timeMs}, not whole milliseconds`);
  const seconds = Math.floor(timeMs / 1000);
  return { seconds: String(seconds), nanos: (timeMs - seconds * 1000) * 1_000_000 };
}

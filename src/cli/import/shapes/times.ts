import { isRawNumber, type Json } from './json.js';

/** Numbers of seconds since 1970 stay below this until the year 5138; those of milliseconds do not. */
const secondsMax = 100_000_000_000;

const withZone = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)$/i;
const local = /^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?)?$/;

/**
 * Returns a time in milliseconds since 1970, or why the value is not a time: RFC 3339, seconds, milliseconds,
 * microseconds or nanoseconds since 1970, or a date and time without zone if a zone ("Z", "+02:00") is
 * stated.
 */
export function timeOf(value: Json, zone: string | undefined): number | string {
  if (isRawNumber(value)) return timeOf(Number(value.text), zone);
  if (typeof value === 'number') {
    const ms = inMilliseconds(value);
    return Number.isFinite(ms) ? Math.round(ms) : 'it is no time';
  }
  if (typeof value !== 'string') return noTime;
  if (/^\d{9,13}$/.test(value)) return timeOf(Number(value), zone);
  if (withZone.test(value)) return parsed(value.replace(' ', 'T'));
  if (!local.test(value)) return noTime;
  if (zone === undefined) return `${JSON.stringify(value)} has no time zone; --time-zone states one`;
  const time = value.length > 'YYYY-MM-DD'.length ? value.replace(' ', 'T') : `${value}T00:00`;
  return parsed(`${time}${zone}`);
}

/** Seconds, milliseconds, microseconds or nanoseconds since 1970: times of each have another size. */
function inMilliseconds(value: number): number {
  const size = Math.abs(value);
  if (size < secondsMax) return value * 1000;
  if (size < 1000 * secondsMax) return value;
  return size < 1_000_000 * secondsMax ? value / 1000 : value / 1_000_000;
}

/** True for a date, or a date and time, without zone. */
export function isLocalTime(value: Json): boolean {
  return typeof value === 'string' && local.test(value);
}

const noTime = 'it is no time like 2027-01-31T12:00:00Z, and no number of seconds since 1970';

function parsed(text: string): number | string {
  const ms = Date.parse(text);
  return Number.isNaN(ms) ? noTime : ms;
}

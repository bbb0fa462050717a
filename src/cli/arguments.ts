import { InvalidArgumentError } from 'commander';
import { parseAddress } from '../client/index.js';

/** Parsers of option values, as commander takes them: what they throw is wrong usage. */

export function wholeNumber(min: number, max = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= min && value <= max) return value;
    throw new InvalidArgumentError(`It is a whole number from ${min} to ${max}.`);
  };
}

const unitMs: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** "90s", "10m", "24h", "7d", or seconds without a unit; in milliseconds. */
export function duration(text: string): number {
  const [, amount, unit = 's'] = /^(\d{1,9}(?:\.\d{1,3})?)([smhd])?$/.exec(text) ?? [];
  if (amount === undefined)
    throw new InvalidArgumentError('It is a number with s, m, h or d: 90s, 10m, 24h, 7d.');
  return Math.round(Number(amount) * unitMs[unit]!);
}

const dateOrTime = /^(\d{4}-\d\d-\d\d)(T\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:\d\d))?$/;

/** A date (its midnight in UTC) or a time with its zone; in milliseconds since 1970. */
export function time(text: string): number {
  const date = dateOrTime.exec(text)?.[1];
  const timeMs = date !== undefined && isInCalendar(date) ? Date.parse(text) : Number.NaN;
  if (!Number.isNaN(timeMs)) return timeMs;
  throw new InvalidArgumentError('It is a date or a time with its zone: 2026-01-31, 2026-01-31T12:00:00Z.');
}

/** Date.parse takes the 30th of February for the 2nd of March. */
function isInCalendar(date: string): boolean {
  const timeMs = Date.parse(date);
  return !Number.isNaN(timeMs) && new Date(timeMs).toISOString().startsWith(date);
}

/** Text that says something: an empty one is most likely a variable that was not set. */
export function filled(text: string): string {
  if (text !== '') return text;
  throw new InvalidArgumentError('It is empty.');
}

/** Collects KEY=VALUE of a repeated option. */
export function keyValue(text: string, soFar: Record<string, string> = {}): Record<string, string> {
  const cut = text.indexOf('=');
  if (cut < 1) throw new InvalidArgumentError('It is KEY=VALUE.');
  return { ...soFar, [text.slice(0, cut)]: text.slice(cut + 1) };
}

/** A server's address, with its port. Clients cannot use port 0, which is any free one. */
export function address(options: Parameters<typeof parseAddress>[1] = {}): (text: string) => string {
  return (text) => {
    try {
      return parseAddress(text, options);
    } catch (error) {
      throw new InvalidArgumentError(`${upperFirst((error as RangeError).message)}.`);
    }
  };
}

function upperFirst(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** Numbers and times as people read them. */

const whole = new Intl.NumberFormat('en');
const short = new Intl.NumberFormat('en', { notation: 'compact', maximumSignificantDigits: 3 });
const oneDecimal = new Intl.NumberFormat('en', { maximumFractionDigits: 1 });
const threeDigits = new Intl.NumberFormat('en', { maximumSignificantDigits: 3 });

/** "12,345"; exact for any 64-bit number. */
export function count(value: string | number): string {
  return whole.format(BigInt(value));
}

/** "12.3K" */
export function brief(value: string | number): string {
  return short.format(Number(value));
}

/** "1 message", "2 messages" */
export function plural(value: string | number, noun: string): string {
  return `${count(value)} ${noun}${String(value) === '1' ? '' : 's'}`;
}

const units = ['bytes', 'kB', 'MB', 'GB', 'TB', 'PB'];

/** "12.3 MB": decimal units, as the command has. */
export function bytes(value: string | number): string {
  let amount = Number(value);
  let unit = 0;
  while (amount >= 999.5 && unit < units.length - 1) {
    amount /= 1000;
    unit += 1;
  }
  return `${threeDigits.format(amount)} ${units[unit]}`;
}

/** "12.3 %" of the whole; nothing of nothing. A little is not nothing, and almost all is not all. */
export function share(part: number, all: number): string {
  if (all === 0 || part === 0) return '0 %';
  const percent = (100 * part) / all;
  if (percent < 0.1) return '< 0.1 %';
  if (percent > 99.9 && percent < 100) return '> 99.9 %';
  return `${oneDecimal.format(percent)} %`;
}

/** "5.21" */
export function ratio(value: number): string {
  return Number.isFinite(value) ? threeDigits.format(value) : '–';
}

const day = new Intl.DateTimeFormat('en', { dateStyle: 'medium' });
const minute = new Intl.DateTimeFormat('en', { dateStyle: 'medium', timeStyle: 'short' });

/** "Jan 31, 2026" */
export function date(time: string | null): string {
  return time === null ? '–' : day.format(new Date(time));
}

/** "Jan 31, 2026 – Feb 2, 2026"; one date if both are of one day. */
export function dates(first: string | null, last: string | null): string {
  return date(first) === date(last) ? date(first) : `${date(first)} – ${date(last)}`;
}

/** "Jan 31, 2026, 1:05 PM" */
export function dateTime(time: string | null): string {
  return time === null ? '–' : minute.format(new Date(time));
}

const periods = [
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
  ['second', 1],
] as const;

/** "90 days" for "7776000s"; the two largest units if it is not a whole number of the largest. */
export function duration(text: string | null): string {
  if (text === null) return '–';
  let rest = Math.round(Number.parseFloat(text));
  if (rest === 0) return 'none';
  const parts: string[] = [];
  for (const [name, seconds] of periods) {
    const amount = Math.floor(rest / seconds);
    if (amount > 0 && parts.length < 2) parts.push(plural(amount, name));
    rest -= amount * seconds;
  }
  return parts.join(' ');
}

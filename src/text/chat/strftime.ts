const days = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
const months = [
  ...['January', 'February', 'March', 'April', 'May', 'June', 'July'],
  ...['August', 'September', 'October', 'November', 'December'],
];

const two = (value: number): string => String(value).padStart(2, '0');

const directives: Readonly<Record<string, (time: Date) => string>> = {
  Y: (time) => String(time.getUTCFullYear()).padStart(4, '0'),
  y: (time) => two(time.getUTCFullYear() % 100),
  m: (time) => two(time.getUTCMonth() + 1),
  d: (time) => two(time.getUTCDate()),
  H: (time) => two(time.getUTCHours()),
  I: (time) => two(time.getUTCHours() % 12 || 12),
  M: (time) => two(time.getUTCMinutes()),
  S: (time) => two(time.getUTCSeconds()),
  p: (time) => (time.getUTCHours() < 12 ? 'AM' : 'PM'),
  A: (time) => days[time.getUTCDay()]!,
  a: (time) => days[time.getUTCDay()]!.slice(0, 3),
  B: (time) => months[time.getUTCMonth()]!,
  b: (time) => months[time.getUTCMonth()]!.slice(0, 3),
  '%': () => '%',
};

/**
 * Formats a time, in UTC, as strftime of C does in English. @throws Error for a directive that is not known
 */
export function strftime(format: string, time: Date): string {
  return format.replace(/%(-?)(.)/gsu, (directive, plain: string, letter: string) => {
    const value = directives[letter]?.(time);
    if (value === undefined) throw new Error(`the directive ${directive} of strftime_now is not known`);
    return plain === '' ? value : value.replace(/^0+(?=\d)/, '');
  });
}

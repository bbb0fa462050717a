import { StowkenError } from '../../model/index.js';

/**
 * Returns a function that gives the hour of a time in a zone, UTC if its name is empty: 2026-01-31T13:00. It
 * remembers the times that it was asked for.
 * @throws StowkenError INVALID_FIELD for a zone that is not known
 */
export function clockOf(timeZone: string): (timeMs: number) => string {
  const known = new Map<number, string>();
  const options = { year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit' } as const;
  let format: Intl.DateTimeFormat;
  try {
    format = new Intl.DateTimeFormat('en-CA', { ...options, hourCycle: 'h23', timeZone: timeZone || 'UTC' });
  } catch {
    throw new StowkenError('INVALID_FIELD', `time_zone ${JSON.stringify(timeZone)} is not known`, {
      field: 'time_zone',
      value: timeZone,
    });
  }
  return (timeMs) => {
    let text = known.get(timeMs);
    if (text === undefined) {
      const parts = Object.fromEntries(format.formatToParts(timeMs).map(({ type, value }) => [type, value]));
      text = `${parts['year']}-${parts['month']}-${parts['day']}T${parts['hour']}:00`;
      known.set(timeMs, text);
    }
    return text;
  };
}

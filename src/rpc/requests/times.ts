import { z } from 'zod';
import { refuse } from './parse.js';

const nanosPerMs = 1_000_000;
const nanosMax = 999_999_999;
/** The first and the last second that google.protobuf.Timestamp has: the years 1 to 9999. */
const timestampSecondsMin = -62_135_596_800;
const timestampSecondsMax = 253_402_300_799;
const durationSecondsMax = 315_576_000_000;

const parts = z.object({
  seconds: z.custom<{ toNumber(): number }>().transform((seconds) => seconds.toNumber()),
  nanos: z.number(),
});

/** Milliseconds since 1970, rounded up: both "at or after" and "before" stay true of whole milliseconds. */
export const timestampMs = parts.transform(({ seconds, nanos }, context) => {
  if (seconds < timestampSecondsMin || seconds > timestampSecondsMax || nanos < 0 || nanos > nanosMax) {
    return refuse(context, 'is not a time within the years 1 to 9999', { value: `${seconds} s ${nanos} ns` });
  }
  return seconds * 1000 + Math.ceil(nanos / nanosPerMs);
});

/** Milliseconds, rounded up; a negative duration is refused. */
export const durationMs = parts.transform(({ seconds, nanos }, context) => {
  if (seconds < 0 || seconds > durationSecondsMax || nanos < 0 || nanos > nanosMax) {
    const value = `${seconds} s ${nanos} ns`;
    return refuse(context, `is not a duration of 0 to ${durationSecondsMax} seconds`, { value });
  }
  return seconds * 1000 + Math.ceil(nanos / nanosPerMs);
});

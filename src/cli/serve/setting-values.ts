import { z } from 'zod';
import { parseAddress } from '../../client/index.js';
import { jwksUrl } from '../../identity/index.js';
import { limits, tokenizerPatterns, type TokenizerSource } from '../../model/index.js';

// Values that settings of `serve` take, each with the sentence that refuses another.

/** Minimum of intake bytes: with less, hardly any request would find room. */
export const intakeBytesMin = 16 * 1024 * 1024;

export const listen = z.string({ error: 'it is a text' }).transform((text, context) => {
  try {
    return parseAddress(text, { portMin: 0 });
  } catch (error) {
    context.addIssue((error as RangeError).message);
    return z.NEVER;
  }
});
const storageHelp = 'it is lmdb, filesystem, memory, or postgres://USER:PASSWORD@HOST:PORT/DATABASE';
/** A kind of storage, or the URL of a database. */
export function storage(kinds: readonly string[]) {
  return z.string({ error: storageHelp }).refine((text) => kinds.includes(text) || isDatabaseUrl(text), {
    error: storageHelp,
  });
}

function isDatabaseUrl(text: string): boolean {
  return /^postgres(ql)?:\/\/[^\s/]+\/[^\s/]+$/.test(text) && URL.canParse(text);
}

const slowCallHelp = 'it is a number of milliseconds, 0 to 3600000';
export const slowCallMs = z.coerce
  .number({ error: slowCallHelp })
  .min(0, { error: slowCallHelp })
  .max(3_600_000, { error: slowCallHelp });
const addressForm = /^unix:|:\d+$/i;
const metricsHelp = 'it is HOST:PORT or unix:/path';
export const metrics = z
  .string({ error: metricsHelp })
  .regex(addressForm, { error: metricsHelp })
  .pipe(listen);
const httpHelp = 'it is HOST:PORT, PORT on loopback, or unix:/path';
export const http = z
  .string({ error: httpHelp })
  .transform((text) => (/^\d+$/.test(text) ? `127.0.0.1:${text}` : text))
  .refine((text) => addressForm.test(text), { error: httpHelp, abort: true })
  .pipe(metrics);
const httpHostHelp = 'it is a name, as in stowken.example.com';
/** One or a list; in an environment variable they are separated by commas. */
export const httpHosts = z
  .union([z.string().transform((text) => text.split(',')), z.array(z.string())], { error: httpHostHelp })
  .pipe(
    z
      .array(z.string().regex(/^[a-z0-9._-]{1,253}$/i, { error: httpHostHelp }))
      .max(limits.pageHostsMax, `there are at most ${limits.pageHostsMax}`),
  );
const tokenizerHelp = 'it is NAME=FILE, or NAME=FILE,pattern=' + tokenizerPatterns.join('|');
const tokenizerPattern = new RegExp(`^(.+),pattern=(${tokenizerPatterns.join('|')})$`, 's');
const tokenizer = z.string().transform((text, context): TokenizerSource => {
  const [, name = '', rest = ''] = /^([^=]+)=(.+)$/s.exec(text) ?? [];
  const [, path = rest, pattern] = tokenizerPattern.exec(rest) ?? [];
  if (name === '' || Buffer.byteLength(name) > limits.labelBytesMax || /,pattern=\w*$/.test(path)) {
    context.addIssue(tokenizerHelp);
    return z.NEVER;
  }
  return { name, path, pattern: pattern as TokenizerSource['pattern'] };
});
/** One or a list; in an environment variable they are separated by semicolons. */
export const tokenizers = z
  .union([z.string().transform((text) => text.split(';')), z.array(z.string())], { error: tokenizerHelp })
  .pipe(z.array(tokenizer).max(limits.tokenizersMax, `there are at most ${limits.tokenizersMax}`))
  .superRefine((list, context) => {
    const twice = list.find(({ name }, at) => list.findIndex((other) => other.name === name) < at);
    if (twice) context.addIssue(`${twice.name} is named twice`);
  });
export const switched = z.union(
  [z.boolean(), z.enum(['true', 'false', '1', '0']).transform((text) => text === 'true' || text === '1')],
  {
    error: 'it is true or false',
  },
);
export const seconds = z.coerce.number({ error: 'it is a number of seconds, 0 to 3600' }).min(0).max(3600);
export const intervalSeconds = z.coerce
  .number({ error: 'it is a number of seconds, 0 to 604800' })
  .min(0)
  .max(604_800);
const windowHelp = 'it is a part of the day: 01:00-05:30, 22:00-04:00';
const windowPattern = /^([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)$/;
/** Part of the day, in minutes since midnight. It may pass midnight. */
export const sweepWindow = z.string({ error: windowHelp }).transform((text, context) => {
  const [fromHour, from, toHour, to] = (windowPattern.exec(text) ?? []).slice(1).map(Number);
  const window = { fromMinute: 60 * fromHour! + from!, toMinute: 60 * toHour! + to! };
  if (fromHour !== undefined && window.fromMinute !== window.toMinute) return window;
  context.addIssue(windowHelp);
  return z.NEVER;
});
export const idleSeconds = z.coerce
  .number({ error: 'it is a number of seconds, 1 to 86400' })
  .min(1)
  .max(86_400);
const units: Readonly<Record<string, number>> = { '': 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 };
/** Returns the schema of a number of bytes, or "auto". `least` is part of the message. */
export const sizeFrom = (bytesMin: number, least: string) =>
  z.union([z.number(), z.string()]).transform((given, context) => {
    if (given === 'auto') return 'auto' as const;
    const [, amount, unit = ''] = /^(\d{1,15})(KiB|MiB|GiB)?$/.exec(String(given)) ?? [];
    const bytes = Number(amount) * units[unit]!;
    if (bytes >= bytesMin && bytes <= Number.MAX_SAFE_INTEGER) return bytes;
    context.addIssue(`it is auto, or a number of bytes (4294967296, 4096MiB or 4GiB)${least}`);
    return z.NEVER;
  });
/** Minimum of the size of a file of the audit log. */
export const auditBytesMin = 64 * 1024;
export const filesHelp = 'it is a whole number from 1 to 1000';
export const countFrom = (min: number) => {
  const error = `it is a whole number from ${min} to 1000000`;
  return z.coerce.number({ error }).int(error).min(min, error).max(1_000_000, error);
};
export const openVaultsHelp = 'it is a whole number from 1 to 10000';
export const workers = z.coerce.number({ error: 'it is a whole number from 1 to 64' }).int().min(1).max(64);

export const file = z.string({ error: 'it is the name of a file' }).min(1);
export const filled = z.string({ error: 'it is a text' }).min(1);
export const jwks = filled.transform((text, context) => {
  try {
    jwksUrl(text);
    return text;
  } catch (error) {
    context.addIssue((error as Error).message);
    return z.NEVER;
  }
});
export const skewSeconds = z.coerce.number({ error: 'it is a number of seconds, 0 to 600' }).min(0).max(600);

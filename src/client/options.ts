import { status } from '@grpc/grpc-js';
import { z } from 'zod';
import { parseAddress } from './address.js';
import { ClientError } from './errors.js';
import { defaultRetry, type RetryPolicy } from './retry.js';
import type { ConnectOptions } from './types.js';

const receiveBytesDefault = 64 * 1024 * 1024;

/** What grpc-js can hold: a signed 32-bit number. */
const receiveBytesMaxMax = 2 ** 31 - 1;
const attemptsMaxMax = 1000;
/** Longest time that a timer of Node waits. */
const timerMsMax = 2 ** 31 - 1;

/** Options of a connection; all of them checked, and none left out. */
export interface CheckedOptions {
  readonly server: string;
  readonly vault: string;
  readonly receiveBytesMax: number;
  readonly retry: RetryPolicy;
  readonly signal: AbortSignal | undefined;
}

const wholeNumber = (min: number, max: number) => {
  const error = `it is a whole number from ${min} to ${max}`;
  return z.number({ error }).int({ error }).min(min, { error }).max(max, { error });
};

const server = z
  .string({ error: 'it is a text: HOST, HOST:PORT or unix:/path' })
  .transform((text, context) => {
    try {
      return parseAddress(text);
    } catch (error) {
      context.addIssue((error as RangeError).message);
      return z.NEVER;
    }
  });

const schema = z.strictObject(
  {
    server,
    vault: z.string({ error: 'it is a text' }).default(''),
    receiveBytesMax: wholeNumber(1, receiveBytesMaxMax).default(receiveBytesDefault),
    retry: z
      .strictObject(
        { attemptsMax: wholeNumber(1, attemptsMaxMax), backoffMs: wholeNumber(0, timerMsMax) },
        { error: objectError('{attemptsMax, backoffMs}') },
      )
      .default(defaultRetry),
    signal: z.instanceof(AbortSignal, { error: 'it is an AbortSignal' }).optional(),
  },
  { error: objectError('an object with "server"') },
);

/** The default words for a field that is unknown; ours for a value that is no object. */
function objectError(what: string) {
  return ({ code }: { readonly code: string }) => (code === 'invalid_type' ? `it is ${what}` : undefined);
}

/** @throws ClientError INVALID_FIELD, which names the field */
export function checkConnectOptions(options: ConnectOptions): CheckedOptions {
  const result = schema.safeParse(options);
  if (result.success) return { ...result.data, signal: result.data.signal };
  const { issues } = result.error;
  // A name that is misspelt leaves another one out: the name is what is wrong.
  const issue = issues.find(({ code }) => code === 'unrecognized_keys') ?? issues[0]!;
  const field = issue.path.map(String).join('.');
  if (issue.code !== 'unrecognized_keys') throw invalid(field === '' ? 'options' : field, issue.message);
  const unknown = [...issue.path.map(String), issue.keys[0]!].join('.');
  const known = Object.keys(field === 'retry' ? schema.shape.retry.unwrap().shape : schema.shape);
  throw invalid(unknown, `there is no such option; known are ${known.join(', ')}`);
}

/** @throws ClientError INVALID_FIELD for a time that is no time */
export function checkTimeout(timeoutMs: number): number {
  if (typeof timeoutMs === 'number' && timeoutMs >= 0 && Number.isFinite(timeoutMs)) return timeoutMs;
  throw invalid('timeoutMs', `it is ${String(timeoutMs)}, not a number of milliseconds from 0`);
}

function invalid(field: string, message: string): ClientError {
  return new ClientError(status.INVALID_ARGUMENT, `${field}: ${message}`, 'INVALID_FIELD', { field });
}

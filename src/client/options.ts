import { isIPv4, isIPv6 } from 'node:net';
import { status } from '@grpc/grpc-js';
import { z } from 'zod';
import { ClientError } from './errors.js';
import { defaultRetry, type RetryPolicy } from './retry.js';
import { isLoopbackHost } from '../model/index.js';
import type { ClientTls, ConnectOptions } from './connection-types.js';

const receiveBytesDefault = 64 * 1024 * 1024;

/** Limit of grpc-js: a signed 32-bit number. */
const receiveBytesMaxMax = 2 ** 31 - 1;
const attemptsMaxMax = 1000;
/** Limit of a timer of Node. */
const timerMsMax = 2 ** 31 - 1;

/** Options of TLS; files are texts. */
type CheckedTls = { readonly [Name in keyof ClientTls]: string };

/** Options of a connection, checked and with defaults. */
export interface CheckedOptions {
  readonly server: string;
  readonly vault: string;
  readonly receiveBytesMax: number;
  readonly retry: RetryPolicy;
  readonly signal: AbortSignal | undefined;
  /** Undefined: not encrypted. */
  readonly tls: CheckedTls | undefined;
  readonly token: ConnectOptions['token'];
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

const pem = z
  .union([z.string(), z.instanceof(Uint8Array).transform((bytes) => Buffer.from(bytes).toString('latin1'))], {
    error: 'it is a text in PEM, or its bytes',
  })
  .refine((text) => text.includes('-----BEGIN '), { error: 'it is not PEM (the content of the file)' });
const tlsShape = {
  ca: pem.optional(),
  cert: pem.optional(),
  key: pem.optional(),
  serverName: z.string({ error: 'it is a text' }).min(1, { error: 'it is empty' }).optional(),
};
const tlsFields = z
  .strictObject(tlsShape, { error: objectError('true, false, or {ca, cert, key, serverName}') })
  .refine(({ cert, key }) => (cert === undefined) === (key === undefined), {
    error: 'cert and key go together',
  });
/** A union would report the fault of none of its members: booleans are replaced before. */
const tls = z.preprocess((value) => {
  if (typeof value === 'boolean') return value ? {} : undefined;
  return value;
}, tlsFields.optional());
const tokenForm = { error: 'it is empty, or has characters that no token has' };
const tokenText = z.string({ error: 'it is a text' }).regex(/^[\x21-\x7e]+$/, tokenForm);
const token = z
  .custom<string | (() => string | Promise<string>)>(
    (value) => typeof value === 'string' || typeof value === 'function',
    { error: 'it is a text, or a function that returns one' },
  )
  .refine((value) => typeof value !== 'string' || tokenText.safeParse(value).success, tokenForm);

const schema = z.strictObject(
  {
    server,
    vault: z.string({ error: 'it is a text' }).default(''),
    tls: tls.optional(),
    token: token.optional(),
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

/**
 * Error of an object's type: the default words for an unknown field, our own for a value that is not an
 * object.
 */
function objectError(what: string) {
  return ({ code }: { readonly code: string }) => (code === 'invalid_type' ? `it is ${what}` : undefined);
}

/** @throws ClientError INVALID_FIELD, with the field's name */
export function checkConnectOptions(options: ConnectOptions): CheckedOptions {
  const result = schema.safeParse(options);
  if (result.success) return checkToken(withClientTls(result.data));
  const { issues } = result.error;
  // A misspelt name also means a missing one: report the misspelt name.
  const issue = issues.find(({ code }) => code === 'unrecognized_keys') ?? issues[0]!;
  const field = issue.path.map(String).join('.');
  if (issue.code !== 'unrecognized_keys') throw invalid(field === '' ? 'options' : field, issue.message);
  const unknown = [...issue.path.map(String), issue.keys[0]!].join('.');
  const shapes: Readonly<Record<string, object>> = {
    retry: schema.shape.retry.unwrap().shape,
    tls: tlsShape,
  };
  const known = Object.keys(shapes[field] ?? schema.shape);
  throw invalid(unknown, `there is no such option; known are ${known.join(', ')}`);
}

type Parsed = z.output<typeof schema>;

/** Makes options that are absent undefined. */
function withClientTls({ tls: encryption, token: given, signal, ...rest }: Parsed): CheckedOptions {
  const set = Object.entries(encryption ?? {}).filter(([, value]) => value !== undefined);
  return { ...rest, signal, token: given, tls: encryption && Object.fromEntries(set) };
}

/** Refuses to send a token over a network without TLS. */
function checkToken(options: CheckedOptions): CheckedOptions {
  const { server: address, token: given, tls: encryption } = options;
  const host = address.slice(0, address.lastIndexOf(':'));
  if (given === undefined || encryption !== undefined) return options;
  if (address.startsWith('unix:') || isLoopbackHost(host)) return options;
  throw invalid(
    'token',
    `without TLS it would be sent to ${address} for everybody on the way to read; set tls`,
  );
}

/** @throws ClientError INVALID_FIELD if it is not a valid time */
export function checkTimeout(timeoutMs: number): number {
  if (typeof timeoutMs === 'number' && timeoutMs >= 0 && Number.isFinite(timeoutMs)) return timeoutMs;
  throw invalid('timeoutMs', `it is ${String(timeoutMs)}, not a number of milliseconds from 0`);
}

/** @throws ClientError INVALID_FIELD if it is no token */
export function checkTokenText(text: string): string {
  const result = tokenText.safeParse(text);
  if (result.success) return text;
  throw invalid('token', result.error.issues[0]!.message);
}

export function invalid(field: string, message: string): ClientError {
  return new ClientError(status.INVALID_ARGUMENT, `${field}: ${message}`, 'INVALID_FIELD', { field });
}

export const defaultPort = 7411;

/** Limit of a unix socket's path in bytes, given by the kernel's address structure. */
const socketPathBytesMax = 107;

/** Description of an address's forms. */
const form = `HOST, HOST:PORT (port ${defaultPort} when none is named) or unix:/path`;

/**
 * Parses a server's address: HOST, HOST:PORT, [IPV6]:PORT or unix:/path. Returns it with its port.
 * @throws RangeError with a sentence that describes the fault
 */
export function parseAddress(text: string, { portMin = 1 }: { readonly portMin?: 0 | 1 } = {}): string {
  if (text.trim() === '') throw new RangeError(`it is empty; an address is ${form}`);
  if (/^unix:/i.test(text)) return unixAddress(text);
  const scheme = /^([a-z][a-z0-9+.-]*):\/\/(.*)$/is.exec(text);
  if (scheme) throw new RangeError(schemeRefused(scheme[1]!.toLowerCase(), scheme[2]!));
  const { host, port } = splitPort(text);
  if (!isHost(host)) throw new RangeError(`${JSON.stringify(text)} is not an address: an address is ${form}`);
  if (port === undefined) return `${host}:${defaultPort}`;
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65_535 || Number(port) < portMin) {
    throw new RangeError(`${JSON.stringify(port)} is not a port: ports are ${portMin} to 65535`);
  }
  return `${host}:${Number(port)}`;
}

function splitPort(text: string): { readonly host: string; readonly port: string | undefined } {
  if (isIPv6(text)) throw new RangeError(`an IPv6 address is written in brackets: [${text}]:${defaultPort}`);
  const cut = /^(\[[^\]]*\]|[^:]*)(?::(.*))?$/s.exec(text);
  return cut ? { host: cut[1]!, port: cut[2] } : { host: '', port: undefined };
}

function isHost(host: string): boolean {
  if (host.startsWith('[')) return host.endsWith(']') && isIPv6(host.slice(1, -1));
  // A host of digits and dots is an IPv4 address or invalid: systems read "1" and "127.1" in ways that nobody
  // means.
  if (/^[\d.]+$/.test(host)) return isIPv4(host);
  return host.length <= 253 && /^[\p{L}\p{N}_]([\p{L}\p{N}_.-]*[\p{L}\p{N}_])?\.?$/u.test(host);
}

function unixAddress(text: string): string {
  const path = text.slice('unix:'.length).replace(/^\/\/(?=\/)/, '');
  if (!path.startsWith('/') || path.includes('\0')) {
    throw new RangeError(`${JSON.stringify(text)} names no socket: it is unix:/path, with a whole path`);
  }
  const bytes = Buffer.byteLength(path);
  if (bytes > socketPathBytesMax) {
    throw new RangeError(
      `a socket's path has ${socketPathBytesMax} bytes at most, and this one has ${bytes}`,
    );
  }
  return `unix:${path}`;
}

function schemeRefused(scheme: string, rest: string): string {
  const plain = rest.replace(/\/.*$/s, '');
  const example = plain === '' ? `127.0.0.1:${defaultPort}` : plain;
  const withTls = ['https', 'grpcs'].includes(scheme) ? ', and an option for TLS beside it' : '';
  return `${scheme}:// does not belong to an address: write ${example}${withTls}`;
}

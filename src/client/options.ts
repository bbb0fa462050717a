import { isLoopbackHost } from '../model/index.js';
import { parseAddress } from './address.js';
import type { ClientTls, ConnectOptions } from './connection-types.js';
import { invalid } from './errors.js';
import { withKnownFields } from './request-fields.js';
import { defaultRetry, type RetryPolicy } from './retry.js';

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

/** @throws ClientError INVALID_FIELD, with the field's name */
export function checkConnectOptions(options: ConnectOptions): CheckedOptions {
  const given = withKnownFields('connect', options);
  const { vault = '', receiveBytesMax = receiveBytesDefault, signal } = given;
  if (signal !== undefined && !(signal instanceof AbortSignal))
    throw invalid('signal', 'it is an AbortSignal');
  const checked = {
    server: addressOf(given.server),
    vault: text('vault', vault),
    receiveBytesMax: wholeNumber('receiveBytesMax', receiveBytesMax, 1, receiveBytesMaxMax),
    retry: given.retry === undefined ? defaultRetry : retryOf(given.retry),
    signal,
    tls: tlsOf(given.tls),
    token: tokenOf(given.token),
  };
  refuseOpenToken(checked);
  return checked;
}

function addressOf(server: unknown): string {
  if (typeof server !== 'string') throw invalid('server', 'it is a text: HOST, HOST:PORT or unix:/path');
  try {
    return parseAddress(server);
  } catch (error) {
    throw invalid('server', (error as RangeError).message);
  }
}

function retryOf(retry: RetryPolicy): RetryPolicy {
  const { attemptsMax, backoffMs } = withKnownFields('retry', retry, 'retry');
  return {
    attemptsMax: wholeNumber('retry.attemptsMax', attemptsMax, 1, attemptsMaxMax),
    backoffMs: wholeNumber('retry.backoffMs', backoffMs, 0, timerMsMax),
  };
}

function tlsOf(tls: ConnectOptions['tls']): CheckedTls | undefined {
  if (tls === undefined || typeof tls === 'boolean') return tls ? {} : undefined;
  if (typeof tls !== 'object') throw invalid('tls', 'it is true, false, or {ca, cert, key, serverName}');
  const { ca, cert, key, serverName } = withKnownFields('tls', tls, 'tls');
  if ((cert === undefined) !== (key === undefined)) throw invalid('tls', 'cert and key go together');
  if (serverName === '') throw invalid('tls.serverName', 'it is empty');
  return {
    ...(ca !== undefined && { ca: pem('tls.ca', ca) }),
    ...(cert !== undefined && { cert: pem('tls.cert', cert) }),
    ...(key !== undefined && { key: pem('tls.key', key) }),
    ...(serverName !== undefined && { serverName: text('tls.serverName', serverName) }),
  };
}

function tokenOf(token: ConnectOptions['token']): ConnectOptions['token'] {
  if (token === undefined || typeof token === 'function') return token;
  if (typeof token !== 'string') throw invalid('token', 'it is a text, or a function that returns one');
  return checkTokenText(token);
}

/** Refuses to send a token over a network without TLS. */
function refuseOpenToken({ server, token, tls }: CheckedOptions): void {
  if (token === undefined || tls !== undefined || server.startsWith('unix:')) return;
  if (isLoopbackHost(server.slice(0, server.lastIndexOf(':')))) return;
  const why = `without TLS it would be sent to ${server} for everybody on the way to read; set tls`;
  throw invalid('token', why);
}

/** @throws ClientError INVALID_FIELD if it is not a valid time */
export function checkTimeout(timeoutMs: number): number {
  if (typeof timeoutMs === 'number' && timeoutMs >= 0 && Number.isFinite(timeoutMs)) return timeoutMs;
  throw invalid('timeoutMs', 'it is a number of milliseconds, from 0');
}

/** @throws ClientError INVALID_FIELD if it is no token */
export function checkTokenText(token: unknown): string {
  if (/^[\x21-\x7e]+$/.test(text('token', token))) return token as string;
  throw invalid('token', 'it is empty, or has characters that no token has');
}

function text(field: string, value: unknown): string {
  if (typeof value === 'string') return value;
  throw invalid(field, 'it is a text');
}

function wholeNumber(field: string, value: unknown, min: number, max: number): number {
  if (Number.isInteger(value) && (value as number) >= min && (value as number) <= max) return value as number;
  throw invalid(field, `it is a whole number from ${min} to ${max}`);
}

function pem(field: string, value: unknown): string {
  if (typeof value !== 'string' && !(value instanceof Uint8Array))
    throw invalid(field, 'it is a text in PEM, or its bytes');
  const content = typeof value === 'string' ? value : Buffer.from(value).toString('latin1');
  if (content.includes('-----BEGIN ')) return content;
  throw invalid(field, 'it is not PEM (the content of the file)');
}

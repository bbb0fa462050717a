import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { limits } from '../model/index.js';
import { CallError, codes, httpStatusOf, toCallError } from './call-error.js';
import { commonHeaders } from './document.js';
import { decodeResponse, encodeRequest } from './json.js';
import type { PageMethod } from './methods.js';
import type { Relay } from './relay.js';

const json = 'application/json; charset=utf-8';

/** Sends a text. */
export function sendText(
  response: ServerResponse,
  status: number,
  text: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, {
    ...commonHeaders,
    'cache-control': 'no-store',
    'content-type': 'text/plain; charset=utf-8',
    'content-length': Buffer.byteLength(text),
    ...headers,
  });
  response.end(text);
}

/**
 * Carries out a call of the page. A method with one response is answered with it; one with a stream, with a
 * line for each response. A stream that fails after its first response ends with a line that has the error.
 */
export async function answerCall(
  request: IncomingMessage,
  response: ServerResponse,
  method: PageMethod,
  relay: Relay,
): Promise<void> {
  const ending = new AbortController();
  response.once('close', () => ending.abort());
  try {
    const body = await readBody(request);
    if (body === undefined)
      return sendError(response, tooMuch('request', limits.pageRequestBytesMax), { status: 413 });
    const responses = relay.call({
      path: method.path,
      request: encodeRequest(method.request, parse(body)),
      authorization: request.headers.authorization,
      signal: ending.signal,
    });
    if (method.responseStream) return await sendLines(response, method, responses, ending.signal);
    let only: unknown;
    for await (const bytes of responses) only = decodeResponse(method.response, bytes);
    sendText(response, 200, JSON.stringify(only), { 'content-type': json });
  } catch (error) {
    fail(response, toCallError(error));
  }
}

async function sendLines(
  response: ServerResponse,
  method: PageMethod,
  responses: AsyncIterable<Buffer>,
  signal: AbortSignal,
): Promise<void> {
  let sent = 0;
  for await (const bytes of responses) {
    if (!response.headersSent) {
      const type = { 'content-type': 'application/x-ndjson; charset=utf-8' };
      response.writeHead(200, { ...commonHeaders, 'cache-control': 'no-store', ...type });
    }
    const line = `${JSON.stringify(decodeResponse(method.response, bytes))}\n`;
    sent += Buffer.byteLength(line);
    if (sent > limits.pageAnswerBytesMax) throw tooMuch('answer', limits.pageAnswerBytesMax);
    if (!response.write(line)) await once(response, 'drain', { signal });
  }
  if (!response.headersSent) sendText(response, 200, '', { 'content-type': 'application/x-ndjson' });
  response.end();
}

function tooMuch(what: 'request' | 'answer', limit: number): CallError {
  return new CallError(codes.tooLarge, `the ${what} has more than ${limit} bytes`, 'REQUEST_TOO_LARGE', {
    limit: String(limit),
  });
}

function fail(response: ServerResponse, error: CallError): void {
  if (response.destroyed) return;
  if (response.headersSent) response.end(`${errorText(error)}\n`);
  else sendError(response, error);
}

/** Sends an error as the answer to a call. */
export function sendError(
  response: ServerResponse,
  error: CallError,
  {
    status = httpStatusOf(error),
    headers = {},
  }: { readonly status?: number; readonly headers?: Readonly<Record<string, string>> } = {},
): void {
  sendText(response, status, errorText(error), { 'content-type': json, ...headers });
}

function errorText({ code, reason, message, metadata }: CallError): string {
  return JSON.stringify({ error: { code, reason, message, metadata } });
}

/** Reads a body; undefined if it is too long. The rest of one is not read: the connection ends. */
async function readBody(request: IncomingMessage): Promise<Buffer | undefined> {
  const parts: Buffer[] = [];
  let size = 0;
  // An answer is still to be sent on the connection of a request that is not read to its end.
  for await (const part of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > limits.pageRequestBytesMax) return undefined;
    parts.push(part);
  }
  return Buffer.concat(parts, size);
}

function parse(body: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch {
    throw new CallError(codes.invalidArgument, 'the request is no JSON in UTF-8', 'MALFORMED_REQUEST');
  }
}

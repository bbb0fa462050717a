import { request as plain, type IncomingHttpHeaders } from 'node:http';
import { type RequestOptions, request as secure } from 'node:https';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** Own address of the connection: the peer, for the server. */
  readonly peer: string;
}

/** Sends a request as it is given: fetch would choose some headers by itself. */
export function send(
  base: string,
  path: string,
  { body, ...options }: RequestOptions & { readonly body?: string | Buffer } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = (base.startsWith('https') ? secure : plain)(
      `${base.replace(/\/$/, '')}${path}`,
      { agent: false, ...options },
      (response) => {
        const { localAddress, localPort } = response.socket;
        const parts: Buffer[] = [];
        response.on('data', (part: Buffer) => parts.push(part));
        response.on('error', reject);
        response.on('end', () =>
          resolve({
            status: response.statusCode!,
            headers: response.headers,
            text: Buffer.concat(parts).toString(),
            peer: `${localAddress}:${localPort}`,
          }),
        );
      },
    );
    request.on('error', reject);
    request.end(body);
  });
}

interface CallOptions extends RequestOptions {
  readonly token?: string;
}

/** Calls a method as the page does. */
export async function post(
  base: string,
  method: string,
  request: unknown,
  { token, headers, ...options }: CallOptions = {},
): Promise<Answer & { readonly json: unknown; readonly lines: unknown[] }> {
  const answer = await send(base, `/api/${method}`, {
    ...options,
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...headers,
    },
    body: JSON.stringify(request),
  });
  const parse = (line: string): unknown => {
    try {
      return JSON.parse(line);
    } catch {
      return undefined;
    }
  };
  const lines = answer.text.split('\n').filter(Boolean).map(parse);
  return { ...answer, lines, json: lines[0] };
}

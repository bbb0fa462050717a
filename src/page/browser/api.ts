import type { Methods } from './generated/methods.js';

/** Calls of the server's own services, over HTTP. */

/** Failure of a call. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
    /** Reason of docs/errors.md; empty if there is none. */
    readonly reason: string,
  ) {
    super(message);
  }
}

type Request<S extends keyof Methods, M extends keyof Methods[S]> = Methods[S][M] extends {
  readonly request: infer R;
}
  ? R
  : never;
export type Response<S extends keyof Methods, M extends keyof Methods[S]> = Methods[S][M] extends {
  readonly response: infer R;
}
  ? R
  : never;

const tokenKey = 'stowken-token';

/** The token that the user has typed, for as long as the tab is open; undefined without one. */
export function storedToken(): string | undefined {
  return sessionStorage.getItem(tokenKey) ?? undefined;
}

export function storeToken(token: string | undefined): void {
  if (token === undefined) sessionStorage.removeItem(tokenKey);
  else sessionStorage.setItem(tokenKey, token);
}

/** Called when the server wants to know who calls. */
let onUnauthenticated: (error: ApiError) => void = () => undefined;
export function whenUnauthenticated(listener: typeof onUnauthenticated): void {
  onUnauthenticated = listener;
}

export async function call<S extends keyof Methods, M extends keyof Methods[S] & string>(
  service: S,
  method: M,
  request: Request<S, M>,
  signal?: AbortSignal,
): Promise<Response<S, M>> {
  const response = await post(service, method, request as object, signal);
  return (await response.json()) as Response<S, M>;
}

/** Yields the responses of a method with a stream of them. Leaving the loop cancels the call. */
export async function* stream<S extends keyof Methods, M extends keyof Methods[S] & string>(
  service: S,
  method: M,
  request: Request<S, M>,
  signal: AbortSignal,
): AsyncGenerator<Response<S, M>, void, void> {
  const response = await post(service, method, request as object, signal);
  const reader = response.body!.getReader();
  const decoder = new TextDecoder();
  let rest = '';
  try {
    for (;;) {
      const { done, value } = await reader.read();
      rest += decoder.decode(value, { stream: !done });
      const lines = rest.split('\n');
      rest = lines.pop()!;
      for (const line of lines) {
        const part = JSON.parse(line) as Response<S, M> | Failure;
        if (isFailure(part)) throw toError(response.status, part);
        yield part;
      }
      if (done) return;
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

interface Failure {
  readonly error: { readonly message: string; readonly reason: string };
}

function isFailure(part: unknown): part is Failure {
  return typeof part === 'object' && part !== null && 'error' in part;
}

async function post(
  service: string,
  method: string,
  request: object,
  signal: AbortSignal | undefined,
): Promise<globalThis.Response> {
  const token = storedToken();
  const response = await fetch(`/api/${service}/${method}`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
    },
    body: JSON.stringify(request),
    credentials: 'omit',
    ...(signal && { signal }),
  }).catch((error: unknown) => {
    if (signal?.aborted) throw error;
    throw new ApiError(0, 'The server does not answer. It may have been stopped.', '');
  });
  if (response.ok) return response;
  const text = await response.text();
  const failure = parseFailure(text);
  const error = failure ? toError(response.status, failure) : new ApiError(response.status, text.trim(), '');
  if (response.status === 401) onUnauthenticated(error);
  throw error;
}

function parseFailure(text: string): Failure | undefined {
  try {
    const parsed: unknown = JSON.parse(text);
    return isFailure(parsed) ? parsed : undefined;
  } catch {
    return undefined; // It is words of the port itself.
  }
}

function toError(status: number, { error }: Failure): ApiError {
  return new ApiError(status, error.message, error.reason);
}

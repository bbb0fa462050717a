import { readFile } from 'node:fs/promises';
import {
  createLocalJWKSet,
  createRemoteJWKSet,
  customFetch,
  type FetchImplementation,
  type JSONWebKeySet,
  type JWTVerifyGetKey,
} from 'jose';
import { limits } from '../../model/index.js';

/** Gets keys from an address; they are fetched when they are needed, and again for a key that is unknown. */
export function remoteKeys(url: URL): JWTVerifyGetKey {
  return createRemoteJWKSet(url, {
    timeoutDuration: limits.jwksTimeoutMs,
    cooldownDuration: limits.jwksCooldownMs,
    cacheMaxAge: limits.jwksCacheMs,
    [customFetch]: fetchBounded,
  });
}

/** Fetches a set of keys, and no more bytes than such a set may have: an answer may never end. */
const fetchBounded: FetchImplementation = async (url, options) => {
  const response = await fetch(url, options);
  const { body, status, headers } = response;
  if (body === null) return response;
  const limit = limits.jwksBytesMax;
  let bytes = 0;
  const bounded = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      bytes += chunk.byteLength;
      if (bytes > limit) controller.error(new Error(`the answer has more than ${limit} bytes`));
      else controller.enqueue(chunk);
    },
  });
  return new Response(body.pipeThrough(bounded), { status, headers });
};

/**
 * Reads keys from a file.
 * @throws Error if it has something else, or a secret: whoever checks tokens needs public keys only
 */
export async function readKeys(file: string): Promise<JWTVerifyGetKey> {
  try {
    const set = JSON.parse(await readFile(file, 'utf8')) as JSONWebKeySet;
    const keys = createLocalJWKSet(set);
    if (set.keys.length === 0) throw new Error('it has no keys');
    const hasSecret = set.keys.some(({ kty, d }) => kty === 'oct' || d !== undefined);
    if (hasSecret) throw new Error('it has a secret or a private key: it is to have public keys only');
    return keys;
  } catch (error) {
    // A parser's message quotes the file.
    const why = error instanceof SyntaxError ? 'it is not JSON' : (error as Error).message;
    throw new Error(`${file} is not a JSON Web Key Set: ${why}`, { cause: undefined });
  }
}

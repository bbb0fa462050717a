import { readFile } from 'node:fs/promises';
import { createLocalJWKSet, createRemoteJWKSet, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose';
import { limits } from '../../model/index.js';

/** Gets keys from an address; they are fetched when they are needed, and again for a key that is unknown. */
export function remoteKeys(url: URL): JWTVerifyGetKey {
  return createRemoteJWKSet(url, {
    timeoutDuration: limits.jwksTimeoutMs,
    cooldownDuration: limits.jwksCooldownMs,
    cacheMaxAge: limits.jwksCacheMs,
  });
}

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

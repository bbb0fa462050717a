import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { Identity } from '../identity.js';
import type { TokenEntry } from './entries.js';

/** Prefix of made tokens, by which scanners of leaked secrets find them. */
const prefix = 'stk_';
const secretBytes = 32;

/** Makes a token of 256 random bits. */
export function makeToken(): string {
  return prefix + randomBytes(secretBytes).toString('base64url');
}

export function hashToken(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

/** Tokens that are valid, found by their hashes: the time of a search says nothing about a token. */
export class KnownTokens {
  readonly #byHash = new Map<
    string,
    { readonly hash: Buffer; readonly expiresMs: number; identity: Identity }
  >();

  constructor(entries: readonly TokenEntry[]) {
    for (const { name, sha256, grants, expiresMs = Infinity } of entries) {
      const identity = new Identity(name, grants);
      this.#byHash.set(sha256, { hash: Buffer.from(sha256, 'hex'), expiresMs, identity });
    }
  }

  /** Returns the token's identity; undefined if it is unknown or has expired. */
  identityOf(token: string, nowMs: number): Identity | undefined {
    const hash = hashToken(token);
    const found = this.#byHash.get(hash.toString('hex'));
    if (found === undefined || !timingSafeEqual(found.hash, hash)) return undefined;
    return nowMs < found.expiresMs ? found.identity : undefined;
  }
}

import { isLoopbackHost } from '../../model/index.js';

/** Rules for JSON Web Tokens; plain values, which workers receive from their primary. */
export interface JwtOptions {
  /** File, or URL, of the keys (a JSON Web Key Set). */
  readonly jwks: string;
  readonly issuer: string;
  readonly audience: string;
  /** Time by which the issuer's clock may differ. */
  readonly clockSkewMs: number;
  /**
   * Claims that have the rights, and the names or patterns of vaults: lists, or texts with spaces between.
   */
  readonly rightsClaim: string;
  readonly vaultsClaim: string;
}

/**
 * Returns the URL of a key set, or undefined if it is a file.
 * @throws RangeError for a URL over which somebody else could send keys
 */
export function jwksUrl(jwks: string): URL | undefined {
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(jwks)) return undefined;
  const url = new URL(jwks);
  if (url.username !== '' || url.password !== '') throw new RangeError('a URL of keys has no password in it');
  if (url.protocol === 'https:' || (url.protocol === 'http:' && isLoopbackHost(url.hostname))) return url;
  throw new RangeError('the URL of the keys is https://, or http:// to a loopback address');
}

import { errors, type JWTPayload, jwtVerify, type JWTVerifyGetKey } from 'jose';
import type { Logger } from 'pino';
import { limits } from '../../model/index.js';
import { Identity, isRight, type Right } from '../identity.js';
import { keysUnavailable, tokenRefused } from '../refusals.js';
import { hashToken } from '../token-file/tokens.js';
import { isVaultPattern } from '../vault-pattern.js';
import { ReloadedFiles } from '../reloaded-files.js';
import { readKeys, remoteKeys } from './keys.js';
import { jwksUrl, type JwtOptions } from './options.js';

/**
 * Signatures that are accepted: those that are made with a private key. Without this list a public key could
 * be taken for the secret of an HMAC, which everybody knows.
 */
const algorithms = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
];

/** True if a token has the form of a JWT: three parts, of which the signature may be missing. */
export function isJwt(token: string): boolean {
  return /^[\w-]+\.[\w-]+\.[\w-]*$/.test(token);
}

/** Checks JSON Web Tokens, and remembers for a short time what they say. */
export class JwtVerifier {
  #files: ReloadedFiles | undefined;
  #reportedMs = -Infinity;
  #known = new Map<string, { readonly identity: Identity; readonly untilMs: number }>();

  private constructor(
    private readonly options: JwtOptions,
    private keys: JWTVerifyGetKey,
    private readonly logger: Logger,
  ) {}

  /** @throws Error if a file of keys cannot be used; an address is asked later */
  static async open(options: JwtOptions, logger: Logger): Promise<JwtVerifier> {
    const url = jwksUrl(options.jwks);
    if (url !== undefined) return new JwtVerifier(options, remoteKeys(url), logger);
    let verifier: JwtVerifier | undefined;
    const load = async (): Promise<void> => {
      const keys = await readKeys(options.jwks);
      if (verifier === undefined) verifier = new JwtVerifier(options, keys, logger);
      else verifier.#replaceKeys(keys);
    };
    const onError = (error: unknown): void =>
      logger.error({ err: error }, 'the file of keys has changed and cannot be used: the former keys stay');
    const files = await ReloadedFiles.open({ files: [options.jwks], load, onError });
    verifier!.#files = files;
    return verifier!;
  }

  close(): void {
    this.#files?.close();
  }

  /**
   * Returns the identity of a token, as a promise if it has to be checked.
   * @throws StowkenError UNAUTHENTICATED, IDENTITY_UNAVAILABLE
   */
  identityOf(token: string, nowMs: number): Identity | Promise<Identity> {
    const key = hashToken(token).toString('base64');
    const known = this.#known.get(key);
    if (known !== undefined && nowMs < known.untilMs) return known.identity;
    return this.#verify(token, key, nowMs);
  }

  async #verify(token: string, key: string, nowMs: number): Promise<Identity> {
    const { issuer, audience, clockSkewMs } = this.options;
    const { keys } = this;
    try {
      const { payload } = await jwtVerify(token, keys, {
        algorithms,
        issuer,
        audience,
        requiredClaims: ['exp', 'sub'],
        clockTolerance: clockSkewMs / 1000,
        currentDate: new Date(nowMs),
      });
      if (payload.iat !== undefined && payload.iat * 1000 > nowMs + clockSkewMs)
        throw new errors.JWTClaimValidationFailed('issued in the future', payload, 'iat', 'check_failed');
      const identity = this.#toIdentity(payload);
      const untilMs = Math.min(payload.exp! * 1000 + clockSkewMs, nowMs + limits.jwtMemoryMs);
      // A key that was replaced meanwhile may have been replaced because it is known to others.
      if (keys === this.keys) this.#remember(key, { identity, untilMs });
      return identity;
    } catch (error) {
      const fetched = isOfKeys(error);
      const { code, message } = error as { readonly code?: string; readonly message: string };
      this.#report(fetched, nowMs, code ?? message);
      throw fetched ? keysUnavailable(error) : tokenRefused();
    }
  }

  /** Logs a failure. Keys that cannot be fetched concern the operator, once in a while. */
  #report(fetched: boolean, nowMs: number, reason: string): void {
    const isNews = fetched && nowMs - this.#reportedMs >= limits.jwksCooldownMs;
    if (isNews) this.#reportedMs = nowMs;
    this.logger[isNews ? 'error' : 'debug']({ reason }, 'a JWT could not be verified');
  }

  #toIdentity(payload: JWTPayload): Identity {
    const words = wordsOf(payload[this.options.rightsClaim]).map((word) => word.replace(/^stowken:/, ''));
    const vaults = wordsOf(payload[this.options.vaultsClaim]).filter(isVaultPattern);
    const rights: Right[] = words.filter(isRight);
    return new Identity(payload.sub!, [{ rights, vaults }], payload.exp! * 1000 + this.options.clockSkewMs);
  }

  #remember(key: string, entry: { readonly identity: Identity; readonly untilMs: number }): void {
    if (this.#known.size >= limits.jwtMemoryTokensMax) this.#known.delete(this.#known.keys().next().value!);
    this.#known.delete(key);
    this.#known.set(key, entry);
  }

  #replaceKeys(keys: JWTVerifyGetKey): void {
    this.keys = keys;
    this.#known = new Map();
    this.logger.info('the file of keys was read again');
  }
}

/** True if keys could not be fetched: the token itself may be valid. */
function isOfKeys(error: unknown): boolean {
  if (!(error instanceof errors.JOSEError)) return true;
  return (
    error instanceof errors.JWKSTimeout ||
    error instanceof errors.JWKSInvalid ||
    error.code === 'ERR_JOSE_GENERIC'
  );
}

/** Returns the words of a claim: a list of texts, or one text with spaces or commas. Others have none. */
function wordsOf(claim: unknown): string[] {
  if (typeof claim === 'string') return claim.split(/[\s,]+/).filter((word) => word !== '');
  return Array.isArray(claim) ? claim.filter((word) => typeof word === 'string') : [];
}

import type { Logger } from 'pino';
import { limits } from '../model/index.js';
import { type ClientCertificate, isSubject } from './certificate.js';
import { Identity } from './identity.js';
import { isJwt, jwksUrl, type JwtOptions, JwtVerifier, readKeys } from './jwt/index.js';
import { certificateExpired, certificateUnknown, nobodyPresented, tokenRefused } from './refusals.js';
import { type CertificateEntry, KnownTokens, readTokenFile } from './token-file/index.js';
import { ReloadedFiles } from './reloaded-files.js';

/** Sources of identities; plain values, which workers receive from their primary. At least one is given. */
export interface IdentityOptions {
  /** File of the SHA-256 of tokens, and of subjects of certificates, with their rights. */
  readonly tokenFile?: string | undefined;
  readonly jwt?: JwtOptions | undefined;
}

/** Proofs that a client presents with a call. */
export interface Presented {
  /** Value of the metadata "authorization". */
  readonly authorization: string | undefined;
  /** Certificate of its connection, which the handshake has verified. */
  readonly certificate: ClientCertificate | undefined;
}

/** Reads the files of identities. @throws Error that names the file that cannot be used */
export async function readIdentities({ tokenFile, jwt }: IdentityOptions): Promise<void> {
  if (tokenFile !== undefined) await readTokenFile(tokenFile);
  if (jwt !== undefined && jwksUrl(jwt.jwks) === undefined) await readKeys(jwt.jwks);
}

/**
 * Finds out who calls. A token names the caller; without one, the certificate of the connection does. A token
 * that is not valid is refused, whatever the certificate is.
 */
export class Authenticator {
  readonly #files: ReloadedFiles[] = [];
  #tokens = new KnownTokens([]);
  #certificates: readonly { readonly entry: CertificateEntry; readonly identity: Identity }[] = [];
  #jwt: JwtVerifier | undefined;

  private constructor(private readonly logger: Logger) {}

  /** @throws Error that names the file that cannot be used */
  static async open({ tokenFile, jwt }: IdentityOptions, logger: Logger): Promise<Authenticator> {
    const authenticator = new Authenticator(logger);
    try {
      if (jwt !== undefined) authenticator.#jwt = await JwtVerifier.open(jwt, logger);
      if (tokenFile !== undefined) await authenticator.#watch(tokenFile);
      return authenticator;
    } catch (error) {
      authenticator.close();
      throw error;
    }
  }

  close(): void {
    for (const files of this.#files) files.close();
    this.#jwt?.close();
  }

  /**
   * Returns the caller, as a promise if that takes time.
   * @throws StowkenError UNAUTHENTICATED, IDENTITY_UNAVAILABLE
   */
  identify({ authorization, certificate }: Presented, nowMs = Date.now()): Identity | Promise<Identity> {
    if (certificate !== undefined && nowMs >= certificate.validToMs) throw certificateExpired();
    if (authorization !== undefined) return this.#identifyToken(bearer(authorization), nowMs);
    if (certificate === undefined) throw nobodyPresented();
    const known = this.#certificates.find(({ entry }) => isOf(entry, certificate));
    if (known === undefined) throw certificateUnknown();
    return known.identity;
  }

  #identifyToken(token: string, nowMs: number): Identity | Promise<Identity> {
    if (this.#jwt !== undefined && isJwt(token)) return this.#jwt.identityOf(token, nowMs);
    const identity = this.#tokens.identityOf(token, nowMs);
    if (identity === undefined) throw tokenRefused();
    return identity;
  }

  async #watch(tokenFile: string): Promise<void> {
    let isRead = false;
    const load = async (): Promise<void> => {
      const { tokens, certificates } = await readTokenFile(tokenFile);
      this.#tokens = new KnownTokens(tokens);
      this.#certificates = certificates.map((entry) => ({
        entry,
        identity: new Identity(entry.name, entry.grants),
      }));
      const facts = { tokens: tokens.length, certificates: certificates.length };
      this.logger.info(facts, isRead ? 'the token file was read again' : 'callers are asked for a token');
      isRead = true;
    };
    const onError = (error: unknown): void =>
      this.logger.error(
        { err: error },
        'the token file has changed and cannot be used: the former tokens stay',
      );
    this.#files.push(await ReloadedFiles.open({ files: [tokenFile], load, onError }));
  }
}

/** @throws StowkenError UNAUTHENTICATED if it is no bearer token */
function bearer(authorization: string): string {
  const [, token] = /^Bearer +([\x21-\x7e]+)$/i.exec(authorization) ?? [];
  if (token === undefined || token.length > limits.tokenBytesMax) throw tokenRefused();
  return token;
}

function isOf({ subject, san }: CertificateEntry, certificate: ClientCertificate): boolean {
  return subject !== undefined ? isSubject(certificate, subject) : certificate.names.includes(san!);
}

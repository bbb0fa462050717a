import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Means with which clients reach a server that has TLS and asks for a token. */
export interface Secure {
  /** PEM of the server's certificate, which signs itself. */
  readonly ca: string;
  readonly token: string;
}

/** Files of a server with TLS and a token. */
export class SecureFiles {
  readonly #folder = mkdtempSync(join(tmpdir(), 'stowken-bench-tls-'));
  readonly secure: Secure;

  /** Needs openssl. */
  constructor() {
    const [cert, key] = [this.#file('cert.pem'), this.#file('key.pem')];
    execFileSync(
      'openssl',
      [
        ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'],
        ...['-subj', '/CN=bench', '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', key, '-out', cert],
      ],
      { stdio: 'ignore' },
    );
    const token = `stk_${randomBytes(32).toString('base64url')}`;
    const sha256 = createHash('sha256').update(token).digest('hex');
    const grants = [{ rights: ['read', 'write'], vaults: ['*'] }];
    writeFileSync(this.#file('tokens.json'), JSON.stringify({ tokens: [{ name: 'bench', sha256, grants }] }));
    this.secure = { ca: readFileSync(cert, 'utf8'), token };
  }

  /** Options of `serve`. */
  get options(): string[] {
    const file = (option: string, name: string) => [option, this.#file(name)];
    return [
      ...file('--tls-cert', 'cert.pem'),
      ...file('--tls-key', 'key.pem'),
      ...file('--token-file', 'tokens.json'),
    ];
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true });
  }

  #file(name: string): string {
    return join(this.#folder, name);
  }
}

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type ClientTls, type StowkenClient } from '../../../src/client/index.js';
import type { TlsOptions } from '../../../src/identity/index.js';
import { Authority, type Certified, issueForLoopback, writeFiles } from '../../support/certificates.js';
import { startTestServer, type TestServer } from '../support/server.js';

/** A folder with the files of a server's TLS. */
export class TlsFolder {
  readonly folder = mkdtempSync(join(tmpdir(), 'stowken-tls-'));
  readonly certFile = join(this.folder, 'server.pem');
  readonly keyFile = join(this.folder, 'server.key');
  readonly clientCaFile = join(this.folder, 'clients.pem');
  readonly crlFile = join(this.folder, 'revoked.pem');

  private constructor(
    readonly servers: Authority,
    readonly clients: Authority,
  ) {}

  static async create(): Promise<TlsFolder> {
    const made = new TlsFolder(await Authority.create('servers'), await Authority.create('clients'));
    made.write(await issueForLoopback(made.servers));
    writeFiles({ [made.clientCaFile]: made.clients.pem, [made.crlFile]: await made.clients.revoke() });
    return made;
  }

  get options(): TlsOptions {
    return { certFile: this.certFile, keyFile: this.keyFile, minVersion: '1.2', clientCertOptional: false };
  }

  /** Options of a server that asks clients for a certificate. */
  get mutual(): TlsOptions {
    return { ...this.options, clientCaFile: this.clientCaFile, crlFile: this.crlFile };
  }

  /** Writes another certificate of the server. */
  write({ cert, key }: Certified): void {
    writeFiles({ [this.certFile]: cert, [this.keyFile]: key });
  }

  remove(): void {
    rmSync(this.folder, { recursive: true });
  }
}

export function startTlsServer(tls: TlsOptions): Promise<TestServer> {
  return startTestServer({}, { tls });
}

/** Runs with a client of its own connection, which tries each call once. */
export async function once<T>(
  server: string,
  tls: ClientTls | undefined,
  run: (client: StowkenClient) => Promise<T>,
): Promise<T> {
  const client = connect({ server, retry: { attemptsMax: 1, backoffMs: 0 }, ...(tls && { tls }) });
  try {
    return await run(client);
  } finally {
    client.close();
  }
}

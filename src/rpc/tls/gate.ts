import type { Socket } from 'node:net';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import type { Logger } from 'pino';
import {
  readTlsMaterial,
  tlsFiles,
  type TlsMaterial,
  type TlsOptions,
  ReloadedFiles,
} from '../../identity/index.js';
import { limits } from '../../model/index.js';

/** Hooks of a gate. */
export interface TlsGateHooks {
  /** Receives each connection whose handshake has succeeded. */
  readonly onConnection: (connection: TLSSocket) => void;
  /** Called when other clients are trusted than before: connections of the former ones are to end. */
  readonly onTrustChanged: () => void;
  /** Protocol that is spoken within TLS; HTTP/2 if absent. */
  readonly protocol?: 'h2' | 'http/1.1';
}

/**
 * Speaks TLS on connections that were accepted elsewhere, in this process or in another one. When the files
 * change, connections that begin later use the new ones; those that are open, or in their handshake, go on.
 */
export class TlsGate {
  /** Connections that have not ended. They are counted here because a handshake has no session yet. */
  #connections = 0;

  private constructor(
    private readonly server: Server,
    private readonly files: ReloadedFiles,
    private readonly connectionsMax: number,
  ) {}

  /** @throws Error that names the file that cannot be used */
  static async open(
    options: TlsOptions,
    connectionsMax: number,
    hooks: TlsGateHooks,
    logger: Logger,
  ): Promise<TlsGate> {
    let server: Server | undefined;
    let current: TlsMaterial | undefined;
    const load = async (): Promise<void> => {
      const material = await readTlsMaterial(options);
      if (server === undefined) server = createGate(options, material, hooks, logger);
      else server.setSecureContext(material.context);
      const isOther = current !== undefined && current.trust !== material.trust;
      logger.info(describe(material), current === undefined ? 'TLS is on' : 'the TLS files were read again');
      warnOfDates(material, logger);
      current = material;
      if (isOther) hooks.onTrustChanged();
    };
    const onError = (error: unknown): void =>
      logger.error({ err: error }, 'the TLS files have changed and cannot be used: the former ones stay');
    const files = await ReloadedFiles.open({ files: tlsFiles(options), load, onError });
    return new TlsGate(server!, files, connectionsMax);
  }

  take(connection: Socket): void {
    // The reason of a failed handshake is reported by the server.
    connection.on('error', () => undefined);
    if (this.#connections >= this.connectionsMax) return void connection.destroy();
    this.#connections += 1;
    connection.once('close', () => (this.#connections -= 1));
    this.server.emit('connection', connection);
  }

  close(): void {
    this.files.close();
  }
}

function createGate(
  options: TlsOptions,
  { context }: TlsMaterial,
  { onConnection, protocol = 'h2' }: TlsGateHooks,
  logger: Logger,
): Server {
  const asksForCertificate = options.clientCaFile !== undefined;
  const server = createServer({
    ...context,
    ALPNProtocols: [protocol],
    handshakeTimeout: limits.handshakeMs,
    requestCert: asksForCertificate,
    rejectUnauthorized: asksForCertificate && !options.clientCertOptional,
  });
  server.on('secureConnection', (connection) => {
    connection.on('error', () => undefined);
    if (asksForCertificate && !isTrusted(connection)) {
      logger.debug({ reason: connection.authorizationError }, 'the certificate of a client is not valid');
      return void connection.destroy();
    }
    onConnection(connection);
  });
  server.on(
    'tlsClientError',
    ({ message, code }: NodeJS.ErrnoException, { remoteAddress, authorizationError }) =>
      // A connection whose certificate is not valid is closed by Node, with the close as its error.
      logger.debug(
        { peer: remoteAddress, reason: authorizationError ?? code ?? message },
        'a TLS handshake failed',
      ),
  );
  return server;
}

/** True if the client has presented a valid certificate, or none where it may. */
function isTrusted(connection: TLSSocket): boolean {
  return connection.authorized || connection.getPeerX509Certificate() === undefined;
}

function describe({ certificate: { subject, validTo, fingerprint256 } }: TlsMaterial): object {
  return { subject: subject.split('\n').join(','), valid_to: validTo, fingerprint: fingerprint256 };
}

function warnOfDates({ certificate: { validFrom, validTo } }: TlsMaterial, logger: Logger): void {
  const nowMs = Date.now();
  if (nowMs > Date.parse(validTo)) logger.warn({ valid_to: validTo }, "the server's certificate has expired");
  if (nowMs < Date.parse(validFrom))
    logger.warn({ valid_from: validFrom }, "the server's certificate is not valid yet");
}

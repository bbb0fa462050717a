import { constants, type ServerHttp2Session } from 'node:http2';
import type { Logger } from 'pino';
import { assert, limits } from '../../model/index.js';
import { Connection, type Origin } from './connection.js';

/** Minimum interval between log entries about refused connections, in milliseconds. */
const quietMs = 1000;

/**
 * The open connections of clients. One too many is closed, and one whose client does not begin to speak
 * HTTP/2, or resets its calls without end.
 */
export class Connections {
  readonly #bySession = new Map<ServerHttp2Session, Connection>();
  #turnedAwayMs = 0;
  /** Client of the session that is about to begin; undefined: the one at the other end of its socket. */
  #origin: Origin | undefined;

  constructor(
    private readonly connectionsMax: number,
    private readonly logger: Logger,
  ) {}

  get size(): number {
    return this.#bySession.size;
  }

  /**
   * Has a session begin for a client whose connection another listener of this process has accepted. Node
   * reports the session before `begin` returns.
   */
  relay(origin: Origin, begin: () => void): void {
    this.#origin = origin;
    try {
      begin();
      assert(this.#origin === undefined, 'a relayed connection has its session at once');
    } finally {
      // No other connection may ever have it.
      this.#origin = undefined;
    }
  }

  of(session: ServerHttp2Session): Connection {
    const known = this.#bySession.get(session);
    if (known !== undefined) return known;
    const connection = new Connection(session, this.#origin);
    this.#origin = undefined;
    this.#bySession.set(session, connection);
    if (this.#bySession.size > this.connectionsMax) this.#turnAway(connection);
    session.once('remoteSettings', () => (connection.settled = true));
    session.once('close', () => this.#bySession.delete(session));
    // A stream that was reset before it was announced has lost its session.
    session.on('stream', ({ destroyed, closed }) => {
      if (destroyed || closed) this.wasReset(connection);
    });
    return connection;
  }

  /**
   * Ends the connections of clients with certificates, when their calls have ended: they connect again, and
   * their certificates are checked again.
   */
  renewCertified(): void {
    for (const { session, certificate } of this.#bySession.values()) {
      if (certificate !== undefined) session.close();
    }
  }

  /** Ends connections at once, with the calls on them. */
  cutOff(): void {
    const error = new Error('the server ends');
    for (const session of this.#bySession.keys()) session.destroy(error, constants.NGHTTP2_CANCEL);
  }

  /** Takes a token for a reset stream; a connection without tokens is closed. */
  wasReset(connection: Connection): void {
    const { session, resets } = connection;
    if (connection.ending || session.destroyed || resets.take(Date.now())) return;
    connection.ending = true;
    this.logger.warn(
      { peer: session.socket?.remoteAddress, limit: limits.resetsBurstMax },
      'a connection is closed: it resets its calls without end',
    );
    // Deferred, because Node ends with a failed assertion if a session is destroyed while it processes the
    // packet.
    setImmediate(() => session.destroy(new Error('too many resets'), constants.NGHTTP2_ENHANCE_YOUR_CALM));
  }

  #turnAway(connection: Connection): void {
    connection.ending = true;
    setImmediate(() => connection.session.destroy());
    const nowMs = Date.now();
    if (nowMs - this.#turnedAwayMs < quietMs) return;
    this.#turnedAwayMs = nowMs;
    this.logger.warn({ limit: this.connectionsMax }, 'connections are closed: there are as many as may be');
  }

  /** Ends connections whose client does not begin to speak HTTP/2, or is gone. */
  look(nowMs: number): void {
    for (const connection of this.#bySession.values()) {
      const { session, settled, openedMs } = connection;
      if (session.destroyed) continue;
      if (settled ? connection.isLost() : nowMs - openedMs > limits.handshakeMs) session.destroy();
    }
  }
}

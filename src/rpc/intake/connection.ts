import type { ServerHttp2Session } from 'node:http2';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { type ClientCertificate, readClientCertificate } from '../../identity/index.js';
import { limits } from '../../model/index.js';
import type { Share } from './budget.js';

/** The client behind a connection that reaches this one through another one's listener. */
export interface Origin {
  /** Address and port of the client; empty on a Unix socket. */
  readonly peer: string;
  /** The client's certificate, which TLS has verified. */
  readonly certificate: ClientCertificate | undefined;
}

/** Returns the client at the other end of a socket, which may be one of TLS. */
export function originOf(socket: Socket | TLSSocket, encrypted: boolean): Origin {
  const certificate = encrypted ? (socket as TLSSocket).getPeerX509Certificate() : undefined;
  return {
    peer: peerOf(socket.remoteAddress, socket.remotePort),
    certificate: certificate && readClientCertificate(certificate),
  };
}

/** A client's connection: the resources held by its calls, and its remaining rights. */
export class Connection implements Share {
  usedBytes = 0;
  /** Number of open streams of requests. */
  uploads = 0;
  /** Number of open streams. */
  streams = 0;
  /** True if the client has spoken HTTP/2. */
  settled = false;
  /** True if the server is about to close it. */
  ending = false;
  /** Looks at it since it had a stream or its client answered. */
  #quietLooks = 0;
  readonly openedMs = Date.now();
  readonly resets = new TokenBucket(limits.resetsBurstMax, limits.resetsPerSecondMax, this.openedMs);

  /** The client's certificate, which TLS has verified. */
  readonly certificate: ClientCertificate | undefined;

  /** Address and port of the client; empty on a Unix socket. */
  readonly peer: string;

  constructor(
    readonly session: ServerHttp2Session,
    /** Undefined: the client is at the other end of the session's socket. */
    origin?: Origin,
  ) {
    ({ peer: this.peer, certificate: this.certificate } =
      origin ?? originOf(session.socket, session.encrypted ?? false));
  }

  /**
   * Looks at it once a second. Returns true if its client does not answer. After a fault of HTTP/2, Node
   * reads nothing more of a connection, and would not notice for very long that its client has gone.
   */
  isLost(): boolean {
    if (this.streams > 0) this.#quietLooks = 0;
    else this.#quietLooks += 1;
    if (this.#quietLooks === limits.quietLooksMax)
      this.session.ping((error) => {
        if (!error) this.#quietLooks = 0;
      });
    return this.#quietLooks > limits.quietLooksMax + limits.unansweredLooksMax;
  }
}

function peerOf(address: string | undefined, port: number | undefined): string {
  if (address === undefined || port === undefined) return '';
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

/** A token bucket: `burst` at once, refilled by `perSecond`. */
export class TokenBucket {
  #tokens: number;
  #filledMs: number;

  constructor(
    private readonly burst: number,
    private readonly perSecond: number,
    nowMs: number,
  ) {
    this.#tokens = burst;
    this.#filledMs = nowMs;
  }

  /** Takes one token; returns false if there is none. */
  take(nowMs: number): boolean {
    const tokens = this.#at(nowMs);
    this.#filledMs = nowMs;
    this.#tokens = tokens < 1 ? tokens : tokens - 1;
    return tokens >= 1;
  }

  isFull(nowMs: number): boolean {
    return this.#at(nowMs) >= this.burst;
  }

  #at(nowMs: number): number {
    const filled = this.#tokens + (Math.max(0, nowMs - this.#filledMs) / 1000) * this.perSecond;
    return Math.min(this.burst, filled);
  }
}

/** Interval of the checks for connections that have waited too long, in milliseconds. */
const lookMs = 1000;

/** An object that may wait for a client, but not for ever. */
export interface Watched {
  /** Ends waits that took too long. */
  look(nowMs: number): void;
}

/** Watches everything that waits for a client, with one timer instead of one for each. */
export class IdleWatch {
  readonly #watched = new Set<Watched>();
  readonly #timer: NodeJS.Timeout;

  /** `afterwards` is called after every look. */
  constructor(afterwards: (nowMs: number) => void) {
    let countedMs = 0;
    let lookedMs = Date.now();
    this.#timer = setInterval(() => {
      const nowMs = Date.now();
      countedMs += Math.min(Math.max(nowMs - lookedMs, 0), 2 * lookMs);
      lookedMs = nowMs;
      for (const watched of this.#watched) watched.look(countedMs);
      afterwards(nowMs);
    }, lookMs).unref();
  }

  add(watched: Watched): void {
    this.#watched.add(watched);
  }

  delete(watched: Watched): void {
    this.#watched.delete(watched);
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}

import type { RetryPolicy } from './retry.js';

/** Options of every call. */
export interface CallControl {
  /** Aborting ends the call with CANCELLED. */
  readonly signal?: AbortSignal | undefined;
  /** The call ends with DEADLINE_EXCEEDED after this time; no deadline if absent. */
  readonly timeoutMs?: number | undefined;
}

/** Encryption of a connection; certificates and keys are PEM, as a text or as the bytes of a file. */
export interface ClientTls {
  /** Authorities that sign the server's certificate; those that the system trusts if absent. */
  readonly ca?: string | Uint8Array;
  /** Certificate of this client, with its private key, for servers that ask for one. */
  readonly cert?: string | Uint8Array;
  readonly key?: string | Uint8Array;
  /** Name in the server's certificate, if it is not the host of its address. */
  readonly serverName?: string;
}

export interface ConnectOptions {
  /** HOST, HOST:PORT (port 7411 by default), [IPV6]:PORT or unix:/path. */
  readonly server: string;
  /** "default" if absent. */
  readonly vault?: string;
  /** If absent, the connection is not encrypted; true: as {}, with the authorities that the system trusts. */
  readonly tls?: boolean | ClientTls;
  /**
   * Token of every call, or a function that returns it for each: the token may change meanwhile. Without TLS
   * it is sent to loopback addresses and Unix sockets only.
   */
  readonly token?: string | (() => string | Promise<string>);
  /** Limit of a response message in bytes; the server's chunks stay far below the default of 64 MiB. */
  readonly receiveBytesMax?: number;
  readonly retry?: RetryPolicy;
  /** Aborting ends every call with CANCELLED. */
  readonly signal?: AbortSignal;
}

import type { Server } from '@grpc/grpc-js';
import type { Http2Server, IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import type { GovernedStream } from './governed-stream.js';

/** Listener with which grpc-js receives a new stream: the one part of it that this server replaces. */
export type StreamListener = (
  stream: GovernedStream | ServerHttp2Stream,
  headers: IncomingHttpHeaders,
) => void;

/**
 * Calls `attach` with every HTTP/2 server that a grpc-js server makes, before it can accept a connection.
 * grpc-js has no public way to do that: this uses its private field `http2Servers`, a Map that is filled when
 * an address is bound.
 * @throws Error if there is no such field
 */
export function onHttp2Server(server: Server, attach: (http2Server: Http2Server) => void): void {
  const own = server as unknown as { http2Servers: unknown };
  if (!(own.http2Servers instanceof Map) || own.http2Servers.size > 0) throw changed('http2Servers');
  own.http2Servers = new AttachingMap(attach);
}

/** Removes the listener with which grpc-js receives streams. @throws Error if there is not exactly one */
export function takeStreamListener(http2Server: Http2Server): StreamListener {
  const listeners = http2Server.listeners('stream');
  if (listeners.length !== 1) throw changed("the listener of 'stream'");
  http2Server.removeAllListeners('stream');
  return listeners[0] as StreamListener;
}

export function changed(what: string): Error {
  return new Error(
    `this version of @grpc/grpc-js is not as the server needs it (${what}): requests could not be held to their limits`,
  );
}

class AttachingMap extends Map<Http2Server, unknown> {
  constructor(private readonly attach: (http2Server: Http2Server) => void) {
    super();
  }

  override set(http2Server: Http2Server, entry: unknown): this {
    this.attach(http2Server);
    return super.set(http2Server, entry);
  }
}

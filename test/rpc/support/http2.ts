import {
  connect,
  type ClientHttp2Session,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
} from 'node:http2';
import { once } from 'node:events';

/** Returns a gRPC message on the wire: a flag, its length, its bytes. */
export function frame(message: Buffer, compressed = false): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt8(compressed ? 1 : 0, 0);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

/** HTTP/2 without gRPC's rules: any headers and bytes that a test likes. */
export class Http2Client {
  readonly #session: ClientHttp2Session;

  constructor(address: string) {
    // A peer that breaks rules must not be held back by its own side.
    this.#session = connect(`http://${address}`, { maxSessionMemory: 4096 });
    this.#session.on('error', () => undefined);
  }

  /** Opens a call and sends a body; the response is not read until the caller does. */
  open(path: string, body: Buffer, headers: OutgoingHttpHeaders = {}) {
    const stream = this.#request(path, headers);
    stream.end(body);
    return stream;
  }

  /** Returns the headers with the status: the trailers, or the only ones. */
  async status(path: string, body: Buffer, headers: OutgoingHttpHeaders = {}): Promise<IncomingHttpHeaders> {
    const stream = this.open(path, body, headers);
    const statusHeaders: IncomingHttpHeaders = {};
    for (const event of ['response', 'trailers']) {
      stream.on(event, (received: IncomingHttpHeaders) => Object.assign(statusHeaders, received));
    }
    stream.resume();
    await once(stream, 'close');
    return statusHeaders;
  }

  /** Opens a call whose body the caller sends. */
  begin(path: string, headers: OutgoingHttpHeaders = {}) {
    const stream = this.#request(path, headers);
    const status: IncomingHttpHeaders = {};
    for (const event of ['response', 'trailers']) {
      stream.on(event, (received: IncomingHttpHeaders) => Object.assign(status, received));
    }
    stream.on('error', () => undefined);
    stream.resume();
    const closed = new Promise((resolve) => stream.once('close', resolve));
    return { stream, status: closed.then(() => status) };
  }

  #request(path: string, headers: OutgoingHttpHeaders) {
    return this.#session.request({
      ':method': 'POST',
      ':path': path,
      'content-type': 'application/grpc',
      te: 'trailers',
      ...headers,
    });
  }

  get session(): ClientHttp2Session {
    return this.#session;
  }

  destroy(): void {
    this.#session.destroy();
  }
}

// The part of HTTP/2 (RFC 9113) that calls of the load client need, at a fifth of the cost of node:http2: see
// docs/decisions/08-bench-client.md. Responses are counted, and of their headers only the status is decoded.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { Secure } from './secure-files.js';

const preface = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';
const frameType = {
  data: 0,
  headers: 1,
  reset: 3,
  settings: 4,
  ping: 6,
  goAway: 7,
  windowUpdate: 8,
} as const;
const flag = { ack: 0x01, endStream: 0x01, endHeaders: 0x04, padded: 0x08 } as const;
const setting = { headerTableBytes: 1, initialWindowBytes: 4 } as const;

const HEAD_BYTES = 9;
const FRAME_BYTES_MAX = 16_384;
const INITIAL_WINDOW_BYTES = 65_535;
const WINDOW_BYTES_MAX = 0x7fff_ffff;
const GRPC_HEAD_BYTES = 5;
const READ_BYTES = 256 * 1024;

/** A call under way. */
interface Call {
  readonly path: string;
  readonly resolve: (bytes: number) => void;
  readonly reject: (error: Error) => void;
  /** Bytes of the response. */
  bytes: number;
  succeeded: boolean;
  /** Rest of the request, and how much of it the server takes. */
  unsent: Buffer;
  windowBytes: number;
}

/** A connection for gRPC calls, several at a time. */
export class Connection {
  readonly #calls = new Map<number, Call>();
  /** Beginning of a frame that has not arrived whole. */
  #held: Buffer = Buffer.alloc(0);
  readonly #socket: Socket;
  /** Those of the last call. */
  #headers: { readonly path: string; readonly bytes: Buffer } = { path: '', bytes: Buffer.alloc(0) };
  #lastStream = -1;
  #sendWindowBytes = INITIAL_WINDOW_BYTES;
  #streamWindowBytes = INITIAL_WINDOW_BYTES;
  /** Bytes received since the window of the connection was widened. */
  #receivedBytes = 0;
  #failure: Error | undefined;

  private constructor(
    private readonly address: string,
    private readonly secure: Secure | undefined,
  ) {
    const { hostname: host, port } = new URL(`http://${address}`);
    const onread = {
      buffer: Buffer.alloc(READ_BYTES),
      callback: (length: number, buffer: Uint8Array) => this.#take((buffer as Buffer).subarray(0, length)),
    };
    const to = { host, port: Number(port), noDelay: true, onread };
    this.#socket = secure ? connectTls({ ...to, ca: secure.ca, ALPNProtocols: ['h2'] }) : connect(to);
    this.#socket.on('error', (error) => this.#fail(error));
    this.#socket.on('close', () => this.#fail(new Error('the connection was closed')));
  }

  static async open(address: string, secure?: Secure): Promise<Connection> {
    const connection = new Connection(address, secure);
    await once(connection.#socket, secure ? 'secureConnect' : 'connect');
    connection.#socket.write(preface);
    // No table for headers: so their form depends on nothing that was sent before.
    const settings = Buffer.alloc(12);
    settings.writeUInt16BE(setting.headerTableBytes, 0);
    settings.writeUInt16BE(setting.initialWindowBytes, 6);
    settings.writeUInt32BE(WINDOW_BYTES_MAX, 8);
    connection.#send(frameType.settings, 0, 0, settings);
    connection.#widen(WINDOW_BYTES_MAX - INITIAL_WINDOW_BYTES);
    return connection;
  }

  /** Resolves to the bytes of the response; rejects if it does not end with the status 0. */
  call(path: string, request: Uint8Array): Promise<number> {
    return new Promise((resolve, reject) => {
      if (this.#failure) return reject(this.#failure);
      const stream = (this.#lastStream += 2);
      const unsent = Buffer.alloc(GRPC_HEAD_BYTES + request.length);
      unsent.writeUInt32BE(request.length, 1);
      unsent.set(request, GRPC_HEAD_BYTES);
      const windowBytes = this.#streamWindowBytes;
      const call = { path, resolve, reject, bytes: 0, succeeded: false, unsent, windowBytes };
      this.#calls.set(stream, call);
      if (this.#headers.path !== path)
        this.#headers = { path, bytes: requestHeaders(this.address, path, this.secure?.token) };
      this.#send(frameType.headers, flag.endHeaders, stream, this.#headers.bytes);
      this.#push(stream, call);
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  /** Takes the whole frames of what has arrived, and holds the rest. */
  #take(piece: Buffer): boolean {
    const arrived = this.#held.length === 0 ? piece : Buffer.concat([this.#held, piece]);
    let at = 0;
    try {
      while (arrived.length - at >= HEAD_BYTES) {
        const payloadBytes = arrived.readUIntBE(at, 3);
        if (payloadBytes > FRAME_BYTES_MAX) throw new Error(`a frame of ${payloadBytes} bytes`);
        const [payloadAt, end] = [at + HEAD_BYTES, at + HEAD_BYTES + payloadBytes];
        if (end > arrived.length) break;
        const payload = arrived.subarray(payloadAt, end);
        this.#receive(arrived[at + 3]!, arrived[at + 4]!, arrived.readUInt32BE(at + 5), payload);
        at = end;
      }
    } catch (error) {
      this.#socket.destroy(error as Error);
    }
    this.#held = Buffer.from(arrived.subarray(at));
    return true;
  }

  #receive(type: number, flags: number, stream: number, payload: Buffer): void {
    const call = this.#calls.get(stream);
    switch (type) {
      case frameType.data:
      case frameType.headers:
        if (flags & flag.padded) throw new Error('a padded frame');
        if (type === frameType.data) this.#count(call, payload.length);
        else if (!(flags & flag.endHeaders)) throw new Error('headers of several frames');
        else if (call && tellsSuccess(payload)) call.succeeded = true;
        if (flags & flag.endStream) this.#end(stream);
        return;
      case frameType.reset:
        return this.#end(stream, `was reset with code ${payload.readUInt32BE()}`);
      case frameType.settings:
        if (flags & flag.ack) return;
        this.#follow(payload);
        return this.#send(frameType.settings, flag.ack, 0);
      case frameType.ping:
        return flags & flag.ack ? undefined : this.#send(frameType.ping, flag.ack, 0, payload);
      case frameType.goAway:
        return this.#fail(new Error(`the server goes away with code ${payload.readUInt32BE(4)}`));
      case frameType.windowUpdate:
        if (call) call.windowBytes += payload.readUInt32BE();
        else if (stream === 0) this.#sendWindowBytes += payload.readUInt32BE();
        this.#pushAll();
    }
  }

  #count(call: Call | undefined, bytes: number): void {
    if (call) call.bytes += bytes;
    this.#receivedBytes += bytes;
    if (this.#receivedBytes > WINDOW_BYTES_MAX / 2) this.#widen(this.#receivedBytes);
  }

  #end(stream: number, failure = 'did not end with status 0'): void {
    const call = this.#calls.get(stream);
    this.#calls.delete(stream);
    if (call?.succeeded) call.resolve(call.bytes);
    else call?.reject(new Error(`${call.path} ${failure}`));
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    for (const call of this.#calls.values()) call.reject(this.#failure);
    this.#calls.clear();
  }

  #follow(settings: Buffer): void {
    for (let at = 0; at < settings.length; at += 6) {
      if (settings.readUInt16BE(at) !== setting.initialWindowBytes) continue;
      const windowBytes = settings.readUInt32BE(at + 2);
      for (const call of this.#calls.values()) call.windowBytes += windowBytes - this.#streamWindowBytes;
      this.#streamWindowBytes = windowBytes;
    }
    this.#pushAll();
  }

  #pushAll(): void {
    for (const [stream, call] of this.#calls) this.#push(stream, call);
  }

  /** Sends as much of a request as the windows of its stream and of the connection allow. */
  #push(stream: number, call: Call): void {
    while (call.unsent.length > 0) {
      const bytes = Math.min(FRAME_BYTES_MAX, this.#sendWindowBytes, call.windowBytes, call.unsent.length);
      if (bytes <= 0) return;
      const part = call.unsent.subarray(0, bytes);
      call.unsent = call.unsent.subarray(bytes);
      call.windowBytes -= bytes;
      this.#sendWindowBytes -= bytes;
      this.#send(frameType.data, call.unsent.length === 0 ? flag.endStream : 0, stream, part);
    }
  }

  #widen(bytes: number): void {
    const payload = Buffer.alloc(4);
    payload.writeUInt32BE(bytes);
    this.#send(frameType.windowUpdate, 0, 0, payload);
    this.#receivedBytes = 0;
  }

  /** Frames of one turn of the event loop are sent together. */
  #send(type: number, flags: number, stream: number, payload: Uint8Array = Buffer.alloc(0)): void {
    if (this.#socket.writableCorked === 0) {
      this.#socket.cork();
      setImmediate(() => this.#socket.uncork());
    }
    const frame = Buffer.allocUnsafe(HEAD_BYTES + payload.length);
    frame.writeUIntBE(payload.length, 0, 3);
    frame[3] = type;
    frame[4] = flags;
    frame.writeUInt32BE(stream, 5);
    frame.set(payload, HEAD_BYTES);
    this.#socket.write(frame);
  }
}

/** Encodes a request's headers in HPACK (RFC 7541): by their index in its table, or as plain text. */
function requestHeaders(authority: string, path: string, token: string | undefined): Buffer {
  const text = (value: string) => [value.length, ...Buffer.from(value)];
  const [post, http, https] = [0x83, 0x86, 0x87];
  return Buffer.from([
    ...[post, token === undefined ? http : https, 0x04, ...text(path), 0x01, ...text(authority)],
    ...[0x0f, 0x10, ...text('application/grpc'), 0x00, ...text('te'), ...text('trailers')],
    ...(token === undefined ? [] : [0x0f, 0x08, ...text(`Bearer ${token}`)]),
  ]);
}

/** `grpc-status` and its value 0 as HPACK writes them: in Huffman's code if that is shorter, or plainly. */
const successes = ['0b677270632d737461747573', '889acac8b21234da8f'].map((name) =>
  Buffer.from(`${name}0130`, 'hex'),
);

function tellsSuccess(headers: Buffer): boolean {
  return successes.some((success) => headers.includes(success));
}

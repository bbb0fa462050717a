import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { Call } from './call.js';
import {
  decodeSettings,
  encodeFrame,
  encodeSettings,
  encodeWindowUpdate,
  frameFlag,
  FrameReader,
  frameType,
  INITIAL_WINDOW_BYTES,
  setting,
  type Frame,
} from './frames.js';
import { encodeRequestHeaders } from './headers.js';
import { SendWindows } from './send-windows.js';

const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
const windowBytes = 16 * 1024 * 1024;
const readBytes = 256 * 1024;
const grpcHeadBytes = 5;
const settings = new Map([
  // Headers are sent without a table, so no state is needed to read them.
  [setting.headerTableBytes, 0],
  [setting.initialWindowBytes, windowBytes],
]);

/**
 * A connection for gRPC calls with a very low cost: it implements only the necessary part of HTTP/2, and
 * decodes no message.
 */
export class Connection {
  readonly #frames = new FrameReader((frame) => this.#receive(frame));
  readonly #sending = new SendWindows((frame) => this.#write(frame));
  readonly #calls = new Map<number, Call>();
  readonly #headers = new Map<string, Buffer>();
  /** Bytes received that were not returned to the windows of the connection and of each stream. */
  readonly #taken = new Map<number, number>();
  #lastStream = -1;
  #failure: Error | undefined;

  private constructor(
    private readonly socket: Socket,
    private readonly authority: string,
  ) {}

  static async open(address: string): Promise<Connection> {
    const { hostname: host, port } = new URL(`http://${address}`);
    const onread = {
      buffer: Buffer.alloc(readBytes),
      callback: (length: number, buffer: Uint8Array): boolean =>
        connection.#arrived(length, buffer as Buffer),
    };
    const socket = connect({ host, port: Number(port), noDelay: true, onread });
    const connection = new Connection(socket, address);
    await once(socket, 'connect');
    connection.#start();
    return connection;
  }

  /**
   * Resolves to the bytes of the response; rejects if it ends with another status than 0, or does not end.
   */
  call(path: string, request: Uint8Array): Promise<number> {
    return new Promise((resolve, reject) => {
      if (this.#failure) return reject(this.#failure);
      const stream = (this.#lastStream += 2);
      this.#calls.set(stream, new Call(path, resolve, reject));
      this.#write(encodeFrame(frameType.headers, frameFlag.endHeaders, stream, this.#headersOf(path)));
      const message = Buffer.alloc(grpcHeadBytes + request.length);
      message.writeUInt32BE(request.length, 1);
      message.set(request, grpcHeadBytes);
      this.#sending.send(stream, message);
    });
  }

  close(): void {
    this.socket.destroy();
  }

  #start(): void {
    this.socket.on('error', (error) => this.#fail(error));
    this.socket.on('close', () => this.#fail(new Error('the connection was closed')));
    this.#write(preface);
    this.#write(encodeSettings(settings));
    this.#write(encodeWindowUpdate(0, windowBytes - INITIAL_WINDOW_BYTES));
  }

  #headersOf(path: string): Buffer {
    const headers = this.#headers.get(path) ?? encodeRequestHeaders(this.authority, path);
    this.#headers.set(path, headers);
    return headers;
  }

  /** Data written in one turn of the event loop is sent together. */
  #write(bytes: Buffer): void {
    if (this.socket.writableCorked === 0) {
      this.socket.cork();
      setImmediate(() => this.socket.uncork());
    }
    this.socket.write(bytes);
  }

  #arrived(length: number, buffer: Buffer): boolean {
    try {
      this.#frames.push(buffer.subarray(0, length));
    } catch (error) {
      this.socket.destroy(error as Error);
    }
    return true;
  }

  #receive(frame: Frame): void {
    const { type, flags, stream, payload } = frame;
    switch (type) {
      case frameType.data:
      case frameType.headers:
      case frameType.continuation:
        if (this.#calls.get(stream)?.receive(frame)) this.#forget(stream);
        if (type === frameType.data) this.#giveBack(stream, payload.length);
        return;
      case frameType.resetStream:
        this.#calls.get(stream)?.wasReset(payload.readUInt32BE());
        return this.#forget(stream);
      case frameType.settings:
        if (flags & frameFlag.ack) return;
        this.#sending.follow(decodeSettings(payload));
        return this.#write(encodeFrame(frameType.settings, frameFlag.ack, 0, Buffer.alloc(0)));
      case frameType.ping:
        if (!(flags & frameFlag.ack)) this.#write(encodeFrame(frameType.ping, frameFlag.ack, 0, payload));
        return;
      case frameType.goAway:
        return this.#fail(new Error(`the server goes away with code ${payload.readUInt32BE(4)}`));
      case frameType.windowUpdate:
        return this.#sending.widen(stream, payload.readUInt32BE());
    }
  }

  /** Lets the server send so many more bytes: on the connection, and on the stream if it continues. */
  #giveBack(stream: number, bytes: number): void {
    for (const window of this.#calls.has(stream) ? [0, stream] : [0]) {
      const taken = (this.#taken.get(window) ?? 0) + bytes;
      const isMuch = taken > windowBytes / 2;
      if (isMuch) this.#write(encodeWindowUpdate(window, taken));
      this.#taken.set(window, isMuch ? 0 : taken);
    }
  }

  #forget(stream: number): void {
    this.#calls.delete(stream);
    this.#taken.delete(stream);
    this.#sending.forget(stream);
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    for (const call of this.#calls.values()) call.reject(this.#failure);
    this.#calls.clear();
  }
}

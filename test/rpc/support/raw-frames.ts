import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { frame } from './http2.js';

export const type = {
  data: 0,
  headers: 1,
  reset: 3,
  settings: 4,
  ping: 6,
  window: 8,
  continuation: 9,
} as const;
export const flag = { none: 0, endStream: 1, endHeaders: 4, ack: 1 } as const;
const cancel = 8;
/** First bytes of a client. */
export const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

/** Returns a frame of HTTP/2. */
export function h2(frameType: number, flags: number, stream: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = frameType;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** A header without any compression; names and values have up to 126 bytes. */
export function header(name: string, value: string): Buffer {
  return Buffer.concat([
    Buffer.from([0, name.length]),
    Buffer.from(name),
    Buffer.from([value.length]),
    Buffer.from(value),
  ]);
}

/** A client that assembles HTTP/2 frames itself, so that it decides which of them arrive together. */
export class RawFrames {
  #lastStream = -1;

  private constructor(private readonly socket: Socket) {}

  static async connect(address: string): Promise<RawFrames> {
    const url = new URL(`http://${address}`);
    const socket = connect(Number(url.port), url.hostname);
    socket.on('error', () => undefined); // A server that closes the connection is not a fault of the test.
    socket.resume();
    await once(socket, 'connect');
    socket.write(Buffer.concat([preface, h2(type.settings, flag.none, 0, Buffer.alloc(0))]));
    return new RawFrames(socket);
  }

  /** Returns the frames of a whole call with one request, and the number of its stream. */
  call(path: string, request: Buffer): { readonly stream: number; readonly bytes: Buffer } {
    const { stream, bytes } = this.headers(path);
    return { stream, bytes: Buffer.concat([bytes, this.data(stream, frame(request), true)]) };
  }

  /** Returns the frame that begins a call. */
  headers(path: string): { readonly stream: number; readonly bytes: Buffer } {
    const stream = (this.#lastStream += 2);
    const headers = Buffer.concat([
      header(':method', 'POST'),
      header(':scheme', 'http'),
      header(':path', path),
      header(':authority', 'localhost'),
      header('content-type', 'application/grpc'),
      header('te', 'trailers'),
    ]);
    return { stream, bytes: h2(type.headers, flag.endHeaders, stream, headers) };
  }

  /** Returns a frame with bytes of a call's request. */
  data(stream: number, bytes: Buffer, last: boolean): Buffer {
    return h2(type.data, last ? flag.endStream : flag.none, stream, bytes);
  }

  reset(stream: number): Buffer {
    const code = Buffer.alloc(4);
    code.writeUInt32BE(cancel);
    return h2(type.reset, flag.none, stream, code);
  }

  /** Sends everything in one write. */
  send(frames: readonly Buffer[]): void {
    this.socket.write(Buffer.concat(frames));
  }

  destroy(): void {
    this.socket.destroy();
  }
}

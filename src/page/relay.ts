import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from 'node:http2';
import type { Duplex } from 'node:stream';
import { limits } from '../model/index.js';
import type { Origin } from '../rpc/index.js';
import { CallError, codes, failureOf } from './call-error.js';
import { duplexPair } from './duplex-pair.js';

/** Takes the server's end of a connection within this process. */
export type RelayTo = (connection: Duplex, origin: Origin) => void;

export interface RelayedCall {
  /** Path of the method in gRPC. */
  readonly path: string;
  readonly request: Buffer;
  /** Value of the client's own header, passed on as it came. */
  readonly authorization: string | undefined;
  readonly signal: AbortSignal;
}

/** Bytes before each message of gRPC: a flag of compression, and the message's size. */
const headBytes = 5;

/**
 * Carries out a client's calls as gRPC calls over a connection of their own within this process. Thereby they
 * are the same calls: whoever watches, limits, audits or refuses calls over gRPC does so with these.
 */
export class Relay {
  #session: ClientHttp2Session | undefined;

  constructor(
    private readonly to: RelayTo,
    private readonly origin: Origin,
  ) {}

  /** Yields the encoded responses; leaving the loop cancels the call. @throws CallError */
  async *call({ path, request, authorization, signal }: RelayedCall): AsyncGenerator<Buffer, void, void> {
    const stream = this.#open().request({
      ':method': 'POST',
      ':path': path,
      'content-type': 'application/grpc',
      'grpc-timeout': `${limits.pageCallMs}m`,
      te: 'trailers',
      ...(authorization !== undefined && { authorization }),
    });
    const cancel = (): void => stream.close(constants.NGHTTP2_CANCEL);
    signal.addEventListener('abort', cancel, { once: true });
    let hasEnded = false;
    try {
      if (signal.aborted) cancel();
      const trailers = trailersOf(stream);
      stream.end(framed(request));
      for await (const message of messagesOf(stream)) yield message;
      const failure = failureOf(await trailers);
      hasEnded = true;
      if (failure) throw failure;
    } catch (error) {
      if (error instanceof CallError || !signal.aborted) throw error;
      throw new CallError(codes.cancelled, 'the call was cancelled');
    } finally {
      signal.removeEventListener('abort', cancel);
      if (!hasEnded) cancel();
    }
  }

  close(): void {
    this.#session?.destroy();
  }

  /** Opens the connection with the first call, and again if the server has closed it meanwhile. */
  #open(): ClientHttp2Session {
    if (this.#session && !this.#session.closed && !this.#session.destroyed) return this.#session;
    const [near, far] = duplexPair();
    // An error ends the calls under way, which report it.
    near.on('error', () => undefined);
    far.on('error', () => undefined);
    this.to(far, this.origin);
    this.#session = connect('http://page', { createConnection: () => near });
    this.#session.on('error', () => undefined);
    return this.#session;
  }
}

/** Resolves to the headers that have the call's status: its trailers, or its only headers. */
function trailersOf(stream: ClientHttp2Stream): Promise<Readonly<Record<string, unknown>>> {
  const found = new Promise<Readonly<Record<string, unknown>>>((resolve, reject) => {
    stream.once('response', (headers) => 'grpc-status' in headers && resolve(headers));
    stream.once('trailers', resolve);
    stream.once('close', () => reject(new Error('the call ended without a status')));
  });
  // The failure of the stream itself is reported first.
  found.catch(() => undefined);
  return found;
}

function framed(message: Buffer): Buffer {
  const frame = Buffer.alloc(headBytes + message.length);
  frame.writeUInt32BE(message.length, 1);
  message.copy(frame, headBytes);
  return frame;
}

/** Yields the messages of a stream of gRPC, which this server does not compress. */
async function* messagesOf(stream: ClientHttp2Stream): AsyncGenerator<Buffer, void, void> {
  let rest: Buffer[] = [];
  let size = 0;
  let wanted = headBytes;
  for await (const bytes of stream as AsyncIterable<Buffer>) {
    rest.push(bytes);
    size += bytes.length;
    while (size >= wanted) {
      const joined = rest.length === 1 ? rest[0]! : Buffer.concat(rest, size);
      const end = headBytes + joined.readUInt32BE(1);
      rest = [joined];
      wanted = end;
      if (size < end) break;
      yield joined.subarray(headBytes, end);
      rest = [joined.subarray(end)];
      size -= end;
      wanted = headBytes;
    }
  }
}

import { once } from 'node:events';
import {
  connect,
  createServer,
  type Http2Server,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Connection } from '../../bench/lib/connection.js';
import { retrievePath, retrieveRequest, storePath, storeRequest } from '../../bench/lib/wire.js';
import { loadCore } from '../../src/core/index.js';
import { startTestServer } from '../rpc/support/server.js';

const MiB = 1024 * 1024;
const path = '/a.Service/Method';
const responseHeaders = { ':status': 200, 'content-type': 'application/grpc' };
const status = { notFound: 5, unauthenticated: 16 } as const;

let server: Http2Server;
let address: string;
let sessions: ServerHttp2Session[];
let sockets: Socket[];
let connection: Connection;
/** Answers a call, given its request. */
let answer: (stream: ServerHttp2Stream, request: Buffer) => void;

beforeEach(async () => {
  sessions = [];
  sockets = [];
  server = createServer({ settings: { initialWindowSize: 100_000 }, maxSessionMemory: 200 });
  server.on('connection', (socket: Socket) => sockets.push(socket));
  server.on('session', (session) => sessions.push(session));
  server.on('stream', (stream) => {
    const pieces: Buffer[] = [];
    stream.on('data', (piece: Buffer) => pieces.push(piece));
    stream.on('end', () => answer(stream, Buffer.concat(pieces)));
    stream.on('error', () => undefined);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  connection = await Connection.open(address);
});

afterEach(async () => {
  connection.close();
  for (const session of sessions) session.destroy();
  server.close();
  await once(server, 'close');
});

function respond(stream: ServerHttp2Stream, body: Buffer, trailers: Record<string, string>): void {
  stream.respond(responseHeaders, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers(trailers));
  stream.end(body);
}

const succeed = (stream: ServerHttp2Stream, body: Buffer) =>
  respond(stream, body, { 'grpc-status': '0', 'grpc-message': 'OK' });

describe('a call of the load client', () => {
  it('counts what a client of node:http2 receives', async () => {
    const asked = (request: Buffer) => request.readUInt32BE(5);
    answer = (stream, request) => succeed(stream, Buffer.alloc(asked(request), 7));
    const session = connect(`http://${address}`);
    for (const length of [0, 1, 16_383, 16_384, 16_385, 65_536, 1_000_003]) {
      const request = Buffer.alloc(4);
      request.writeUInt32BE(length);
      const stream = session.request({ ':method': 'POST', ':path': path });
      stream.end(Buffer.concat([Buffer.from([0, 0, 0, 0, 4]), request]));
      let bytes = 0;
      for await (const piece of stream as AsyncIterable<Buffer>) bytes += piece.length;
      expect(await connection.call(path, request)).toBe(bytes);
      expect(bytes).toBe(length);
    }
    session.destroy();
  });

  it('sends what a server of gRPC expects, and a request of any length whole', async () => {
    let headers: Record<string, unknown> = {};
    server.on('stream', (_, received) => (headers = received));
    answer = succeed;
    const request = Buffer.from(Array.from({ length: 3 * MiB + 1 }, (_, n) => n % 251));
    const echoed: Buffer[] = [];
    answer = (stream, received) => {
      echoed.push(received);
      succeed(stream, received);
    };
    // Two at once, which share the connection's window.
    const came = await Promise.all([connection.call(path, request), connection.call(path, request)]);
    expect(came).toEqual([request.length + 5, request.length + 5]);
    for (const received of echoed) {
      expect(received.readUInt8()).toBe(0);
      expect(received.readUInt32BE(1)).toBe(request.length);
      expect(received.subarray(5).equals(request)).toBe(true);
    }
    expect(headers).toMatchObject({
      ...{ ':method': 'POST', ':scheme': 'http', ':path': path, ':authority': address },
      ...{ 'content-type': 'application/grpc', te: 'trailers' },
    });
  });

  it('takes more than its windows hold, of several calls at once', async () => {
    answer = (stream) => succeed(stream, Buffer.alloc(20 * MiB));
    const calls = [1, 2, 3].map(() => connection.call(path, Buffer.alloc(1)));
    expect(await Promise.all(calls)).toEqual([20 * MiB, 20 * MiB, 20 * MiB]);
  });

  it.each(Object.values(status))('fails with the status %i, with a response or without', async (code) => {
    const trailers = { 'grpc-status': String(code), 'grpc-message': 'no '.repeat(10) };
    answer = (stream) => respond(stream, Buffer.alloc(10), trailers);
    await expect(connection.call(path, Buffer.alloc(1))).rejects.toThrow('did not end with status 0');
    answer = (stream) => stream.respond({ ...responseHeaders, ...trailers }, { endStream: true });
    await expect(connection.call(path, Buffer.alloc(1))).rejects.toThrow('did not end with status 0');
  });

  it('refuses headers of several frames', async () => {
    answer = (stream) =>
      respond(stream, Buffer.alloc(10), { 'grpc-message': '~'.repeat(20_000), 'grpc-status': '0' });
    await expect(connection.call(path, Buffer.alloc(1))).rejects.toThrow('headers of several frames');
  });

  it('fails without a status, when it is reset, and when the connection ends', async () => {
    answer = (stream) => respond(stream, Buffer.alloc(10), {});
    await expect(connection.call(path, Buffer.alloc(1))).rejects.toThrow('did not end with status 0');
    answer = (stream) => stream.close(8);
    await expect(connection.call(path, Buffer.alloc(1))).rejects.toThrow('was reset with code 8');
    answer = () => sockets[0]!.destroy();
    await expect(connection.call(path, Buffer.alloc(1))).rejects.toThrow('closed');
    await expect(connection.call(path, Buffer.alloc(1))).rejects.toThrow('closed');
  });

  it('fails when the server goes away', async () => {
    answer = () => sessions[0]!.goaway(2);
    await expect(connection.call(path, Buffer.alloc(1))).rejects.toThrow('goes away with code 2');
  });

  it('answers pings', async () => {
    const pong = await new Promise((resolve) =>
      sessions[0]!.ping(Buffer.from('12345678'), (...pong) => resolve(pong)),
    );
    expect(pong).toEqual([null, expect.any(Number), Buffer.from('12345678')]);
  });

  it('tells the status of a real server', async () => {
    const real = await startTestServer();
    const client = await Connection.open(real.address);
    const message = { role: 'user', name: '', toolCallId: '', words: Buffer.from([1, 0, 0, 0]) };
    const stored = { id: 'a', application: '', model: '', tokenizer: 'o200k_base', messages: [message] };
    await client.call(storePath, storeRequest(await loadCore(), stored));
    expect(await client.call(retrievePath, retrieveRequest('a', 1))).toBeGreaterThan(5);
    await expect(client.call(retrievePath, retrieveRequest('b', 1))).rejects.toThrow(
      `${retrievePath} did not end with status 0`,
    );
    client.close();
    await real.stop();
  });
});

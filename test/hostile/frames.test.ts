import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import { connect as connectSocket, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { memoryOf, processTree } from '../../bench/lib/process-tree.js';
import { connect, type StowkenClient } from '../../src/client/index.js';
import { method } from '../rpc/support/client.js';
import { frame } from '../rpc/support/http2.js';
import { flag, h2, header, preface, type as kind } from '../rpc/support/raw-frames.js';
import { startStowken, type StowkenProcess } from '../support/process.js';
import { scrape } from '../support/prometheus.js';
import { eventually } from '../support/wait.js';

const MIB = 2 ** 20;
/** Memory that attacks may leave behind: buffers of sockets, and what the heap keeps for a while. */
const LEFT_BYTES_MAX = 300 * MIB;

let server: StowkenProcess;
let client: StowkenClient;
let residentBefore: number;
const sockets: Socket[] = [];

const residentBytes = () => memoryOf(processTree(server.child.pid!)).residentBytes;

beforeAll(async () => {
  // A connection that the server reads no more of is closed when its request has been idle for long.
  const flags = ['--metrics', '127.0.0.1:0', '--request-idle-timeout', '1', '--log-level', 'silent'];
  server = await startStowken('--storage', 'memory', ...flags);
  client = connect({ server: server.address, retry: { attemptsMax: 1, backoffMs: 1 } });
  await client.store({ conversation: { id: 'c' }, messages: [{ role: 'user', tokens: [1, 2, 3] }] });
  residentBefore = residentBytes();
});
afterAll(async () => {
  client.close();
  expect(await server.kill('SIGTERM'), 'it ends in good order').toBe(0);
});

/** Others are served, and nothing of the attack's calls is left when its connections are gone. */
afterEach(async () => {
  for (let n = 0; n < 3; n += 1)
    expect(await client.get('c')).toMatchObject({ conversation: { id: 'c', totalTokens: 3 } });
  for (const socket of sockets.splice(0)) socket.destroy();
  await eventually(async () => {
    const found = await scrape(server.metrics);
    expect(found.sum('stowken_rpc_calls_in_progress')).toBe(0);
    expect(found.sum('stowken_intake_bytes')).toBe(0);
  });
  expect(residentBytes() - residentBefore).toBeLessThan(LEFT_BYTES_MAX);
  expect(server.child.exitCode).toBeNull();
});

/** Connects and sends; resolves when the server has taken all of it, or has closed the connection. */
async function attack(...pieces: readonly Buffer[]): Promise<Socket> {
  const url = new URL(`http://${server.address}`);
  const socket = connectSocket(Number(url.port), url.hostname);
  sockets.push(socket);
  socket.on('error', () => undefined);
  socket.resume();
  await once(socket, 'connect');
  for (const piece of pieces) {
    if (socket.destroyed) break;
    await send(socket, piece);
  }
  return socket;
}

/** Sends until all is taken, the connection is closed, or the server takes no more for now. */
async function send(socket: Socket, bytes: Buffer): Promise<void> {
  if (socket.write(bytes)) return;
  const events = ['drain', 'close'].map((event) => new Promise((resolve) => socket.once(event, resolve)));
  await Promise.race([...events, wait(1000)]);
}

const u32 = (value: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};
const settings = h2(kind.settings, flag.none, 0, Buffer.alloc(0));
const start = Buffer.concat([preface, settings]);
const path = method('GetCapabilities').path;
const call = (more: readonly Buffer[] = []) =>
  Buffer.concat([
    header(':method', 'POST'),
    header(':scheme', 'http'),
    header(':path', path),
    header(':authority', 'localhost'),
    header('content-type', 'application/grpc'),
    header('te', 'trailers'),
    ...more,
  ]);
/** A whole call, with its request in it, on a stream. */
const wholeCall = (stream: number) =>
  Buffer.concat([
    h2(kind.headers, flag.endHeaders, stream, call()),
    h2(kind.data, flag.endStream, stream, frame(Buffer.alloc(0))),
  ]);

describe('bytes that are not HTTP/2', () => {
  it.each([
    ['noise', randomBytes(64 * 1024)],
    ['HTTP/1.1', Buffer.from(`GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n`)],
    ['a TLS greeting', Buffer.from('16030100c8010000c40303', 'hex')],
    ['half a preface', preface.subarray(0, 10)],
    ['zeros', Buffer.alloc(MIB)],
  ])('%s', async (_name, bytes) => void (await attack(bytes)));
});

describe('frames that break the rules', () => {
  it.each([
    ['a frame of 16 MiB', h2(kind.data, 0, 1, Buffer.alloc(2 ** 24 - 1))],
    ['an unknown type', h2(0xee, 0xff, 1, randomBytes(100))],
    ['DATA on stream 0', h2(kind.data, 0, 0, Buffer.alloc(10))],
    ['DATA on a stream that never began', h2(kind.data, 0, 9, Buffer.alloc(10))],
    ['HEADERS on a stream of the server', h2(kind.headers, flag.endHeaders, 2, call())],
    ['a reset of a stream that never began', h2(kind.reset, 0, 99, u32(8))],
    ['a window of zero bytes more', h2(kind.window, 0, 0, u32(0))],
    ['a window that overflows', Buffer.concat([1, 2].map(() => h2(kind.window, 0, 0, u32(2 ** 31 - 1))))],
    ['SETTINGS of five bytes', h2(kind.settings, 0, 0, Buffer.alloc(5))],
    ['SETTINGS with a window that is too large', h2(kind.settings, 0, 0, Buffer.from('000480000000', 'hex'))],
    ['a PING of seven bytes', h2(kind.ping, 0, 0, Buffer.alloc(7))],
    ['a CONTINUATION of nothing', h2(kind.continuation, flag.endHeaders, 1, call())],
    ['headers that are noise', h2(kind.headers, flag.endHeaders, 1, randomBytes(200))],
    ['an index of no header', h2(kind.headers, flag.endHeaders, 1, Buffer.from('ffffffff0f', 'hex'))],
    ['a header without its end', h2(kind.headers, flag.endHeaders, 1, Buffer.from('007fffffff7f', 'hex'))],
    ['padding longer than its frame', h2(kind.data, 8, 1, Buffer.from([255, 1]))],
    ['a PUSH_PROMISE', h2(5, flag.endHeaders, 1, Buffer.concat([u32(2), call()]))],
  ])('%s', async (_name, bytes) => void (await attack(start, bytes)));
});

describe('floods', () => {
  const many = (count: number, make: (n: number) => Buffer) =>
    Buffer.concat(Array.from({ length: count }, (_, n) => make(n)));

  it('of pings and settings, whose answers nobody reads', async () => {
    const socket = await attack(start);
    socket.pause();
    const pings = many(20_000, () => h2(kind.ping, 0, 0, randomBytes(8)));
    await send(socket, pings);
    await attack(
      start,
      many(20_000, () => settings),
    );
  });

  it('of 10,000 calls on one connection, all at once', async () => {
    await attack(
      start,
      many(10_000, (n) => wholeCall(2 * n + 1)),
    );
  });

  it('of 10,000 calls that have begun and go no further', async () => {
    await attack(
      start,
      many(10_000, (n) => h2(kind.headers, flag.endHeaders, 2 * n + 1, call())),
    );
  });

  it('of 10,000 calls that are reset at once', async () => {
    const reset = (n: number) => Buffer.concat([wholeCall(2 * n + 1), h2(kind.reset, 0, 2 * n + 1, u32(8))]);
    await attack(start, many(10_000, reset));
  });

  it('of empty frames of data', async () => {
    const begin = h2(kind.headers, flag.endHeaders, 1, call());
    await attack(
      start,
      begin,
      many(50_000, () => h2(kind.data, 0, 1, Buffer.alloc(0))),
    );
  });

  it('of headers without an end', async () => {
    const more = h2(
      kind.continuation,
      0,
      1,
      many(300, (n) => header(`x-${n}`, 'y'.repeat(40))).subarray(0, 16_384),
    );
    await attack(start, h2(kind.headers, 0, 1, call()), ...Array.from({ length: 500 }, () => more));
  });

  it('of calls with as many headers as fit', async () => {
    const more = Array.from({ length: 200 }, (_, n) => header(`x-${n}`, 'y'.repeat(60)));
    const heads = many(500, (n) => h2(kind.headers, flag.endHeaders | flag.endStream, 2 * n + 1, call(more)));
    await attack(start, heads);
  });

  it('of one header that is repeated by its index', async () => {
    // Entered once into the table of the connection, and named 15,000 times: 60 MB of headers in 15 kB.
    const entered = Buffer.concat([
      Buffer.from([0x40, 1]),
      Buffer.from('x'),
      Buffer.from([126]),
      Buffer.alloc(126, 97),
    ]);
    const named = Buffer.alloc(15_000, 0xbe);
    const bomb = (n: number) =>
      h2(kind.headers, flag.endHeaders | flag.endStream, 2 * n + 1, Buffer.concat([call(), entered, named]));
    await attack(start, many(20, bomb));
  });
});

it('leaves no connection behind, though Node reads nothing more of one after a fault', async () => {
  await eventually(async () => {
    await client.get('c');
    expect((await scrape(server.metrics)).sum('stowken_rpc_connections')).toBe(1);
  });
});

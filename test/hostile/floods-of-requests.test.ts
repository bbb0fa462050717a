import { status } from '@grpc/grpc-js';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect as connectSocket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterEach, expect, it } from 'vitest';
import { method } from '../rpc/support/client.js';
import { frame, Http2Client } from '../rpc/support/http2.js';
import { rawMessage } from '../rpc/support/wire.js';
import { startStowken, type StowkenProcess } from '../support/process.js';
import { sampleOr } from '../support/sample.js';
import { eventually } from '../support/wait.js';

const MiB = 1024 * 1024;

let server: StowkenProcess;
const clients: Http2Client[] = [];

/** A server with little memory for requests, in a process with a small heap. */
async function start(heapMebibytes: number, ...args: string[]): Promise<void> {
  const before = process.env['NODE_OPTIONS'];
  process.env['NODE_OPTIONS'] = `--max-old-space-size=${heapMebibytes}`;
  try {
    server = await startStowken('--storage', 'memory', '--intake-bytes', '64MiB', ...args);
  } finally {
    if (before === undefined) delete process.env['NODE_OPTIONS'];
    else process.env['NODE_OPTIONS'] = before;
  }
}

afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy();
  if (server.child.exitCode === null && server.child.signalCode === null) await server.kill('SIGKILL');
});

function connect(): Http2Client {
  const client = new Http2Client(server.address);
  clients.push(client);
  return client;
}

/** Megabytes of the server that are in memory, and their peak. */
function memory(): { readonly now: number; readonly peak: number } {
  const text = readFileSync(`/proc/${server.child.pid}/status`, 'utf8');
  const of = (name: string) => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(text)?.[1]) / 1024;
  return { now: of('VmRSS'), peak: of('VmHWM') };
}

const storePath = method('StoreConversation').path;
const uploadPath = method('UploadConversation').path;
const statsPath = method('GetStats').path;

const answers = async (client: Http2Client) =>
  expect((await client.status(statsPath, frame(Buffer.alloc(0))))['grpc-status']).toBe('0');

/** Calls of another client during some work; each must be answered. */
async function answersWhile<T>(work: Promise<T>): Promise<T> {
  const other = connect();
  let ended = false;
  const end = work.finally(() => (ended = true));
  do await answers(other);
  while (!ended);
  return end;
}

const head = (bytes: number) => {
  const all = Buffer.alloc(5);
  all.writeUInt32BE(bytes, 1);
  return all;
};

it('bombs of gzip are refused in bounded memory', async () => {
  await start(256);
  await answers(connect());
  const before = memory().peak;
  const bomb = frame(gzipSync(Buffer.alloc(128 * MiB)), true);
  const senders = [connect(), connect(), connect(), connect()];
  const calls = Array.from({ length: 32 }, (_, n) =>
    senders[n % 4]!.status(storePath, bomb, { 'grpc-encoding': 'gzip' }),
  );
  const refused = await answersWhile(Promise.all(calls));
  expect(new Set(refused.map((headers) => headers['grpc-status']))).toEqual(new Set(['8']));
  expect(memory().peak - before).toBeLessThan(256); // 32 times 64 MiB without the limit.
});

it('requests that are never whole hold no more than the budget, and nothing when their clients go', async () => {
  await start(256);
  const canary = connect();
  await answers(canary);
  const before = memory();
  const senders = Array.from({ length: 10 }, () => connect());
  const part = Buffer.alloc(2 * MiB);
  for (const sender of senders) {
    for (let call = 0; call < 6; call++) {
      const { stream } = sender.begin(storePath);
      stream.write(Buffer.concat([head(2.5 * MiB), part]));
    }
  }
  for (let calls = 0; calls < 200; calls++) await answers(canary);
  // 60 times 2 MiB without the limit.
  expect(memory().peak - before.peak).toBeLessThan(96);
  for (const sender of senders) sender.destroy();
  await eventually(async () => {
    await answers(canary);
    expect(
      (await canary.status(storePath, frame(rawMessage([3, rawMessage([5, part])]))))['grpc-status'],
    ).toBe('0');
  });
});

it('a message in tiny pieces does not keep alive all that the socket brought between them', async () => {
  await start(256);
  await answers(connect());
  const before = memory().now;
  const bytes = 4000;
  const socket = connectSocket(Number(server.address.split(':')[1]), '127.0.0.1');
  const h2 = (type: number, flags: number, stream: number, body: Buffer) => {
    const frameHead = Buffer.alloc(9);
    frameHead.writeUIntBE(body.length, 0, 3);
    frameHead.writeUInt8(type, 3);
    frameHead.writeUInt8(flags, 4);
    frameHead.writeUInt32BE(stream, 5);
    return Buffer.concat([frameHead, body]);
  };
  const literal = (name: string, value: string) =>
    Buffer.concat([
      Buffer.from([0, name.length]),
      Buffer.from(name),
      Buffer.from([value.length]),
      Buffer.from(value),
    ]);
  const headers = Buffer.concat([
    literal(':method', 'POST'),
    literal(':scheme', 'http'),
    literal(':path', storePath),
    literal(':authority', 'a'),
    literal('content-type', 'application/grpc'),
    literal('te', 'trailers'),
  ]);
  socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
  socket.write(
    Buffer.concat([h2(4, 0, 0, Buffer.alloc(0)), h2(1, 4, 1, headers), h2(0, 0, 1, head(16_000))]),
  );
  socket.resume();
  // Frames of an unknown type fill each read of the socket.
  const padding = Buffer.concat(Array.from({ length: 4 }, () => h2(0xee, 0, 0, Buffer.alloc(16_000))));
  for (let sent = 0; sent < bytes; sent++) {
    if (!socket.write(Buffer.concat([h2(0, 0, 1, Buffer.from([1])), padding]))) await once(socket, 'drain');
  }
  await answers(connect());
  const held = memory().now - before;
  socket.destroy();
  expect(held).toBeLessThan(128); // 4000 times 64 KiB if the pieces were kept as they arrive.
});

const [stores, storeBytes] = sampleOr([10, 8 * MiB], [32, 60 * MiB]);

it(`${stores} stores of ${storeBytes / MiB} MiB at once end one after the other, and small calls pass`, async () => {
  await start(256, '--intake-bytes', sampleOr('512MiB', '6GiB'));
  const senders = [connect(), connect(), connect(), connect()];
  const canary = connect();
  await answers(canary);
  const body = frame(rawMessage([3, rawMessage([5, randomBytes(storeBytes)])]));
  let ended = 0;
  const stored = Promise.all(
    Array.from({ length: stores }, async (_, n) => {
      const headers = await senders[n % senders.length]!.status(storePath, body);
      ended += 1;
      return headers;
    }),
  );
  let between = 0;
  while (ended < stores) {
    await answers(canary);
    if (ended > 0) between += 1;
  }
  const codes = (await stored).map((headers) => headers['grpc-status']);
  const [ok, overloaded] = [String(status.OK), String(status.UNAVAILABLE)];
  expect(codes).toContain(ok);
  expect(codes.filter((code) => code !== ok && code !== overloaded)).toEqual([]);
  // If all were processed together, all would end together.
  expect(between).toBeGreaterThanOrEqual(stores);
});

/** Sends uploads of one text in parts each, with so many calls at once through each of three connections. */
async function uploadTexts(uploads: number, part: Buffer, parts: number) {
  const begin = [
    frame(rawMessage([1, rawMessage([2, rawMessage([4, Buffer.from('o200k_base')])])])),
    frame(rawMessage([2, rawMessage([1, Buffer.from('user')])])),
  ];
  const text = frame(rawMessage([3, rawMessage([3, part])]));
  const end = frame(rawMessage([4, Buffer.alloc(0)]));
  const senders = [connect(), connect(), connect()];
  const all = Array.from({ length: uploads }, async (_, n) => {
    const { stream, status } = senders[n % 3]!.begin(uploadPath);
    for (const piece of [...begin, ...Array.from({ length: parts }, () => text), end]) {
      if (stream.destroyed) break;
      await new Promise((resolve) => stream.write(piece, resolve));
    }
    stream.end();
    return status;
  });
  return (await answersWhile(Promise.all(all))).map((headers) => headers['grpc-status']);
}

it('texts of many uploads do not fill the heap', async () => {
  await start(256);
  await answers(connect());
  // 5 MB each: more than the heap; the whole is three times.
  const codes = await uploadTexts(sampleOr(60, 150), Buffer.from('all work and no play '.repeat(25_000)), 10);
  expect(new Set(codes)).not.toContain(undefined);
  await answers(connect());
  expect(server.child.signalCode).toBeNull();
});

it('the memory of long texts is given back when they are stored', async () => {
  await start(512, '--intake-bytes', '1GiB');
  await answers(connect());
  const before = memory().now;
  const [uploads, textBytes] = [sampleOr(6, 48), 15 * MiB];
  const codes = await uploadTexts(uploads, Buffer.alloc(MiB, 'all work and no play '), textBytes / MiB);
  expect(codes).toContain('0');
  expect(memory().peak - before).toBeLessThan(1536);
  // The tables of a tokenizer stay, about 100 MB for each of two threads.
  await eventually(() => expect(memory().now - before).toBeLessThan(400));
});

import { constants } from 'node:http2';
import { setImmediate } from 'node:timers/promises';
import { status } from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import { limits } from '../../src/model/index.js';
import type { Vault } from '../../src/vault/index.js';
import { method } from '../rpc/support/client.js';
import { frame, type Http2Client } from '../rpc/support/http2.js';
import { rawMessage } from '../rpc/support/wire.js';
import { eventually } from '../support/wait.js';
import {
  MiB,
  answers,
  connect,
  endAfterEach,
  head,
  server,
  start,
  statsPath,
  store,
  storePath,
  told,
  uploadPath,
} from '../rpc/support/intake.js';

endAfterEach();

describe('a timeout', () => {
  it.each(['-1S', '+1S', '1', 'S', '1 S', '1s', '123456789S', '1.5S', '1S, 1S', ''])(
    'of %j is refused in words',
    async (timeout) => {
      await start();
      const answer = await connect().status(statsPath, frame(Buffer.alloc(0)), { 'grpc-timeout': timeout });
      expect(told(answer)).toMatchObject({ code: status.INTERNAL, reason: 'MALFORMED_CALL' });
      expect(told(answer).words).toContain('1 to 8 digits');
      await answers();
    },
  );

  it.each(['99999999H', '3000000S', '99999999M', '20S', '90000000u'])('of %s is taken', async (timeout) => {
    await start();
    const answer = await connect().status(statsPath, frame(Buffer.alloc(0)), { 'grpc-timeout': timeout });
    expect(answer['grpc-status']).toBe('0');
  });
});

describe('calls that are reset', () => {
  it('in the packet that began them never reach a handler', async () => {
    let begun = 0;
    const stats: Vault['stats'] = () => {
      begun += 1;
      return Promise.reject(new Error('not wanted'));
    };
    await start({}, { stats });
    const client = connect();
    // Data sent before there is a connection is sent in packets of its own.
    await client.status(method('GetCapabilities').path, frame(Buffer.alloc(0)));
    for (let round = 0; round < 5; round++) {
      const calls = Array.from({ length: 100 }, () => client.begin(statsPath));
      for (const { stream } of calls) {
        stream.end(frame(Buffer.alloc(0)));
        stream.close(constants.NGHTTP2_CANCEL);
      }
      await Promise.all(calls.map(({ status: answer }) => answer));
    }
    await server.client.unary('GetCapabilities', {});
    expect(begun).toBe(0);
  });

  it('without end close their connection, with ENHANCE_YOUR_CALM, and no other', async () => {
    await start();
    const [client, other] = [connect(), connect()];
    const codes: number[] = [];
    client.session.on('goaway', (code: number) => codes.push(code));
    // Everything that a connection may have open, as when a deadline passes for all of them: that is allowed.
    const burst = async (count: number) => {
      const calls = Array.from({ length: count }, () => client.begin(statsPath));
      await setImmediate();
      for (const { stream } of calls) stream.close(constants.NGHTTP2_CANCEL);
      await Promise.all(calls.map(({ status: answer }) => answer));
      // The server has seen them: if one read has more than a thousand, nghttp2 itself closes the connection.
      await answers();
    };
    await burst(limits.streamsPerConnectionMax);
    expect((await other.status(statsPath, frame(Buffer.alloc(0))))['grpc-status']).toBe('0');
    expect(codes).toEqual([]);
    for (let round = 0; round < 100 && !client.session.destroyed && codes.length === 0; round++) {
      await burst(100);
    }
    await eventually(() => expect(codes[0]).toBe(constants.NGHTTP2_ENHANCE_YOUR_CALM));
    expect((await other.status(statsPath, frame(Buffer.alloc(0))))['grpc-status']).toBe('0');
  });
});

describe('a client that sends nothing', () => {
  it('loses its uploads, and others have their places', async () => {
    await start({ requestIdleMs: 3000 });
    const client = connect();
    const spec = frame(rawMessage([1, rawMessage([2, rawMessage([1, Buffer.from('c')])])]));
    const uploads = Array.from({ length: limits.uploadsPerConnectionMax + 1 }, () => {
      const call = client.begin(uploadPath);
      call.stream.write(spec);
      return call;
    });
    const answered = await Promise.all(uploads.map(({ status: answer }) => answer.then(told)));
    const late = answered.filter(({ code }) => code === status.DEADLINE_EXCEEDED);
    expect(late).toHaveLength(limits.uploadsPerConnectionMax);
    expect(late[0]!.words).toMatch(/nothing of the request came for 3000 ms.*--request-idle-timeout/);
    expect(answered.at(-1)).toMatchObject({ reason: 'OVERLOADED', code: status.UNAVAILABLE });
    const next = await server.client.sendAll('UploadConversation', [
      { spec: { conversation: { id: 'd' } } },
      { finish: {} },
    ]);
    expect(next['conversation']).toMatchObject({ id: 'd' });
  });

  it('loses a call whose message it never ends, or never begins', async () => {
    await start({ requestIdleMs: 3000 });
    const half = connect().begin(storePath);
    half.stream.write(Buffer.concat([head(MiB), Buffer.alloc(1000)]));
    const open = connect().begin(storePath);
    const { stream, status: unended } = connect().begin(storePath);
    stream.write(frame(store(10)));
    for (const answer of [half.status, open.status, unended]) {
      expect(told(await answer)).toMatchObject({
        code: status.DEADLINE_EXCEEDED,
        reason: 'DEADLINE_EXCEEDED',
      });
    }
    await answers();
  });

  it('keeps its health watches and reflection streams', async () => {
    await start({ requestIdleMs: 3000 });
    const client = connect();
    const watch = client.begin('/grpc.health.v1.Health/Watch');
    watch.stream.end(frame(Buffer.alloc(0)));
    const reflect = client.begin('/grpc.reflection.v1.ServerReflection/ServerReflectionInfo');
    const ask = frame(rawMessage([7, Buffer.alloc(0)]));
    let received = 0;
    reflect.stream.on('data', () => (received += 1));
    reflect.stream.write(ask);
    await eventually(() => expect(received).toBe(1));
    // Another client's idle upload has ended by then.
    const upload = connect().begin(uploadPath);
    expect(told(await upload.status).code).toBe(status.DEADLINE_EXCEEDED);
    expect([watch.stream.closed, reflect.stream.closed]).toEqual([false, false]);
    reflect.stream.write(ask);
    await eventually(() => expect(received).toBe(2));
  });

  it('is disconnected when it has had no call for long', async () => {
    await start({ connectionIdleMs: 3000 });
    const client = connect();
    expect((await client.status(statsPath, frame(Buffer.alloc(0))))['grpc-status']).toBe('0');
    await eventually(() => expect(client.session.closed).toBe(true));
    await answers();
  });
});

describe('connections', () => {
  it('beyond as many as there may be are closed, and have their turn later', async () => {
    await start({ connectionsMax: 3 });
    const stats = (client: Http2Client) =>
      client.begin(statsPath).status.then((headers) => headers['grpc-status']);
    const open = [connect(), connect(), connect()];
    for (const client of open) {
      const call = client.begin(statsPath);
      call.stream.end(frame(Buffer.alloc(0)));
      expect((await call.status)['grpc-status']).toBe('0');
    }
    const refused = connect();
    expect(await stats(refused)).toBeUndefined();
    for (const client of open) client.destroy();
    await eventually(answers);
  });
});

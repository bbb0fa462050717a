import { constants } from 'node:http2';
import { setImmediate } from 'node:timers/promises';
import { deflateSync, gzipSync } from 'node:zlib';
import { status } from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import { limits } from '../../src/model/index.js';
import type { Vault } from '../../src/vault/index.js';
import { message, refusal } from './support/client.js';
import { frame } from './support/http2.js';
import { rawMessage } from './support/wire.js';
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
} from './support/intake.js';

endAfterEach();

describe('a message whose framing is not as gRPC has it', () => {
  it.each([
    ['a flag of 2', 2, {}, status.INTERNAL, /compressed flag of 2; it is 0 or 1/],
    ['a flag of 255', 255, { 'grpc-encoding': 'gzip' }, status.INTERNAL, /compressed flag of 255/],
    ['a flag without an encoding', 1, {}, status.INTERNAL, /grpc-encoding names no encoding/],
    ['a flag with identity', 1, { 'grpc-encoding': 'identity' }, status.INTERNAL, /names no encoding/],
    [
      'an unknown encoding',
      1,
      { 'grpc-encoding': 'br' },
      status.UNIMPLEMENTED,
      /"br"; the server knows gzip, deflate/,
    ],
    ['bytes that are no gzip', 1, { 'grpc-encoding': 'gzip' }, status.INTERNAL, /is not gzip/],
  ])('is refused in words: %s', async (_, flag, headers, code, words) => {
    await start();
    const body = Buffer.concat([head(3, flag), Buffer.from('abc')]);
    const answer = await connect().status(statsPath, body, headers);
    expect(told(answer)).toMatchObject({ code, words: expect.stringMatching(words) as string });
    expect(told(answer).reason).toBe(code === status.INTERNAL ? 'MALFORMED_CALL' : 'UNKNOWN_ENCODING');
    expect(answer['grpc-accept-encoding']).toBe('identity,gzip,deflate');
    await answers();
  });

  it('is taken when it is compressed as its headers say, or is not compressed whatever they say', async () => {
    await start();
    const request = rawMessage([1, Buffer.from('default')]);
    for (const [body, encoding] of [
      [frame(gzipSync(request), true), 'gzip'],
      [frame(deflateSync(request), true), 'deflate'],
      [frame(request), 'gzip'],
      [frame(request), 'br'],
    ] as const) {
      const answer = await connect().status(statsPath, body, { 'grpc-encoding': encoding });
      expect(answer['grpc-status']).toBe('0');
    }
  });

  it('arrives whole however it is cut into DATA frames, plain or compressed', async () => {
    await start();
    const request = message('stowken.v1.StoreConversationRequest');
    for (const [id, tokens, compressed] of [
      ['small', 10, false],
      ['long', 500_000, false],
      ['packed', 500_000, true],
    ] as const) {
      const words = Buffer.from(Uint32Array.from({ length: tokens }, (_, i) => i * 7).buffer);
      const messages = [{ role: 'user', tokens_le32: words }];
      const bytes = Buffer.from(request.serialize({ conversation: { id }, messages }));
      const body = frame(compressed ? gzipSync(bytes) : bytes, compressed);
      const { stream, status: answer } = connect().begin(storePath, { 'grpc-encoding': 'gzip' });
      for (let at = 0; at < body.length; at += at < 16 ? 1 : 77_777) {
        stream.write(body.subarray(at, at + (at < 16 ? 1 : 77_777)));
        await setImmediate();
      }
      stream.end();
      expect((await answer)['grpc-status']).toBe('0');
      expect(await server.client.unary('GetConversation', { id })).toMatchObject({
        conversation: { total_tokens: tokens },
      });
    }
  });
});

describe('memory for requests', () => {
  it('is refused at once to what needs more than a connection may have, with both numbers', async () => {
    await start({ bytesMax: 16 * MiB });
    const { stream, status: answer } = connect().begin(storePath);
    stream.write(head(8 * MiB)); // Not a byte of it is sent.
    const refused = told(await answer);
    const charge = 8 * MiB * limits.requestChargeTimes + limits.requestChargeBytes;
    expect(refused).toMatchObject({
      code: status.RESOURCE_EXHAUSTED,
      reason: 'REQUEST_TOO_LARGE',
      metadata: { size: String(charge), limit: String(12 * MiB) },
    });
    expect(refused.words).toContain(String(charge));
    expect(refused.words).toContain(String(12 * MiB));
    await answers();
  });

  it('is waited for, first come first served, and passed on when a client goes', async () => {
    await start({ bytesMax: 16 * MiB });
    const [holder, other, later] = [connect(), connect(), connect()];
    holder.begin(storePath).stream.write(Buffer.concat([head(2.5 * MiB), Buffer.alloc(MiB)]));
    const waiting = [other, later].map((client) => client.begin(storePath));
    for (const { stream } of waiting) stream.end(frame(store(2.4 * MiB)));
    // Small calls overtake it, even those of a client that waits.
    for (let calls = 0; calls < 20; calls++) await answers();
    expect(waiting.map(({ stream }) => stream.closed)).toEqual([false, false]);
    holder.destroy();
    for (const { status: answer } of waiting) expect((await answer)['grpc-status']).toBeDefined();
    await answers();
  });

  it('that does not come for long is refused as OVERLOADED', async () => {
    await start({ bytesMax: 16 * MiB, waitMs: 1000 });
    const hold = () =>
      connect()
        .begin(storePath)
        .stream.write(Buffer.concat([head(1.9 * MiB), Buffer.alloc(10)]));
    hold();
    hold();
    const { stream, status: answer } = connect().begin(storePath);
    stream.end(frame(store(1.9 * MiB)));
    expect(told(await answer)).toMatchObject({
      code: status.UNAVAILABLE,
      reason: 'OVERLOADED',
      metadata: { limit: String(16 * MiB) },
    });
    await answers();
  });

  it('is given back when a call has been answered, was refused, was cancelled or was never whole', async () => {
    await start({ bytesMax: 16 * MiB });
    const client = connect();
    const large = frame(store(2.9 * MiB)); // Two of them find no room.
    const packed = frame(gzipSync(store(2.9 * MiB)), true);
    for (let round = 0; round < 15; round++) {
      const whole = await client.status(storePath, large);
      expect(whole['grpc-status']).toBe('0');
      const expanded = await client.status(storePath, packed, { 'grpc-encoding': 'gzip' });
      expect(expanded['grpc-status']).toBe('0');
      const refused = await client.status(storePath, frame(Buffer.alloc(2.9 * MiB, 0xff)));
      expect(refused['grpc-status']).toBe(String(status.INVALID_ARGUMENT));
      const cut = client.begin(storePath);
      cut.stream.write(large.subarray(0, 2 * MiB));
      await setImmediate();
      cut.stream.close(constants.NGHTTP2_CANCEL);
      await cut.status;
    }
  });

  it('stays charged until the handler of a cancelled call has ended', async () => {
    let end = (): void => undefined;
    let begun = 0;
    const held = new Promise<void>((resolve) => (end = resolve));
    const storing: Vault['store'] = () => {
      begun += 1;
      return held.then(() => Promise.reject(new Error('ended')));
    };
    await start({ bytesMax: 16 * MiB }, { store: storing });
    const client = connect();
    const first = client.begin(storePath);
    first.stream.end(frame(store(2.9 * MiB)));
    await eventually(() => expect(begun).toBe(1));
    first.stream.close(constants.NGHTTP2_CANCEL);
    await first.status;
    const second = client.begin(storePath);
    second.stream.end(frame(store(2.9 * MiB)));
    for (let calls = 0; calls < 50; calls++) await answers();
    expect(begun).toBe(1);
    end();
    await eventually(() => expect(begun).toBe(2));
    await second.status;
  });
});

describe('memory for what an upload keeps', () => {
  const messages = (count: number) =>
    Array.from({ length: count }, (_, index) => ({
      message: { role: 'r'.repeat(250), name: 'n'.repeat(250), tool_call_id: `${'t'.repeat(500)}${index}` },
    }));

  it('is charged to its connection, and refused when that can never have it', async () => {
    await start({ bytesMax: MiB });
    const upload = (count: number) =>
      server.client.sendAll('UploadConversation', [
        { spec: { conversation: { id: `of ${count}` } } },
        ...messages(count),
        { finish: {} },
      ]);
    await expect(upload(2000).then(() => undefined, refusal)).resolves.toMatchObject({
      reason: 'REQUEST_TOO_LARGE',
      metadata: { limit: String(0.75 * MiB) },
    });
    // Returned: there is room for others, one after the other.
    for (let round = 0; round < 5; round++) {
      expect(await upload(600 + round)).toMatchObject({ conversation: { message_count: 600 + round } });
    }
  });

  it('keeps others waiting until it ends', async () => {
    let end = (): void => undefined;
    let keeping = false;
    const uploading: Vault['upload'] = async (_input, _parts, _signal, memory) => {
      await memory!.keep(11 * MiB);
      keeping = true;
      await new Promise<void>((resolve) => (end = resolve));
      throw new Error('ended');
    };
    await start({ bytesMax: 16 * MiB }, { upload: uploading });
    const upload = connect().begin(uploadPath);
    upload.stream.write(frame(rawMessage([1, rawMessage([2, rawMessage([1, Buffer.from('c')])])])));
    await eventually(() => expect(keeping).toBe(true));
    const waiting = connect().begin(storePath);
    waiting.stream.end(frame(store(2 * MiB)));
    for (let calls = 0; calls < 20; calls++) await answers();
    expect(waiting.stream.closed).toBe(false);
    end();
    expect((await waiting.status)['grpc-status']).toBe('0');
  });

  it('is no longer waited for when its client goes', async () => {
    let failure: unknown;
    const uploading: Vault['upload'] = async (_input, _parts, _signal, memory) => {
      await memory!.keep(11 * MiB);
      await memory!.keep(MiB - 10 * 1024).catch((error: unknown) => (failure = error));
      throw new Error('ended');
    };
    await start({ bytesMax: 16 * MiB }, { upload: uploading });
    const holder = connect();
    holder.begin(storePath).stream.write(Buffer.concat([head(1.1 * MiB), Buffer.alloc(10)]));
    await answers();
    const client = connect();
    const upload = client.begin(uploadPath);
    upload.stream.write(frame(rawMessage([1, rawMessage([2, rawMessage([1, Buffer.from('c')])])])));
    for (let calls = 0; calls < 20; calls++) await answers();
    upload.stream.close(constants.NGHTTP2_CANCEL);
    await eventually(() => expect(failure).toMatchObject({ reason: 'CANCELLED' }));
    holder.destroy();
    await eventually(async () => {
      const whole = await connect().status(storePath, frame(store(2.9 * MiB)));
      expect(whole['grpc-status']).toBe('0');
    });
  });
});

describe('a compressed message', () => {
  it('that expands without end is refused while it expands', async () => {
    await start({ bytesMax: 64 * MiB });
    const bomb = gzipSync(Buffer.alloc(limits.requestBytesMax + 1));
    const answer = await connect().status(storePath, frame(bomb, true), { 'grpc-encoding': 'gzip' });
    expect(told(answer)).toMatchObject({
      code: status.RESOURCE_EXHAUSTED,
      reason: 'REQUEST_TOO_LARGE',
      metadata: { limit: String(limits.requestBytesMax) },
    });
    await answers();
  });

  it('that expands to more than its connection may have is refused with both numbers', async () => {
    await start({ bytesMax: 16 * MiB });
    const packed = gzipSync(store(4 * MiB));
    const answer = told(await connect().status(storePath, frame(packed, true), { 'grpc-encoding': 'gzip' }));
    expect(answer).toMatchObject({ reason: 'REQUEST_TOO_LARGE', metadata: { limit: String(12 * MiB) } });
    expect(answer.words).toContain(String(12 * MiB));
  });
});

import { status } from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from 'vitest';
import { isStowkenError, limits } from '../../src/model/index.js';
import type { RetrievePart, Vault } from '../../src/vault/index.js';
import { eventually, withDeadline } from '../support/wait.js';
import { frame, Http2Client } from './support/http2.js';
import { method, refusal } from './support/client.js';
import { startTestServer, type TestServer } from './support/server.js';
import { rawMessage } from './support/wire.js';

let server: TestServer;
afterEach(() => server.stop());

const id = 'c';
const retrieveC = rawMessage([2, Buffer.from(id)]);
const retrievePath = method('RetrieveConversation').path;

const chunk = (bytes: Uint8Array): RetrievePart => ({
  kind: 'chunk',
  messageIndex: 0,
  tokenOffset: 0,
  content: { kind: 'le32', bytes },
  endOfMessage: false,
  message: undefined,
});

/** A retrieve that never ends by itself, and reports its end. */
function endlessRetrieve(chunkBytes: number) {
  const state = { producedBytes: 0, returned: false, signal: undefined as AbortSignal | undefined };
  const retrieve: Vault['retrieve'] = async function* (_input, signal) {
    state.signal = signal;
    try {
      for (;;) {
        state.producedBytes += chunkBytes;
        yield [chunk(new Uint8Array(chunkBytes))];
      }
    } finally {
      state.returned = true;
    }
  };
  return { state, retrieve };
}

/** Work that continues until its signal aborts, like any in a vault. */
function endlessWork() {
  const state = { signal: undefined as AbortSignal | undefined };
  const untilAborted = (signal: AbortSignal): Promise<never> => {
    state.signal = signal;
    return new Promise((_, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason as Error));
    });
  };
  return { state, untilAborted };
}

/**
 * Opens a call with a deadline; returns whether the server began with its work before the deadline passed.
 */
async function beginsInTime(
  client: Http2Client,
  path: string,
  request: Buffer,
  state: { signal: AbortSignal | undefined },
  deadlineMs: number,
): Promise<boolean> {
  const call = client.open(path, frame(request), { 'grpc-timeout': `${deadlineMs}m` });
  let refused = false;
  call.on('error', () => undefined);
  // A response that begins with its status has no content: no work began.
  call.once('response', (headers) => (refused = headers['grpc-status'] !== undefined));
  return eventually(() => {
    expect(refused || state.signal !== undefined).toBe(true);
    return state.signal !== undefined;
  });
}

/** Returns the reason with which a signal has aborted, once it has. */
const abortReason = (state: { signal: AbortSignal | undefined }) =>
  eventually(() => {
    expect(state.signal?.aborted).toBe(true);
    const reason: unknown = state.signal?.reason;
    return isStowkenError(reason) ? reason.reason : reason;
  });

const serverLives = async () => expect(await server.client.unary('GetStats', {})).toBeDefined();

describe('a client that does not read', () => {
  it.each([1024, 256 * 1024, 1024 * 1024])(
    'leaves the server holding a few MiB of chunks of %i bytes, and nothing when it leaves',
    async (chunkBytes) => {
      const { state, retrieve } = endlessRetrieve(chunkBytes);
      server = await startTestServer({ retrieve });
      const client = new Http2Client(server.address);
      client.open(retrievePath, frame(retrieveC));
      const heldBytesMin = Math.min(limits.sendQueueBytesMax, chunkBytes * limits.sendQueueMessagesMax);
      await eventually(() => expect(state.producedBytes).toBeGreaterThanOrEqual(heldBytesMin));
      for (let calls = 0; calls < 100; calls++) await serverLives();
      expect(state.producedBytes).toBeLessThanOrEqual(limits.sendQueueBytesMax + 2 * 1024 * 1024);
      expect(state.returned).toBe(false);
      client.destroy();
      await eventually(() => expect(state.returned).toBe(true));
      expect(await abortReason(state)).toBe('CANCELLED');
    },
  );

  it('is given up when its deadline passes', async () => {
    const { state, retrieve } = endlessRetrieve(256 * 1024);
    server = await startTestServer({ retrieve });
    const client = new Http2Client(server.address);
    await withDeadline((deadlineMs) => beginsInTime(client, retrievePath, retrieveC, state, deadlineMs));
    await eventually(() => expect(state.returned).toBe(true));
    expect(await abortReason(state)).toBe('DEADLINE_EXCEEDED');
    client.destroy();
    await serverLives();
  });
});

describe('a stream', () => {
  it('arrives whole and in order, faster or slower than it is made', async () => {
    const messages = 3000;
    const retrieve: Vault['retrieve'] = async function* () {
      for (let index = 0; index < messages; index++) {
        const content = Buffer.alloc(index % 7 === 0 ? 20_000 : 4);
        yield [{ ...chunk(content), messageIndex: index } as RetrievePart];
      }
    };
    server = await startTestServer({ retrieve });
    const responses = await server.client.stream('RetrieveConversation', { id });
    const indexes = responses.map(
      (response) => (response['chunk'] as { message_index: number }).message_index,
    );
    expect(indexes).toEqual(Array.from({ length: messages }, (_, index) => index));
  });

  it('that is cancelled stops the work', async () => {
    const { state, retrieve } = endlessRetrieve(1000);
    server = await startTestServer({ retrieve });
    const call = server.client.open('RetrieveConversation', { id });
    const ended = new Promise<unknown>((resolve) => call.on('error', resolve));
    let received = 0;
    call.on('data', () => {
      if (++received === 10) call.cancel();
    });
    expect(refusal(await ended).code).toBe(status.CANCELLED);
    expect(await abortReason(state)).toBe('CANCELLED');
    await eventually(() => expect(state.returned).toBe(true));
    await serverLives();
  });

  it('whose deadline passes stops the work', async () => {
    const { state, retrieve } = endlessRetrieve(1000);
    server = await startTestServer({ retrieve });
    await withDeadline(async (deadlineMs) => {
      const options = { deadline: Date.now() + deadlineMs };
      const refused = await server.client.refused('RetrieveConversation', { id }, options);
      expect(refused.code).toBe(status.DEADLINE_EXCEEDED);
      return state.signal !== undefined;
    });
    await eventually(() => expect(state.returned).toBe(true));
    await serverLives();
  });

  it('that fails on its way ends with what failed', async () => {
    const retrieve: Vault['retrieve'] = async function* () {
      yield [chunk(new Uint8Array(4))];
      throw new TypeError('secret');
    };
    server = await startTestServer({ retrieve });
    const call = server.client.open('RetrieveConversation', { id });
    let received = 0;
    call.on('data', () => received++);
    const refused = refusal(await new Promise((resolve) => call.on('error', resolve)));
    expect(received).toBe(1);
    expect(refused).toMatchObject({ code: status.INTERNAL, reason: 'INTERNAL' });
    expect(refused.details).not.toContain('secret');
    await serverLives();
  });
});

describe('a unary call', () => {
  it('that is cancelled stops the work', async () => {
    const { state, untilAborted } = endlessWork();
    server = await startTestServer({ store: (_input, signal) => untilAborted(signal) });
    const client = new Http2Client(server.address);
    const call = client.open(method('StoreConversation').path, frame(Buffer.alloc(0)));
    call.on('error', () => undefined);
    await eventually(() => expect(state.signal).toBeDefined());
    call.close();
    expect(await abortReason(state)).toBe('CANCELLED');
    client.destroy();
    await serverLives();
  });

  it('that runs out of time stops the work', async () => {
    const { state, untilAborted } = endlessWork();
    server = await startTestServer({ store: (_input, signal) => untilAborted(signal) });
    const client = new Http2Client(server.address);
    const { path } = method('StoreConversation');
    await withDeadline((deadlineMs) => beginsInTime(client, path, Buffer.alloc(0), state, deadlineMs));
    expect(await abortReason(state)).toBe('DEADLINE_EXCEEDED');
    client.destroy();
    await serverLives();
  });

  it('whose client has gone when it fails brings nothing down', async () => {
    const { state, untilAborted } = endlessWork();
    server = await startTestServer({
      store: (_input, signal) =>
        untilAborted(signal).catch(() => {
          throw new TypeError('too late');
        }),
    });
    const client = new Http2Client(server.address);
    client.open(method('StoreConversation').path, frame(Buffer.alloc(0))).on('error', () => undefined);
    await eventually(() => expect(state.signal).toBeDefined());
    client.destroy();
    await eventually(() => expect(server.log).toContainEqual(expect.objectContaining({ level: 50 })));
    await serverLives();
  });
});

describe('a handler that throws', () => {
  const failing: [string, Partial<Vault>][] = [
    ['at once', { get: () => fail() }],
    ['later', { get: () => Promise.resolve().then(fail) }],
    ['no Error at all', { get: () => Promise.reject(JSON.parse('null') as Error) }],
  ];
  const fail = (): never => {
    throw new RangeError('secret');
  };

  it.each(failing)(
    '%s gives INTERNAL with an id that the log has, and the server lives on',
    async (_name, vault) => {
      server = await startTestServer(vault);
      const refused = await server.client.refused('GetConversation', { id });
      expect(refused).toMatchObject({ code: status.INTERNAL, reason: 'INTERNAL' });
      expect(JSON.stringify(refused)).not.toContain('secret');
      expect(server.log).toContainEqual(
        expect.objectContaining({
          error_id: refused.metadata['error_id'],
          method: method('GetConversation').path,
        }),
      );
      await serverLives();
    },
  );

  it('before it finds the vault is no different', async () => {
    server = await startTestServer({}, { vaults: { use: fail } });
    for (const name of ['GetStats', 'CollectGarbage']) {
      expect(await server.client.refused(name, {})).toMatchObject({
        code: status.INTERNAL,
        reason: 'INTERNAL',
      });
    }
  });
});

describe('bytes that are no gRPC', () => {
  const getPath = method('GetConversation').path;

  it('such as a malformed gzip message are refused, and the server lives on', async () => {
    server = await startTestServer();
    const client = new Http2Client(server.address);
    const bodies = [
      Buffer.from('not gzip'),
      Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 1, 2]),
      Buffer.alloc(0),
    ];
    for (const body of bodies) {
      const headers = await client.status(getPath, frame(body, true), { 'grpc-encoding': 'gzip' });
      expect(Number(headers['grpc-status'])).not.toBe(status.OK);
    }
    client.destroy();
    await serverLives();
  });

  it('such as an unknown compression, half a message or two of them are refused', async () => {
    server = await startTestServer();
    const client = new Http2Client(server.address);
    const calls: [Buffer, Record<string, string>, status][] = [
      [frame(retrieveC, true), { 'grpc-encoding': 'br' }, status.UNIMPLEMENTED],
      [frame(retrieveC).subarray(0, 4), {}, status.INTERNAL],
      [frame(retrieveC).subarray(0, 6), {}, status.INTERNAL],
      [Buffer.alloc(0), {}, status.UNIMPLEMENTED],
      [Buffer.concat([frame(retrieveC), frame(retrieveC)]), {}, status.UNIMPLEMENTED],
    ];
    for (const [body, headers, code] of calls) {
      expect(await client.status(getPath, body, headers)).toMatchObject({ 'grpc-status': String(code) });
    }
    client.destroy();
    await serverLives();
  });

  it('such as another content type, path or timeout are refused', async () => {
    server = await startTestServer();
    const client = new Http2Client(server.address);
    const json = await client.status(getPath, Buffer.from('{}'), { 'content-type': 'application/json' });
    expect(json[':status']).toBe(415);
    const unknown = await client.status('/stowken.v1.ConversationService/Nothing', frame(retrieveC));
    expect(unknown['grpc-status']).toBe(String(status.UNIMPLEMENTED));
    const timeout = await client.status(getPath, frame(retrieveC), { 'grpc-timeout': 'soon' });
    expect(timeout['grpc-status']).toBe(String(status.INTERNAL));
    client.destroy();
    await serverLives();
  });
});

import { status } from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from 'vitest';
import { limits } from '../../src/model/index.js';
import { createAdmission, costOf } from '../../src/rpc/index.js';
import type { Vault, VerifyPart } from '../../src/vault/index.js';
import { sampleOr } from '../support/sample.js';
import { eventually } from '../support/wait.js';
import { contract, method, refusal, TestClient } from './support/client.js';
import { frame } from './support/http2.js';
import { RawFrames } from './support/raw-frames.js';
import { startTestServer, type TestServer } from './support/server.js';
import { rawMessage } from './support/wire.js';

let server: TestServer;
const closing: (() => void)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) close();
  await server.stop();
});

const verifyPath = method('VerifyVault').path;
const summary: VerifyPart = { kind: 'summary', records: 0, repaired: 0, violations: 0 };

/** Verifications that end when the test decides, or are cancelled; counts those begun and those running. */
function countedWork() {
  const state = { begun: 0, running: 0, finish: () => undefined as void };
  const finished = new Promise<void>((resolve) => (state.finish = resolve));
  const verify: Vault['verify'] = async function* (_options, signal) {
    state.begun += 1;
    state.running += 1;
    try {
      const aborted = new Promise<never>((_, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
      });
      await Promise.race([finished, aborted]);
      yield summary;
    } finally {
      state.running -= 1;
    }
  };
  return { state, verify };
}

const another = (): TestClient => {
  const client = new TestClient(server.address);
  closing.push(() => client.close());
  return client;
};

const rawClient = async (): Promise<RawFrames> => {
  const client = await RawFrames.connect(server.address);
  closing.push(() => client.destroy());
  return client;
};

/** Calls of other clients are answered meanwhile. */
async function othersAreServed(): Promise<void> {
  await server.client.unary('StoreConversation', {
    conversation: { id: 'other' },
    messages: [{ role: 'user', tokens: { ids: [1, 2, 3] } }],
  });
  expect(await server.client.unary('GetStats', {})).toMatchObject({ conversations: 1 });
}

/** The same without the methods that a test has replaced. */
async function otherCallsAreServed(): Promise<void> {
  expect(await server.client.unary('GetCapabilities', {})).toBeDefined();
}

/** Resets on one connection: below the number that HTTP/2 libraries treat as an attack. */
const perConnection = 400;
const connections = sampleOr(5, 50);

describe('the costs of methods', () => {
  it('are said for every method of the contract, and for no other', async () => {
    server = await startTestServer();
    const paths = Object.entries(contract)
      .filter(([name, entry]) => name.startsWith('stowken.') && !('format' in entry))
      .flatMap(([, service]) => Object.values(service).map(({ path }: { path: string }) => path));
    expect(Object.keys(costOf).sort()).toEqual(paths.sort());
  });
});

describe('calls that nobody waits for', () => {
  it('begin no work when they are reset together with their request', async () => {
    const { state, verify } = countedWork();
    server = await startTestServer({ verify });
    for (let connection = 0; connection < connections; connection++) {
      const client = await rawClient();
      const frames = Array.from({ length: perConnection }, () => {
        const { stream, bytes } = client.call(verifyPath, Buffer.alloc(0));
        return [bytes, client.reset(stream)];
      });
      client.send(frames.flat());
      await othersAreServed();
    }
    // A call that is not reset arrives after all of them, and begins.
    const asked = another().stream('VerifyVault', {});
    await eventually(() => expect(state.running).toBe(1));
    state.finish();
    await asked;
    expect(state.begun).toBe(1);
  });

  const whole = frame(rawMessage([1, Buffer.from('default')]));
  const [some, rest] = [whole.subarray(0, 6), whole.subarray(6)];
  it.each([
    ['all of the request', [], [whole], 'GetStats'],
    ['the rest of it', [some], [rest], 'GetStats'],
    ['its end', [whole], [], 'GetStats'],
    ['all of the request of a stream', [], [whole], 'VerifyVault'],
    ['the end of the request of a stream', [whole], [], 'VerifyVault'],
  ])('begin no work when they are reset together with %s', async (_, first, then, name) => {
    let begun = 0;
    const vaultOf = (): never => {
      begun += 1;
      throw new Error('not wanted');
    };
    server = await startTestServer({ stats: vaultOf, verify: vaultOf });
    const client = await rawClient();
    const calls = Array.from({ length: 20 }, () => client.headers(method(name).path));
    for (const { stream, bytes } of calls) {
      client.send([bytes, ...first.map((piece) => client.data(stream, piece, false))]);
    }
    await otherCallsAreServed();
    const none = Buffer.alloc(0);
    for (const { stream } of calls) {
      const pieces = then.length === 0 ? [none] : then;
      client.send([...pieces.map((piece) => client.data(stream, piece, true)), client.reset(stream)]);
      await otherCallsAreServed();
    }
    expect(begun).toBe(0);
    const { stream, bytes } = client.headers(method(name).path);
    client.send([bytes, client.data(stream, whole, true)]);
    await eventually(() => expect(begun).toBe(1));
  });

  it('begin no more work than there are slots when they are reset later', async () => {
    const { state, verify } = countedWork();
    server = await startTestServer({ verify });
    for (let connection = 0; connection < connections; connection++) {
      const client = await rawClient();
      const calls = Array.from({ length: perConnection }, () => client.call(verifyPath, Buffer.alloc(0)));
      const before = state.begun;
      client.send(calls.map(({ bytes }) => bytes));
      await eventually(() => expect(state.running).toBeGreaterThan(0));
      await othersAreServed();
      client.send(calls.map(({ stream }) => client.reset(stream)));
      await eventually(() => expect(state.running).toBe(0));
      expect(state.begun - before).toBeLessThanOrEqual(2 * limits.vaultCallsPerConnectionMax);
    }
    const asked = another().stream('VerifyVault', {});
    await eventually(() => expect(state.running).toBe(1));
    state.finish();
    await asked;
  });

  it('are not looked for to the end of a long list', async () => {
    let signal: AbortSignal | undefined;
    const list: Vault['list'] = (query) =>
      new Promise((_, reject) => {
        signal = query.signal;
        signal!.addEventListener('abort', () => reject(signal!.reason as Error));
      });
    server = await startTestServer({ list });
    const client = await rawClient();
    const call = client.call(method('ListConversations').path, Buffer.alloc(0));
    client.send([call.bytes]);
    await eventually(() => expect(signal).toBeDefined());
    client.send([client.reset(call.stream)]);
    await eventually(() => expect(signal!.aborted).toBe(true));
  });
});

describe('calls that look at all of a vault', () => {
  it('are so many at once, fewer of one connection, and each connection gets its turn', async () => {
    const { state, verify } = countedWork();
    server = await startTestServer({ verify });
    const many = Array.from({ length: 50 }, () => server.client.stream('VerifyVault', {}));
    await eventually(() => expect(state.running).toBe(limits.vaultCallsPerConnectionMax));
    const one = another().stream('VerifyVault', {});
    await eventually(() => expect(state.running).toBe(limits.vaultCallsPerConnectionMax + 1));
    expect(state.begun).toBe(limits.vaultCallsPerConnectionMax + 1);
    state.finish();
    await Promise.all([one, ...many]);
    expect(state.begun).toBe(51);
  });

  it('are refused when they have waited too long, and told what for', async () => {
    const { state, verify } = countedWork();
    server = await startTestServer({ verify }, { admission: createAdmission({ waitMsMax: 20 }) });
    const running = [1, 2].map(() => server.client.stream('VerifyVault', {}));
    await eventually(() => expect(state.running).toBe(2));
    const refused = await server.client.stream('VerifyVault', {}).then(() => undefined, refusal);
    expect(refused).toMatchObject({
      code: status.UNAVAILABLE,
      reason: 'OVERLOADED',
      details:
        '2 calls of VerifyVault are under way, 2 of them on this connection; the limits are 3 and 2, and there was no room ' +
        'for another within 20 ms',
      metadata: { method: 'VerifyVault', running: '2', limit: '3', connection_limit: '2', waited_ms: '20' },
    });
    await othersAreServed(); // Other methods have slots of their own.
    state.finish();
    await Promise.all(running);
    expect(await another().stream('VerifyVault', {})).toHaveLength(1);
  });
});

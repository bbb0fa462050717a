import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Client, credentials, status, type ClientReadableStream } from '@grpc/grpc-js';
import { service as healthMethods } from 'grpc-health-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Vault } from '../../src/vault/index.js';
import { eventually } from '../support/wait.js';
import { refusal } from './support/client.js';
import { startTestServer, type TestServer } from './support/server.js';

let server: TestServer;
afterEach(() => server.stop());

const services = [
  '',
  'stowken.v1.ConversationService',
  'stowken.v1.MaintenanceService',
  'stowken.v1.AdminService',
  'stowken.v1.SegmentService',
];

interface HealthResponse {
  readonly status: string;
}

class HealthClient {
  readonly #client: Client;

  constructor(address: string) {
    this.#client = new Client(address, credentials.createInsecure(), { 'grpc.use_local_subchannel_pool': 1 });
  }

  check(service: string): Promise<string> {
    const { path, requestSerialize, responseDeserialize } = healthMethods['Check']!;
    return new Promise((resolve, reject) => {
      this.#client.makeUnaryRequest(
        path,
        requestSerialize,
        (bytes) => responseDeserialize(bytes) as HealthResponse,
        { service },
        (error, response) => (error === null ? resolve(response!.status) : reject(error)),
      );
    });
  }

  watch(service: string): ClientReadableStream<HealthResponse> {
    const { path, requestSerialize, responseDeserialize } = healthMethods['Watch']!;
    return this.#client.makeServerStreamRequest(
      path,
      requestSerialize,
      (bytes) => responseDeserialize(bytes) as HealthResponse,
      { service },
    );
  }

  close(): void {
    this.#client.close();
  }
}

describe('health', () => {
  let writable = true;
  let health: HealthClient;
  beforeEach(async () => {
    writable = true;
    server = await startTestServer({}, { health: () => ({ writable, vaults: new Map() }) });
    health = new HealthClient(server.address);
  });
  afterEach(() => health.close());

  it('is SERVING as a whole and per service, NOT_SERVING while nothing can be written', async () => {
    for (const service of services) expect(await health.check(service)).toBe('SERVING');
    writable = false;
    for (const service of services) expect(await health.check(service)).toBe('NOT_SERVING');
    writable = true;
    for (const service of services) expect(await health.check(service)).toBe('SERVING');
  });

  it('does not know other services', async () => {
    const refused = await health.check('other').catch(refusal);
    expect(refused).toMatchObject({ code: status.NOT_FOUND });
  });

  it('tells those who watch, and ends their streams when the server drains', async () => {
    const watch = health.watch('');
    const seen: string[] = [];
    watch.on('data', ({ status }: HealthResponse) => seen.push(status));
    const ended = once(watch, 'end');
    await eventually(() => expect(seen).toEqual(['SERVING']));
    writable = false;
    await eventually(() => expect(seen).toEqual(['SERVING', 'NOT_SERVING']));
    writable = true;
    await eventually(() => expect(seen).toEqual(['SERVING', 'NOT_SERVING', 'SERVING']));
    await server.drain(60_000);
    await ended;
    expect(seen.at(-1)).toBe('NOT_SERVING');
  });
});

describe('reflection', () => {
  it('lets a client without proto files find and call every service', async () => {
    server = await startTestServer();
    const buf = createRequire(import.meta.url).resolve('@bufbuild/buf/bin/buf');
    const curl = async (...args: string[]) => {
      const { stdout } = await promisify(execFile)(process.execPath, [
        ...[buf, 'curl', '--http2-prior-knowledge', '--protocol', 'grpc'],
        ...args,
      ]);
      return stdout;
    };
    const base = `http://${server.address}`;
    expect((await curl('--list-services', base)).trim().split('\n').sort()).toEqual([
      'grpc.health.v1.Health',
      'stowken.v1.AdminService',
      'stowken.v1.AnalyticsService',
      'stowken.v1.ConversationService',
      'stowken.v1.MaintenanceService',
      'stowken.v1.SegmentService',
    ]);
    const request = { conversation: { id: 'a/b' }, messages: [{ tokens: { ids: [1, 2, 300] } }] };
    const path = `${base}/stowken.v1.ConversationService/StoreConversation`;
    const response: unknown = JSON.parse(await curl('-d', JSON.stringify(request), path));
    expect(response).toMatchObject({ conversation: { id: 'a/b', totalTokens: '3' } });
    expect(await curl('-d', '{}', `${base}/grpc.health.v1.Health/Check`)).toContain('SERVING');
  });
});

describe('draining', () => {
  /** A store that takes until it is released. */
  function heldStore() {
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    const state = { started: false };
    const store =
      (vault: Vault['store']): Vault['store'] =>
      async (input, signal) => {
        state.started = true;
        await held;
        return vault(input, signal);
      };
    return { state, release, store };
  }

  const result = {
    conversation: { id: 'c' },
    totalSegments: 0,
    newSegments: 0,
    newTokens: 0,
    storedBytes: 0,
    unchanged: false,
  } as unknown as Awaited<ReturnType<Vault['store']>>;

  it('lets calls under way finish, and takes no more', async () => {
    const { state, release, store } = heldStore();
    server = await startTestServer({ store: store(async () => result) });
    const call = server.client.unary('StoreConversation', {});
    await eventually(() => expect(state.started).toBe(true));
    const drained = server.drain(60_000);
    const late = new HealthClient(server.address);
    expect(await late.check('').catch(refusal)).toMatchObject({ code: status.UNAVAILABLE });
    late.close();
    release();
    expect(await call).toMatchObject({ conversation: { id: 'c' } });
    await drained;
  });

  it('cuts off what takes longer than it may', async () => {
    const { state, store } = heldStore();
    server = await startTestServer({ store: store(async () => result) });
    const call = server.client.refused('StoreConversation', {});
    await eventually(() => expect(state.started).toBe(true));
    await server.drain(10);
    expect([status.CANCELLED, status.UNAVAILABLE]).toContain((await call).code);
  });
});

describe('addresses', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'stowken-rpc-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('may be a unix socket, also one that a killed server has left', async () => {
    const path = join(folder, 'stowken.sock');
    const killed = promisify(execFile)(process.execPath, [
      '-e',
      `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`,
    ]);
    await expect(killed).rejects.toMatchObject({ signal: 'SIGKILL' });
    for (const address of [`unix:${path}`, `unix://${path}`]) {
      server = await startTestServer({}, { listen: address });
      expect(server.address).toBe(address);
      expect(await server.client.unary('GetCapabilities', {})).toMatchObject({
        version: '1.2.3',
        storage: 'memory',
      });
      await server.stop();
    }
  });

  it('are refused when somebody listens there, who is left alone', async () => {
    server = await startTestServer();
    await expect(startTestServer({}, { listen: server.address })).rejects.toThrow();
    const path = join(folder, 'taken.sock');
    const other = createServer().listen(path);
    await once(other, 'listening');
    await expect(startTestServer({}, { listen: `unix:${path}` })).rejects.toThrow();
    expect(other.listening).toBe(true);
    other.close();
  });
});

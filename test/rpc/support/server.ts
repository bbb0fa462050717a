import pino from 'pino';
import { expect } from 'vitest';
import { createCodec } from '../../../src/codec/index.js';
import { loadCore } from '../../../src/core/index.js';
import { startRpcServer, type RpcServerOptions } from '../../../src/rpc/index.js';
import { createMemoryBackend } from '../../../src/storage/index.js';
import { createTokenizers } from '../../../src/text/index.js';
import { createVault, type Vault } from '../../../src/vault/index.js';
import { TestClient } from './client.js';

export interface TestServer {
  readonly address: string;
  readonly client: TestClient;
  /** What the server logged, parsed. */
  readonly log: Record<string, unknown>[];
  /** Ends client and server, and checks every invariant of the store. */
  stop(): Promise<void>;
  drain(graceMs: number): Promise<void>;
}

/** A server on a free port with the vault "default" in memory; `override` replaces some of the vault's methods. */
export async function startTestServer(
  override: Partial<Vault> = {},
  options: Partial<RpcServerOptions> = {},
): Promise<TestServer> {
  const core = await loadCore();
  const codec = createCodec(core);
  const clock = () => Date.now();
  const backend = createMemoryBackend({ codec, clock });
  const tokenizers = createTokenizers({ threadsMax: 1 });
  const vault: Vault = {
    ...createVault({
      name: 'default',
      backend,
      core,
      codec,
      tokenizers,
      clock,
    }),
    ...override,
  };
  const log: Record<string, unknown>[] = [];
  const server = await startRpcServer({
    vaults: (name) => (name === 'default' ? vault : undefined),
    tokenizers,
    listen: '127.0.0.1:0',
    logger: pino(
      { level: 'debug' },
      { write: (line) => log.push(JSON.parse(line) as Record<string, unknown>) },
    ),
    version: '1.2.3',
    health: () => ({ writable: true }),
    ...options,
  }).catch(async (error: unknown) => {
    await tokenizers.close();
    throw error;
  });
  const client = new TestClient(server.address);
  return {
    address: server.address,
    client,
    log,
    drain: (graceMs) => server.drain(graceMs),
    async stop() {
      client.close();
      await server.drain(0);
      await tokenizers.close();
      expect(await backend.check()).toEqual([]);
      await backend.close();
    },
  };
}

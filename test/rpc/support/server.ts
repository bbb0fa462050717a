import pino from 'pino';
import { ordinaryIntake, startRpcServer, type RpcServerOptions } from '../../../src/rpc/index.js';
import type { Vault } from '../../../src/vault/index.js';
import { singleVault } from '../../support/single-vault.js';
import { openTestVault } from '../../support/vault.js';
import { TestClient } from './client.js';

export interface TestServer {
  readonly address: string;
  readonly client: TestClient;
  /** Parsed log of the server. */
  readonly log: Record<string, unknown>[];
  /** Ends client and server, and checks the store's invariants. */
  stop(): Promise<void>;
  drain(graceMs: number): Promise<void>;
}

/**
 * Starts a server on a free port with the vault "default" in memory; `override` replaces some of the vault's
 * methods.
 */
export async function startTestServer(
  override: Partial<Vault> = {},
  options: Partial<RpcServerOptions & { listen: string }> = {},
): Promise<TestServer> {
  const opened = await openTestVault();
  const vault = { ...opened.vault, ...override };
  const log: Record<string, unknown>[] = [];
  const write = (line: string) => log.push(JSON.parse(line) as Record<string, unknown>);
  const server = await startRpcServer({
    ...singleVault(vault),
    tokenizers: opened.tokenizers,
    listen: '127.0.0.1:0',
    logger: pino({ level: 'debug' }, { write }),
    version: '1.2.3',
    intake: ordinaryIntake,
    ...options,
  }).catch(async (error: unknown) => {
    await opened.close();
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
      await opened.close();
    },
  };
}

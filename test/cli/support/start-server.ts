import { createLiveCodec } from '../../../src/codec/index.js';
import type { RunningServer, ServeOptions } from '../../../src/cli/index.js';
import { loadCore } from '../../../src/core/index.js';
import { ordinaryIntake, startRpcServer } from '../../../src/rpc/index.js';
import { createMemoryBackend } from '../../../src/storage/index.js';
import { createVault } from '../../../src/vault/index.js';
import { singleVault } from '../../support/single-vault.js';
import { sharedSearchThreads, sharedTokenizers } from '../../support/threads.js';
import pino, { type Logger } from 'pino';

/** The real server, always over the memory backend. Stopping it checks every invariant. */
export async function startServer(
  options: Pick<ServeOptions, 'listen' | 'drainTimeoutMs'>,
  logger: Logger,
): Promise<RunningServer> {
  const core = await loadCore();
  const codec = createLiveCodec(core);
  const clock = () => Date.now();
  const backend = createMemoryBackend({ codec, clock });
  const tokenizers = sharedTokenizers();
  const searchThreads = sharedSearchThreads();
  const vault = createVault({
    name: 'default',
    ...{ backend, core, codec, tokenizers, searchThreads, clock },
  });
  const server = await startRpcServer({
    ...singleVault(vault),
    tokenizers,
    listen: options.listen,
    logger,
    version: '0.0.1',
    intake: ordinaryIntake,
  });
  return {
    address: server.address,
    async stop() {
      await server.drain(options.drainTimeoutMs);
      const violations = await backend.check();
      await backend.close();
      if (violations.length > 0) throw new Error(`the store is not whole: ${JSON.stringify(violations)}`);
    },
  };
}

export function startTestServer(): Promise<RunningServer> {
  return startServer({ listen: '127.0.0.1:0', drainTimeoutMs: 1000 }, pino({ level: 'silent' }));
}

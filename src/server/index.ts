import type { Logger } from 'pino';
import type { RunningServer, ServeOptions } from '../cli/index.js';
import { checkAccess } from '../identity/index.js';
import { checkListen } from '../rpc/index.js';
import { checkDataFolder } from '../storage/index.js';
import { startAlone } from './alone.js';
import { hasFolder, openMetrics, openParts } from './parts.js';

export { openBackend } from './open-vaults.js';

/** Assembles and starts a server: the only place where its parts are wired together. */
export async function startServer(
  options: ServeOptions,
  logger: Logger,
  version: string,
): Promise<RunningServer> {
  await checkListen(options.listen);
  if (options.http) await checkListen(options.http.listen);
  await checkAccess(options.tls, options.access);
  if (hasFolder(options)) await checkDataFolder(options.dataDir);
  const metrics = await openMetrics(options, logger, version);
  try {
    const parts = await openParts(options, logger, version, metrics);
    if (options.workers <= 1) return await startAlone(parts);
    const { startWithWorkers } = await import('./with-workers.js');
    return await startWithWorkers(parts);
  } catch (error) {
    metrics?.close();
    throw error;
  }
}

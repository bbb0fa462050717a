import { status } from '@grpc/grpc-js';
import type { Logger } from 'pino';
import { isVaultName } from '../../vaults/index.js';
import { isServed, isStanding } from '../contract.js';
import type { CallWatcher } from './ended-call.js';

/** Name of all methods that the server does not have: a client can make up any. */
const otherMethod = '_OTHER';

/**
 * Returns a watcher that logs calls at their end: slow ones as warnings, and the others if the log has level
 * debug. A line has nothing that came in a request but the name of a vault. Undefined if no call is logged.
 */
export function logCalls(logger: Logger, slowCallMs: number | undefined): CallWatcher | undefined {
  const logsAll = logger.isLevelEnabled('debug');
  if (!logsAll && slowCallMs === undefined) return undefined;
  return ({ path, code, durationMs, receivedBytes, sentBytes, caller }) => {
    // Streams that are meant to stay open are not slow.
    const isSlow = slowCallMs !== undefined && durationMs >= slowCallMs && !isStanding(path);
    if (!isSlow && !logsAll) return;
    const vault = caller?.vault;
    const facts = {
      method: isServed(path) ? path : otherMethod,
      vault: vault !== undefined && isVaultName(vault) ? vault : undefined,
      status: status[code],
      durationMs: Math.round(durationMs * 1000) / 1000,
      receivedBytes,
      sentBytes,
      caller: caller?.name,
    };
    if (isSlow) logger.warn(facts, 'a slow call');
    else logger.debug(facts, 'call');
  };
}

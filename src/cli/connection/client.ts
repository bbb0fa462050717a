import { ClientError, connect, isUnreachable, type StowkenClient } from '../../client/index.js';
import { CommandFailure, type Context, UsageError } from '../context.js';
import type { ServerOption } from './options.js';
import { resolveConnection } from './resolve.js';

/** Failures of a connection that never reached anybody. */
const nobodyThere = /ECONNREFUSED|ENOENT|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|EACCES/;

/** Runs with a connection, and closes it. An interruption ends its calls. */
export async function withClient<T>(
  options: ServerOption,
  { interruption: { signal }, profile, io }: Pick<Context, 'interruption' | 'profile' | 'io'>,
  run: (client: StowkenClient) => Promise<T>,
): Promise<T> {
  const chosen = resolveConnection(options, profile(), io.env);
  const client = open({ ...chosen, signal });
  try {
    return await run(client);
  } catch (error) {
    if (!isUnreachable(error) || error.reason !== undefined) throw error;
    const isPlain = chosen.tls === undefined && !nobodyThere.test(error.message);
    const hint = isPlain ? ' (for a server with TLS, give --tls-ca or --tls)' : '';
    throw new CommandFailure(`no server answers at ${chosen.server}: ${error.message}${hint}`);
  } finally {
    client.close();
  }
}

/** Options that do not go together are wrong usage: nothing was done. */
function open(options: Parameters<typeof connect>[0]): StowkenClient {
  try {
    return connect(options);
  } catch (error) {
    if (!(error instanceof ClientError)) throw error;
    const hint = error.metadata['field'] === 'token' ? ' (--tls-ca or --tls)' : '';
    throw new UsageError(`${error.message}${hint}`);
  }
}

import {
  ClientError,
  connect,
  type ConnectOptions,
  isUnreachable,
  type StowkenClient,
} from '../../client/index.js';
import { CommandFailure, type Context, UsageError } from '../context.js';
import type { ServerOption } from './options.js';
import { resolveConnection } from './resolve.js';

/** Failures of a connection that never reached anybody. */
const nobodyThere = /ECONNREFUSED|ENOENT|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|EACCES/;

const handshakes: readonly (readonly [words: RegExp, hint: string])[] = [
  [/alert certificate required/i, ' (the server asks for a certificate: give --cert and --key)'],
  [
    /alert (bad certificate|unknown ca|certificate (expired|revoked|unknown))/i,
    ' (the server refuses --cert)',
  ],
  [
    /self[- ]signed certificate|unable to (verify|get (local )?issuer)/i,
    " (--tls-ca is not the authority of the server's certificate)",
  ],
  [/certificate (has expired|is not yet valid)/i, ' (that of the server)'],
  [/does not match certificate's altnames/i, " (--tls-server-name names one of the server's certificate)"],
  [
    /wrong version number|packet length too long/i,
    ' (a server without TLS? then give no --tls-ca and no --tls)',
  ],
];

/** Runs with a connection, and closes it. An interruption ends its calls. */
export async function withClient<T>(
  options: ServerOption,
  { interruption: { signal }, profile, io }: Pick<Context, 'interruption' | 'profile' | 'io'>,
  run: (client: StowkenClient) => Promise<T>,
): Promise<T> {
  const chosen = await resolveConnection(options, profile(), io.env);
  const client = open({ ...chosen, signal });
  try {
    return await run(client);
  } catch (error) {
    if (!isUnreachable(error) || error.reason !== undefined) throw error;
    const hint = hintFor(error.message, chosen.tls);
    throw new CommandFailure(`no server answers at ${chosen.server}: ${error.message}${hint}`);
  } finally {
    client.close();
  }
}

/** Returns what to do about a handshake that failed, where the words of OpenSSL and Node show it. */
function hintFor(message: string, tls: ConnectOptions['tls']): string {
  if (nobodyThere.test(message)) return '';
  if (tls === undefined || tls === false) return ' (for a server with TLS, give --tls-ca or --tls)';
  const known = handshakes.find(([words]) => words.test(message))?.[1];
  if (known !== undefined) return known;
  // A server may close the connection before its words are read.
  if (!message.startsWith('No connection established')) return '';
  const hasCertificate = typeof tls === 'object' && tls.cert !== undefined;
  return hasCertificate
    ? ' (perhaps the server refuses --cert)'
    : ' (perhaps the server asks for a certificate: --cert and --key)';
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

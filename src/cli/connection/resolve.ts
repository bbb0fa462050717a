import { readFileSync } from 'node:fs';
import { type ClientTls, type ConnectOptions, parseAddress } from '../../client/index.js';
import { UsageError } from '../context.js';
import { describeFileError } from '../errors.js';
import { defaultServer, type ServerOption } from './options.js';
import type { Profile } from './profile.js';

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Finds how to connect: each setting comes from its option, else from the environment, else from the profile,
 * else it has its default.
 * @throws UsageError that names the source of a wrong value
 */
export async function resolveConnection(
  options: ServerOption,
  profileName: string | undefined,
  env: Environment,
): Promise<ConnectOptions & { readonly server: string }> {
  const name = profileName ?? (env['STOWKEN_PROFILE'] || undefined);
  const profile = name === undefined ? {} : (await import('./profile.js')).readProfile(name, env);
  const vault = options.vault ?? (env['STOWKEN_VAULT'] || profile.vault);
  const tls = tlsOf(options, profile, env);
  const token = tokenOf(options, profile, env);
  return {
    server: serverOf(options, profile, env),
    ...(vault !== undefined && { vault }),
    ...(tls !== undefined && { tls }),
    ...(token !== undefined && { token }),
  };
}

function serverOf({ server }: ServerOption, profile: Profile, env: Environment): string {
  if (server !== undefined) return server;
  const ofEnvironment = env['STOWKEN_SERVER'] || undefined;
  try {
    return parseAddress(ofEnvironment ?? profile.server ?? defaultServer);
  } catch (error) {
    const source = ofEnvironment === undefined ? 'the profile' : 'STOWKEN_SERVER';
    throw new UsageError(`the server's address (${source}): ${(error as RangeError).message}`);
  }
}

function tlsOf(options: ServerOption, profile: Profile, env: Environment): ClientTls | undefined {
  const ca = options.tlsCa ?? (env['STOWKEN_TLS_CA'] || profile.tlsCa);
  const cert = options.cert ?? (env['STOWKEN_CERT'] || profile.cert);
  const key = options.key ?? (env['STOWKEN_KEY'] || profile.key);
  const serverName = options.tlsServerName ?? (env['STOWKEN_TLS_SERVER_NAME'] || profile.tlsServerName);
  if ((cert === undefined) !== (key === undefined))
    throw new UsageError('--cert and --key go together: a certificate, and its private key');
  const isWanted = options.tls === true || profile.tls === true || ca !== undefined || cert !== undefined;
  if (!isWanted) {
    if (options.tlsServerName === undefined) return undefined;
    throw new UsageError(
      '--tls-server-name needs --tls-ca or --tls: without them the server has no certificate',
    );
  }
  return {
    ...(ca !== undefined && { ca: read(ca, 'tls-ca') }),
    ...(serverName !== undefined && { serverName }),
    ...(cert !== undefined && key !== undefined && { cert: read(cert, 'cert'), key: read(key, 'key') }),
  };
}

function tokenOf(options: ServerOption, profile: Profile, env: Environment): string | undefined {
  if (options.token !== undefined && options.tokenFile !== undefined)
    throw new UsageError('--token and --token-file are two tokens: give one');
  if (options.token !== undefined) return options.token;
  if (options.tokenFile !== undefined) return readToken(options.tokenFile);
  const ofEnvironment = env['STOWKEN_TOKEN'];
  if (ofEnvironment) return ofEnvironment.trim();
  return profile.tokenFile === undefined ? undefined : readToken(profile.tokenFile);
}

/** Reads a file with one token. What is in the file is never shown. */
function readToken(file: string): string {
  const token = read(file, 'token-file').trim();
  if (/^[\x21-\x7e]+$/.test(token)) return token;
  const why =
    token === '' ? 'is empty' : "has more than one token; the server's own file of tokens is not for clients";
  throw new UsageError(`${file} ${why}`);
}

/** Reads a file of a setting, which an option, the environment or a profile names. */
function read(file: string, setting: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const words = describeFileError(error as Error, file) ?? (error as Error).message;
    throw new UsageError(`${file} cannot be read, which the setting ${setting} names: ${words}`);
  }
}

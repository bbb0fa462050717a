import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { UsageError } from '../context.js';
import { describeFileError } from '../errors.js';

/** Connection settings under a name, so that nobody types them twice. Secrets are named by their files. */
export interface Profile {
  readonly server?: string | undefined;
  readonly vault?: string | undefined;
  readonly tls?: boolean | undefined;
  readonly tlsCa?: string | undefined;
  readonly tlsServerName?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  readonly tokenFile?: string | undefined;
}

const text = z.string().min(1).optional();
const profile = z.strictObject({
  server: text,
  vault: text,
  tls: z.boolean().optional(),
  'tls-ca': text,
  'tls-server-name': text,
  cert: text,
  key: text,
  'token-file': text,
});
const profiles = z.record(z.string(), profile);

type Environment = Readonly<Record<string, string | undefined>>;

/** Returns the file of profiles: $STOWKEN_PROFILES, or profiles.yaml in the user's folder of settings. */
function profilesFile(env: Environment): string {
  if (env['STOWKEN_PROFILES']) return env['STOWKEN_PROFILES'];
  const settings = env['XDG_CONFIG_HOME'] || join(env['HOME'] || homedir(), '.config');
  return join(settings, 'stowken', 'profiles.yaml');
}

/**
 * Reads a profile. Names of files in it are relative to the file of profiles.
 * @throws UsageError if there is no such profile, or something in the file is not as it should be
 */
export function readProfile(name: string, env: Environment): Profile {
  const file = profilesFile(env);
  const found = readProfiles(file, name);
  const chosen = found[name];
  if (chosen === undefined || !Object.hasOwn(found, name)) {
    const known = Object.keys(found).join(', ') || 'none';
    throw new UsageError(`${file} has no profile ${JSON.stringify(name)}; it has ${known}`);
  }
  const from = (path: string | undefined) => (path === undefined ? undefined : resolve(dirname(file), path));
  return {
    server: chosen.server,
    vault: chosen.vault,
    tls: chosen.tls,
    tlsCa: from(chosen['tls-ca']),
    tlsServerName: chosen['tls-server-name'],
    cert: from(chosen.cert),
    key: from(chosen.key),
    tokenFile: from(chosen['token-file']),
  };
}

function readProfiles(file: string, name: string): z.output<typeof profiles> {
  let content: unknown;
  try {
    content = parse(readFileSync(file, 'utf8'), { maxAliasCount: 0 });
  } catch (error) {
    const words = describeFileError(error as Error, file);
    if (words === undefined) throw new UsageError(`${file}: ${(error as Error).message.split('\n')[0]}`);
    throw new UsageError(
      `the profile ${JSON.stringify(name)} (--profile or $STOWKEN_PROFILE) is read from ${file}: ${words}; ` +
        '$STOWKEN_PROFILES names another file',
    );
  }
  const result = profiles.safeParse(content ?? {});
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new UsageError(
    `${file}: ${issue?.path.map(String).join('.') ?? ''}: ${issue?.message ?? 'is not valid'}`,
  );
}

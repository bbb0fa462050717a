import { countOf } from '../model/index.js';
import { stat } from 'node:fs/promises';
import {
  type AccessOptions,
  checkAccess,
  jwksUrl,
  type JwtOptions,
  loadTokenFile,
  openAccess,
  type TlsOptions,
} from '../identity/index.js';
import { type Finding, ok, problem, warning } from './finding.js';

const fetchWaitMs = 10_000;

/** Checks the files that say who may call. */
export async function examineCallers(
  { identity }: AccessOptions,
  tls: TlsOptions | undefined,
  nowMs: number,
): Promise<Finding[]> {
  if (identity === undefined && (tls?.clientCaFile === undefined || tls.clientCertOptional))
    return [
      warning(
        'callers',
        'nobody is asked who they are: all who can connect may do everything',
        '--token-file',
      ),
    ];
  const { tokenFile, jwt } = identity ?? {};
  return [
    ...(tokenFile === undefined ? [] : await tokenFindings(tokenFile, nowMs)),
    ...(jwt === undefined ? [] : [await keysFinding(jwt)]),
  ];
}

async function tokenFindings(file: string, nowMs: number): Promise<Finding[]> {
  const check = 'tokens';
  try {
    const { readTokenFile } = await loadTokenFile();
    const { tokens, certificates } = await readTokenFile(file);
    const expired = tokens.filter(({ expiresMs = Infinity }) => expiresMs <= nowMs);
    const { mode } = await stat(file);
    const good = tokens.length - expired.length + certificates.length;
    const create = `stowken token create --file ${file} --name NAME --rights read,write`;
    return [
      good === 0
        ? warning(check, `${file} lets nobody in`, create)
        : ok(
            check,
            `${file} has ${countOf(tokens.length, 'token')} and ${countOf(certificates.length, 'certificate')}`,
          ),
      ...expired.map(({ name }) =>
        warning(check, `the token ${name} has expired`, `stowken token revoke --file ${file} --name ${name}`),
      ),
      ...((mode & 0o022) === 0
        ? []
        : [problem(check, `others can write ${file}, and so let anybody in`, `chmod 600 ${file}`)]),
    ];
  } catch (error) {
    return [problem(check, (error as Error).message, 'see "Who calls" in docs/security.md')];
  }
}

/** Keys in a file are read at the start; those of an address are fetched when they are needed. */
async function keysFinding(jwt: JwtOptions): Promise<Finding> {
  const { jwks } = jwt;
  const check = 'jwt keys';
  const url = jwksUrl(jwks);
  try {
    if (url === undefined) {
      await checkAccess(undefined, { ...openAccess, identity: { jwt } });
      return ok(check, `${jwks} has keys`);
    }
    const answer = await fetch(url, { signal: AbortSignal.timeout(fetchWaitMs) });
    const { keys } = (await answer.json()) as { keys?: unknown[] };
    if (!answer.ok || !Array.isArray(keys)) throw new Error(`the answer has no keys (${answer.status})`);
    return ok(check, `${jwks} has ${countOf(keys.length, 'key')}`);
  } catch (error) {
    return problem(
      check,
      `${jwks}: ${(error as Error).message}`,
      'calls with JWTs are refused until it answers',
    );
  }
}

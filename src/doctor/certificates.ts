import { X509Certificate } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { readTlsMaterial, type TlsOptions } from '../identity/index.js';
import { type Finding, ok, problem, warning } from './finding.js';
import { nextUpdates } from './revocations.js';

const DAY_MS = 24 * 60 * 60 * 1000;
/** Time before its end at which a certificate should be replaced. */
const soonMs = 30 * DAY_MS;
/** Lists of revoked certificates are made more often. */
const soonListMs = DAY_MS;

/** Checks the files of TLS: that they belong together, and their dates. */
export async function examineTls(tls: TlsOptions | undefined, nowMs: number): Promise<Finding[]> {
  if (tls === undefined) return [ok('tls', 'off: only callers on this machine may connect')];
  const { certFile, keyFile, clientCaFile, crlFile } = tls;
  try {
    await readTlsMaterial(tls);
  } catch (error) {
    return [problem('tls', (error as Error).message, 'see "TLS" in docs/security.md')];
  }
  return [
    ...(await datesOf('certificate', certFile, nowMs)),
    ...(await namesOf(certFile)),
    ...(await keyFinding(keyFile)),
    ...(clientCaFile === undefined ? [] : await datesOf('client ca', clientCaFile, nowMs)),
    ...(crlFile === undefined ? [] : await listFindings(crlFile, nowMs)),
  ];
}

/** Checks the dates of every certificate in a file. */
async function datesOf(check: string, file: string, nowMs: number): Promise<Finding[]> {
  const blocks = (await readFile(file, 'latin1')).match(
    /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g,
  );
  return (blocks ?? []).map((pem) => {
    const { subject, validFrom, validTo } = new X509Certificate(pem);
    const name = `${file}: ${subject.split('\n').join(',')}`;
    const mend = 'put a new one in its place: the server reads it without a restart';
    if (Date.parse(validFrom) > nowMs)
      return problem(check, `${name} is valid from ${validFrom} on`, 'set the clock, or wait');
    const leftMs = Date.parse(validTo) - nowMs;
    if (leftMs <= 0) return problem(check, `${name} was valid until ${validTo}`, mend);
    if (leftMs < soonMs) return warning(check, `${name} is valid until ${validTo}`, mend);
    return ok(check, `${name} is valid until ${validTo}`);
  });
}

async function namesOf(file: string): Promise<Finding[]> {
  const { subjectAltName } = new X509Certificate(await readFile(file, 'latin1'));
  if (subjectAltName === undefined)
    return [
      problem(
        'certificate',
        `${file} has no alternative names, and clients look at nothing else`,
        'make it again with subjectAltName=DNS:HOST',
      ),
    ];
  return [ok('certificate', `clients must know the server as one of: ${subjectAltName}`)];
}

async function keyFinding(file: string): Promise<Finding[]> {
  const { mode } = await stat(file);
  if ((mode & 0o027) === 0) return [ok('key', `${file} is closed to others`)];
  return [
    warning('key', `${file} is open to others (mode ${(mode & 0o777).toString(8)})`, `chmod 600 ${file}`),
  ];
}

async function listFindings(file: string, nowMs: number): Promise<Finding[]> {
  const check = 'revocations';
  const mend = `put a new list into ${file}: until then clients with certificates are refused`;
  try {
    return nextUpdates(await readFile(file, 'latin1')).map((atMs) => {
      if (atMs === undefined) return ok(check, `${file} has no time of a next list`);
      const message = `${file}: the next list is due at ${new Date(atMs).toISOString()}`;
      if (atMs <= nowMs) return problem(check, message, mend);
      return atMs - nowMs < soonListMs ? warning(check, message, mend) : ok(check, message);
    });
  } catch (error) {
    return [problem(check, `${file}: ${(error as Error).message}`, mend)];
  }
}

import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createSecureContext, type SecureContextOptions } from 'node:tls';

export const tlsVersions = ['1.2', '1.3'] as const;

/** Files and rules of a server's TLS. They are plain values: workers receive them from their primary. */
export interface TlsOptions {
  /** PEM of the server's certificate, followed by those of the authorities between it and the root. */
  readonly certFile: string;
  /** PEM of its private key. */
  readonly keyFile: string;
  readonly minVersion: (typeof tlsVersions)[number];
  /** PEM of the authorities that sign certificates of clients. If absent, clients are not asked for one. */
  readonly clientCaFile?: string;
  /** PEM of the lists of revoked certificates of those authorities. */
  readonly crlFile?: string;
  /** True if clients may connect without a certificate; one that is presented must be valid all the same. */
  readonly clientCertOptional: boolean;
}

/** Content of the files of TlsOptions, checked. */
export interface TlsMaterial {
  readonly context: SecureContextOptions;
  /** Content of the files that decide which clients are trusted. */
  readonly trust: string;
  readonly certificate: X509Certificate;
}

/** Returns the files that TLS is made of. */
export function tlsFiles({ certFile, keyFile, clientCaFile, crlFile }: TlsOptions): string[] {
  return [certFile, keyFile, clientCaFile, crlFile].filter((file) => file !== undefined);
}

/**
 * Reads and checks the files.
 * @throws Error that names the file: it cannot be read, is no PEM, or the key is of another certificate
 */
export async function readTlsMaterial(options: TlsOptions): Promise<TlsMaterial> {
  const [cert, key, ca, crl] = await Promise.all(
    [options.certFile, options.keyFile, options.clientCaFile, options.crlFile].map(read),
  );
  const certificate = certificateOf(options.certFile, cert!);
  const context: SecureContextOptions = {
    cert: cert!,
    key: key!,
    minVersion: `TLSv${options.minVersion}`,
    ...(ca !== undefined && { ca: [...parts(ca, 'CERTIFICATE', options.clientCaFile!)] }),
    ...(crl !== undefined && { crl: [...parts(crl, 'X509 CRL', options.crlFile!)] }),
  };
  if (!certificate.checkPrivateKey(keyOf(options.keyFile, key!)))
    throw new Error(`${options.keyFile} is not the private key of ${options.certFile}`);
  check(options.certFile, { key: key!, cert: cert! });
  if (ca !== undefined) check(options.clientCaFile!, { ca: context.ca! });
  if (crl !== undefined) check(options.crlFile!, { crl: context.crl! });
  return { context, trust: `${ca ?? ''}\0${crl ?? ''}`, certificate };
}

/**
 * Returns the end of the server's certificate as its file has it, since 1970; undefined if it cannot be read.
 */
export async function certificateEndMs({
  certFile,
}: Pick<TlsOptions, 'certFile'>): Promise<number | undefined> {
  try {
    return Date.parse(certificateOf(certFile, await readFile(certFile, 'latin1')).validTo);
  } catch {
    return undefined;
  }
}

async function read(file: string | undefined): Promise<string | undefined> {
  if (file === undefined) return undefined;
  try {
    return await readFile(file, 'latin1');
  } catch (error) {
    throw new Error(`${file} cannot be read: ${(error as Error).message}`, { cause: error });
  }
}

function certificateOf(file: string, pem: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (error) {
    throw new Error(`${file} has no certificate in PEM: ${(error as Error).message}`, { cause: error });
  }
}

function keyOf(file: string, pem: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch (error) {
    throw new Error(`${file} has no private key in PEM that needs no passphrase`, { cause: error });
  }
}

/**
 * Splits a file into its PEM blocks: of a text with several lists of revoked certificates, Node reads one.
 */
function parts(text: string, label: string, file: string): string[] {
  const found = text.match(new RegExp(`-----BEGIN ${label}-----[^-]*-----END ${label}-----`, 'g'));
  if (found === null) throw new Error(`${file} has no "${label}" in PEM`);
  return found;
}

function check(file: string, options: SecureContextOptions): void {
  try {
    createSecureContext(options);
  } catch (error) {
    throw new Error(`${file} cannot be used: ${(error as Error).message}`, { cause: error });
  }
}

import 'reflect-metadata';
import { randomBytes, webcrypto } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import * as x509 from '@peculiar/x509';

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const dayMs = 24 * 60 * 60 * 1000;

/** A certificate with its private key, in PEM. */
export interface Certified {
  readonly cert: string;
  readonly key: string;
  readonly serial: string;
}

export interface CertificateWish {
  /** Subject, such as "O=Example, CN=ci". */
  readonly subject: string;
  readonly dns?: readonly string[];
  readonly ip?: readonly string[];
  readonly uri?: readonly string[];
  readonly validFromMs?: number;
  readonly validToMs?: number;
}

/** An authority of a test, which signs certificates of servers and of clients. */
export class Authority {
  private constructor(
    private readonly certificate: x509.X509Certificate,
    private readonly keys: webcrypto.CryptoKeyPair,
  ) {}

  static async create(name: string): Promise<Authority> {
    const keys = await makeKeys();
    const certificate = await x509.X509CertificateGenerator.createSelfSigned({
      name: `CN=${name}`,
      serialNumber: makeSerial(),
      notBefore: new Date(Date.now() - dayMs),
      notAfter: new Date(Date.now() + 30 * dayMs),
      keys,
      signingAlgorithm: algorithm,
      extensions: [
        new x509.BasicConstraintsExtension(true, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
        await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      ],
    });
    return new Authority(certificate, keys);
  }

  get pem(): string {
    return `${this.certificate.toString('pem')}\n`;
  }

  async issue(wish: CertificateWish): Promise<Certified> {
    const keys = await makeKeys();
    const serial = makeSerial();
    const names = [
      ...(wish.dns ?? []).map((value) => ({ type: 'dns' as const, value })),
      ...(wish.ip ?? []).map((value) => ({ type: 'ip' as const, value })),
      ...(wish.uri ?? []).map((value) => ({ type: 'url' as const, value })),
    ];
    const certificate = await x509.X509CertificateGenerator.create({
      serialNumber: serial,
      subject: wish.subject,
      issuer: this.certificate.subject,
      notBefore: new Date(wish.validFromMs ?? Date.now() - dayMs),
      notAfter: new Date(wish.validToMs ?? Date.now() + dayMs),
      signingKey: this.keys.privateKey,
      publicKey: keys.publicKey,
      signingAlgorithm: algorithm,
      extensions: [
        ...(names.length > 0 ? [new x509.SubjectAlternativeNameExtension(names)] : []),
        await x509.AuthorityKeyIdentifierExtension.create(this.keys.publicKey),
      ],
    });
    const pkcs8 = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey);
    const key = x509.PemConverter.encode(pkcs8, 'PRIVATE KEY');
    return { cert: `${certificate.toString('pem')}\n`, key: `${key}\n`, serial };
  }

  /** Makes the list of revoked certificates. */
  async revoke(...serials: readonly string[]): Promise<string> {
    const list = await x509.X509CrlGenerator.create({
      issuer: this.certificate.subject,
      thisUpdate: new Date(Date.now() - dayMs),
      nextUpdate: new Date(Date.now() + dayMs),
      entries: serials.map((serialNumber) => ({
        serialNumber,
        revocationDate: new Date(Date.now() - dayMs),
      })),
      signingKey: this.keys.privateKey,
      signingAlgorithm: algorithm,
      extensions: [await x509.AuthorityKeyIdentifierExtension.create(this.keys.publicKey)],
    });
    return `${x509.PemConverter.encode(list.rawData, 'X509 CRL')}\n`;
  }
}

/** Issues a certificate of a server on 127.0.0.1. */
export function issueForLoopback(authority: Authority): Promise<Certified> {
  return authority.issue({ subject: 'CN=stowken', ip: ['127.0.0.1'], dns: ['localhost'] });
}

export function writeFiles(files: Readonly<Record<string, string>>): void {
  for (const [file, content] of Object.entries(files)) writeFileSync(file, content);
}

function makeKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
}

/** A positive number in hex: its first bit is not set. */
function makeSerial(): string {
  const bytes = randomBytes(12);
  bytes[0] = (bytes[0]! & 0x7f) | 0x40;
  return bytes.toString('hex');
}

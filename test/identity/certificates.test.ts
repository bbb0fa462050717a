import { X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Authenticator } from '../../src/identity/authenticator.js';
import { readClientCertificate } from '../../src/identity/index.js';
import { Authority, type CertificateWish } from '../support/certificates.js';

const folder = mkdtempSync(join(tmpdir(), 'stowken-certificates-'));
afterAll(() => rmSync(folder, { recursive: true }));
const file = join(folder, 'tokens.yaml');
const grants = `
    grants: [{ rights: [read], vaults: ['*'] }]`;

let authority: Authority;
let authenticator: Authenticator;
beforeAll(async () => {
  authority = await Authority.create('clients');
  writeFileSync(
    file,
    `certificates:
  - name: by-subject
    subject: O=Example,CN=ci${grants}
  - name: by-uri
    san: URI:spiffe://example.com/ci${grants}
  - name: by-dns
    san: DNS:ci.example.com${grants}
`,
  );
  authenticator = await Authenticator.open({ tokenFile: file }, pino({ level: 'silent' }));
});
afterAll(() => authenticator.close());

async function identify(wish: CertificateWish, authorization?: string) {
  const { cert } = await authority.issue(wish);
  const certificate = readClientCertificate(new X509Certificate(cert));
  return authenticator.identify({ authorization, certificate });
}

describe('a certificate of a client', () => {
  it.each([
    ['by-subject', { subject: 'O=Example, CN=ci' }],
    ['by-subject', { subject: 'CN=ci, O=Example' }],
    ['by-uri', { subject: 'CN=x', uri: ['spiffe://example.com/ci'] }],
    ['by-dns', { subject: 'CN=x', dns: ['other.example.com', 'ci.example.com'] }],
  ])('is %s', async (name, wish) => {
    expect((await identify(wish)).name).toBe(name);
  });

  it.each([
    ['another subject', { subject: 'O=Example, CN=cis' }],
    ['half a subject', { subject: 'CN=ci' }],
    ['more than a subject', { subject: 'O=Example, CN=ci, OU=other' }],
    ['a subject that has a comma in a value', { subject: 'O=Example\\,CN\\=ci' }],
    ['another name', { subject: 'CN=x', dns: ['xci.example.com'] }],
    ['a name of another kind', { subject: 'CN=x', dns: ['spiffe://example.com/ci'] }],
    ['a name that has another one in it', { subject: 'CN=x', uri: ['http://a/, DNS:ci.example.com'] }],
  ])('with %s is refused', async (_what, wish) => {
    await expect(identify(wish)).rejects.toMatchObject({ reason: 'UNAUTHENTICATED' });
  });

  it('that has expired since the connection began is refused', async () => {
    const wish = { subject: 'O=Example, CN=ci', validToMs: Date.now() - 1000 };
    await expect(identify(wish)).rejects.toMatchObject({ reason: 'UNAUTHENTICATED' });
  });

  it('does not stand in for a token that is not valid', async () => {
    const known = { subject: 'O=Example, CN=ci' };
    for (const authorization of ['Bearer x', 'Bearer', 'Basic eDp5', '', `Bearer ${'x'.repeat(9000)}`])
      await expect(identify(known, authorization)).rejects.toMatchObject({ reason: 'UNAUTHENTICATED' });
  });
});

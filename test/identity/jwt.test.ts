import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT, UnsecuredJWT } from 'jose';
import pino from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Authenticator } from '../../src/identity/authenticator.js';
import { checkAccess, type Identity, type JwtOptions } from '../../src/identity/index.js';
import { limits } from '../../src/model/index.js';
import { eventually } from '../support/wait.js';

const folder = mkdtempSync(join(tmpdir(), 'stowken-jwt-'));
afterAll(() => rmSync(folder, { recursive: true }));
const file = join(folder, 'keys.json');
const options: JwtOptions = {
  jwks: file,
  issuer: 'https://issuer.example.com',
  audience: 'stowken',
  clockSkewMs: 30_000,
  rightsClaim: 'rights',
  vaultsClaim: 'vaults',
};

type Key = Awaited<ReturnType<typeof makeKey>>;

async function makeKey(kid: string, alg = 'ES256') {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
  return { kid, alg, privateKey, jwk: { ...(await exportJWK(publicKey)), kid, alg } };
}

const keySet = (...keys: readonly Key[]) => JSON.stringify({ keys: keys.map(({ jwk }) => jwk) });
const nowS = () => Math.floor(Date.now() / 1000);
const usual = (): JWTPayload => ({
  iss: options.issuer,
  aud: options.audience,
  sub: 'agent-7',
  iat: nowS(),
  exp: nowS() + 600,
  rights: ['read', 'stowken:write', 'profile'],
  vaults: 'team-a team-b-*',
});

const sign = ({ privateKey, kid, alg }: Key, claims: object) =>
  new SignJWT(claims as JWTPayload).setProtectedHeader({ alg, kid }).sign(privateKey);

let key: Key;
let other: Key;
let authenticator: Authenticator;
const lines: string[] = [];
const logger = pino({ level: 'debug' }, { write: (line) => void lines.push(line) });

const open = async (changes: Partial<JwtOptions> = {}) => {
  authenticator = await Authenticator.open({ jwt: { ...options, ...changes } }, logger);
};
const identify = async (token: string): Promise<Identity> =>
  authenticator.identify({ authorization: `Bearer ${token}`, certificate: undefined });
const refused = expect.objectContaining({ reason: 'UNAUTHENTICATED' }) as Error;

beforeAll(async () => {
  key = await makeKey('one');
  other = await makeKey('two');
});
beforeEach(() => writeFileSync(file, keySet(key)));
afterEach(() => authenticator.close());

describe('a JSON Web Token', () => {
  it('has the rights of its claims, for the vaults of its claims', async () => {
    await open();
    const identity = await identify(await sign(key, usual()));
    expect(identity.name).toBe('agent-7');
    const allowed = ['team-a', 'team-b-1', 'team-ab', 'default'].map((vault) =>
      identity.may(['read', 'write'], vault),
    );
    expect(allowed).toEqual([true, true, false, false]);
    expect(identity.may(['delete'], 'team-a')).toBe(false);
  });

  it.each([
    ['no vaults', { vaults: undefined }],
    ['no rights', { rights: undefined }],
    ['rights that are no texts', { rights: [1, { read: true }] }],
    ['a vault that is no pattern', { vaults: ['../team-a', 'team-*-a'] }],
  ])('with %s may do nothing', async (_what, claims) => {
    await open();
    const identity = await identify(await sign(key, { ...usual(), ...claims }));
    for (const vault of ['team-a', 'default', '../team-a']) expect(identity.may(['read'], vault)).toBe(false);
  });

  it.each([
    ['that has expired', () => ({ exp: nowS() - 31 })],
    ['that is of the future', () => ({ nbf: nowS() + 60 })],
    ['that was issued in the future', () => ({ iat: nowS() + 60 })],
    ['that never expires', () => ({ exp: undefined })],
    ['without a subject', () => ({ sub: undefined })],
    ['for another audience', () => ({ aud: 'other' })],
    ['for no audience', () => ({ aud: undefined })],
    ['of another issuer', () => ({ iss: 'https://other.example.com' })],
  ])('%s is refused', async (_what, claims) => {
    await open();
    await expect(identify(await sign(key, { ...usual(), ...claims() }))).rejects.toEqual(refused);
  });

  it('may be off by the clock skew', async () => {
    await open();
    expect(await identify(await sign(key, { ...usual(), exp: nowS() - 5, iat: nowS() + 5 }))).toBeDefined();
  });

  it('that is not signed, or signed with something else, is refused', async () => {
    await open();
    const signed = await sign(key, usual());
    const [head, body, signature] = signed.split('.') as [string, string, string];
    const altered = Buffer.from(JSON.stringify({ ...usual(), vaults: '*' })).toString('base64url');
    const none = Buffer.from(JSON.stringify({ alg: 'none', kid: 'one' })).toString('base64url');
    // The public key as the secret of an HMAC: whoever has the key set could make it.
    const secret = Buffer.from(JSON.stringify(key.jwk));
    const hmac = await new SignJWT(usual()).setProtectedHeader({ alg: 'HS256', kid: 'one' }).sign(secret);
    const tokens = [
      await sign(other, usual()),
      await sign({ ...other, kid: 'one' }, usual()),
      `${head}.${altered}.${signature}`,
      `${head}.${body}.`,
      `${none}.${body}.`,
      `${none}.${body}.${signature}`,
      new UnsecuredJWT(usual()).encode(),
      hmac,
      'a.b.c',
      '..',
    ];
    for (const token of tokens) await expect(identify(token)).rejects.toEqual(refused);
    expect(await identify(signed)).toBeDefined();
  });

  it('is not in the log', async () => {
    lines.length = 0;
    await open();
    const token = await sign(other, usual());
    await expect(identify(token)).rejects.toEqual(refused);
    expect(lines.join('')).toContain('a JWT could not be verified');
    for (const part of token.split('.')) expect(lines.join('')).not.toContain(part);
  });

  it('is remembered for a while, but not beyond its end', async () => {
    await open();
    const nowMs = Date.now();
    const token = await sign(key, { ...usual(), exp: nowS() + 10 });
    const at = async (ms: number) =>
      authenticator.identify({ authorization: `Bearer ${token}`, certificate: undefined }, ms);
    const first = await at(nowMs);
    expect(authenticator.identify({ authorization: `Bearer ${token}`, certificate: undefined }, nowMs)).toBe(
      first,
    );
    await expect(at(nowMs + 10_000 + options.clockSkewMs + 1000)).rejects.toEqual(refused);
  });
});

describe('a file of keys', () => {
  it('is read again: the tokens of a key that was taken out are refused, also those that are remembered', async () => {
    await open();
    const [first, second] = [await sign(key, usual()), await sign(other, usual())];
    expect(await identify(first)).toBeDefined();
    writeFileSync(file, keySet(other));
    await eventually(() => expect(identify(second)).resolves.toBeDefined());
    await expect(identify(first)).rejects.toEqual(refused);
  });

  it('that is damaged later changes nothing', async () => {
    lines.length = 0;
    await open();
    writeFileSync(file, '{"keys": [');
    await eventually(() => expect(lines.join('')).toContain('the former keys stay'));
    expect(await identify(await sign(key, usual()))).toBeDefined();
  });

  it.each([
    ['no JSON', 'secret-text', /is not JSON/],
    ['no keys', '{"keys": []}', /has no keys/],
    ['no key set', '{}', /not a JSON Web Key Set/],
    [
      'a secret',
      JSON.stringify({ keys: [{ kty: 'oct', k: 'c2VjcmV0', kid: 'one' }] }),
      /secret or a private key/,
    ],
  ])('with %s is refused at the start', async (_what, content, message) => {
    await open();
    writeFileSync(file, content);
    const access = { identity: { jwt: options }, openHealth: true, openReflection: true };
    const error = await checkAccess(undefined, access).then(
      () => new Error('none'),
      (failure: Error) => failure,
    );
    expect(error.message).toMatch(message);
    expect(error.message).not.toContain('secret-text');
    expect(error.message).toContain(file);
  });
});

describe('an address of keys', () => {
  let http: Server;
  let answer: { status: number; body: string };
  let asked = 0;
  beforeEach(async () => {
    asked = 0;
    answer = { status: 200, body: keySet(key) };
    http = createServer((_request, response) => {
      asked += 1;
      response.writeHead(answer.status, { 'content-type': 'application/json', location: '/elsewhere' });
      response.end(answer.body);
    });
    http.listen(0, '127.0.0.1');
    await once(http, 'listening');
    await open({ jwks: `http://127.0.0.1:${(http.address() as AddressInfo).port}/keys` });
  });
  afterEach(() => http.close());

  it('is asked once for many tokens', async () => {
    for (let count = 0; count < 5; count++)
      expect(await identify(await sign(key, { ...usual(), jti: String(count) }))).toBeDefined();
    expect(asked).toBe(1);
    // A key that is unknown is looked for, but not again and again.
    for (let count = 0; count < 5; count++)
      await expect(identify(await sign(other, usual()))).rejects.toEqual(refused);
    expect(asked).toBeLessThanOrEqual(2);
    expect(limits.jwksCooldownMs).toBeGreaterThan(1000);
  });

  it('that goes on answering without end is given up after a few bytes', async () => {
    http.removeAllListeners('request');
    let sentBytes = 0;
    const closed = new Promise<void>((resolve) => {
      http.on('request', (_request, response) => {
        response.on('close', resolve).on('error', () => undefined);
        const more = (): void => {
          sentBytes += 65_536;
          response.write(' '.repeat(65_536), (error) => void (error ?? setImmediate(more)));
        };
        more();
      });
    });
    await expect(identify(await sign(key, usual()))).rejects.toMatchObject({
      reason: 'IDENTITY_UNAVAILABLE',
    });
    await closed;
    // Bytes that wait in the buffers of both sides are sent too.
    expect(sentBytes).toBeLessThan(limits.jwksBytesMax + 32 * 1024 * 1024);
  });

  it.each([
    ['answers with an error', { status: 500, body: '' }],
    ['leads elsewhere', { status: 302, body: '' }],
    ['answers with something else', { status: 200, body: '<html>' }],
  ])('that %s is no reason to call a token invalid', async (_what, given) => {
    answer = given;
    await expect(identify(await sign(key, usual()))).rejects.toMatchObject({
      reason: 'IDENTITY_UNAVAILABLE',
    });
    answer = { status: 200, body: keySet(key) };
    expect(await identify(await sign(key, usual()))).toBeDefined();
  });
});

import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import type { IncomingHttpHeaders } from 'node:http2';
import { join } from 'node:path';
import { Client, credentials, Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { service as healthMethods } from 'grpc-health-check';
import { exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import type { IdentityOptions, Right } from '../../src/identity/index.js';
import { eventually } from '../support/wait.js';
import { message, refusal, type TestClient } from './support/client.js';
import { frame, Http2Client } from './support/http2.js';
import { startTestServer, type TestServer } from './support/server.js';

const folder = mkdtempSync(join(tmpdir(), 'stowken-standing-'));
afterAll(() => rmSync(folder, { recursive: true }));
const tokenFile = join(folder, 'tokens.json');
const jwks = join(folder, 'keys.json');

let server: TestServer;
let raw: Client;
afterEach(async () => {
  raw.close();
  await server.stop();
});

/** Writes which rights each of these tokens has, by its name. */
function writeTokens(rightsOf: Readonly<Record<string, readonly Right[]>>): void {
  const tokens = Object.entries(rightsOf).map(([name, rights]) => ({
    name,
    sha256: createHash('sha256').update(name).digest('hex'),
    grants: [{ rights, vaults: ['default'] }],
  }));
  writeFileSync(tokenFile, JSON.stringify({ tokens }));
}

async function start(identity: IdentityOptions): Promise<void> {
  server = await startTestServer({}, { access: { identity, openHealth: false, openReflection: false } });
  raw = new Client(server.address, credentials.createInsecure());
}

/** Resolves to the error of a stream, or to the number of messages that came until it ended. */
function endOf(call: AsyncIterable<unknown>): Promise<ServiceError | number> {
  return (async () => {
    let messages = 0;
    for await (const each of call) messages += Number(each !== undefined);
    return messages;
  })().catch((error: unknown) => error as ServiceError);
}

const bearer = (token: string): Metadata => {
  const metadata = new Metadata();
  metadata.set('authorization', `Bearer ${token}`);
  return metadata;
};

function watchHealth(token: string, service = '') {
  const { path, requestSerialize, responseDeserialize } = healthMethods['Watch']!;
  const call = raw.makeServerStreamRequest(
    path,
    requestSerialize,
    responseDeserialize,
    { service },
    bearer(token),
  );
  return { call, ended: endOf(call) };
}

function reflect(token: string) {
  const path = '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo';
  const plain = (bytes: Buffer) => bytes;
  const call = raw.makeBidiStreamRequest(path, plain, plain, bearer(token));
  // list_services: ""
  call.write(Buffer.from([0x3a, 0x00]));
  return { call, ended: endOf(call) };
}

/** Begins to retrieve on a connection of its own, and reads nothing until `ended` is called. */
function retrieve(token: string) {
  const http = new Http2Client(server.address);
  const request = frame(message('stowken.v1.RetrieveConversationRequest').serialize({ id: 'large' }));
  const path = '/stowken.v1.ConversationService/RetrieveConversation';
  const stream = http.open(path, request, { authorization: `Bearer ${token}` });
  const status: IncomingHttpHeaders = {};
  stream.on('trailers', (received: IncomingHttpHeaders) => Object.assign(status, received));
  const ended = async () => {
    let bytes = 0;
    for await (const piece of stream) bytes += (piece as Buffer).length;
    http.destroy();
    return { code: Number(status['grpc-status']), bytes };
  };
  return { ended };
}

/** Stores a conversation of which far more is sent than may wait on the way. */
async function storeLarge(client: TestClient): Promise<void> {
  const { call, response, send } = client.upload('UploadConversation');
  send({ spec: { conversation: { id: 'large', tokenizer: 'o200k_base' } } });
  for (let n = 0; n < 40; n += 1) {
    send({ message: { role: 'user' } });
    const ids = Array.from({ length: 100_000 }, (_, k) => (n * 7919 + k * 31) % 199_000);
    send({ tokens: { tokens: { ids } } });
  }
  send({ finish: { total_tokens: 4_000_000 } });
  call.end();
  await response;
}

const ended = (error: unknown) => refusal(error);
const unauthenticated = expect.objectContaining({
  code: status.UNAUTHENTICATED,
  reason: 'UNAUTHENTICATED',
  details: expect.stringContaining('revoked or has expired') as string,
}) as object;

describe('a stream of a token', () => {
  it('ends when the token is revoked, whatever it is; those of others go on', async () => {
    writeTokens({ goes: ['read', 'write'], stays: ['read', 'write'] });
    await start({ tokenFile });
    const [goes, stays] = [server.client.withToken('goes'), server.client.withToken('stays')];
    await storeLarge(stays);
    const streams = (token: string, client: TestClient) => ({
      health: watchHealth(token),
      vault: watchHealth(token, 'vault/default'),
      reflection: reflect(token),
      upload: client.upload('UploadConversation'),
      retrieval: retrieve(token),
    });
    const open = { goes: streams('goes', goes), stays: streams('stays', stays) };
    for (const { upload } of [open.goes, open.stays]) upload.send({ spec: { conversation: { id: 'new' } } });
    const first = (call: { once(event: 'data', listener: () => void): unknown }) =>
      new Promise<void>((resolve) => void call.once('data', resolve));
    await Promise.all(
      [open.goes, open.stays].flatMap((each) => [first(each.health.call), first(each.reflection.call)]),
    );
    writeTokens({ stays: ['read', 'write'] });
    for (const name of ['health', 'vault', 'reflection'] as const)
      expect(ended(await open.goes[name].ended), name).toEqual(unauthenticated);
    expect(ended(await open.goes.upload.response.catch((error: unknown) => error))).toEqual(unauthenticated);
    // Nothing was read of it until now: what was on the way comes first.
    const refusals = () => server.log.filter(({ reason }) => reason === 'UNAUTHENTICATED').length;
    await eventually(() => expect(refusals()).toBeGreaterThanOrEqual(5));
    const part = await open.goes.retrieval.ended();
    expect(part.code).toBe(status.UNAUTHENTICATED);
    const whole = await open.stays.retrieval.ended();
    expect(whole.code).toBe(status.OK);
    expect(part.bytes).toBeLessThan(whole.bytes / 2);
    open.stays.upload.send({ finish: { total_tokens: 0 } });
    open.stays.upload.call.end();
    await open.stays.upload.response;
    for (const name of ['health', 'vault', 'reflection'] as const) {
      open.stays[name].call.cancel();
      expect(((await open.stays[name].ended) as ServiceError).code).toBe(status.CANCELLED);
    }
  });

  it('ends when the token loses the right that the stream needs', async () => {
    writeTokens({ one: ['read', 'write'] });
    await start({ tokenFile });
    const { response, send } = server.client.withToken('one').upload('UploadConversation');
    const watch = watchHealth('one', 'vault/default');
    send({ spec: { conversation: { id: 'new' } } });
    writeTokens({ one: ['read'] });
    const error = ended(await response.catch((failure: unknown) => failure));
    expect(error).toMatchObject({ code: status.PERMISSION_DENIED, metadata: { right: 'write' } });
    writeFileSync(tokenFile, JSON.stringify({ tokens: [] }));
    expect(ended(await watch.ended)).toEqual(unauthenticated);
  });
});

describe('a stream of a JWT', () => {
  it('ends when the JWT expires, or its key is no longer one of the keys', async () => {
    const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true });
    const keySet = (key: JWK) => JSON.stringify({ keys: [{ ...key, kid: 'a', alg: 'ES256' }] });
    writeFileSync(jwks, keySet(await exportJWK(publicKey)));
    const jwt = {
      jwks,
      issuer: 'i',
      audience: 'a',
      clockSkewMs: 0,
      rightsClaim: 'rights',
      vaultsClaim: 'vaults',
    };
    await start({ jwt });
    const sign = (seconds: number) =>
      new SignJWT({
        rights: ['read'],
        vaults: ['*'],
        iss: 'i',
        aud: 'a',
        sub: 'me',
        exp: Math.ceil(Date.now() / 1000) + seconds,
      })
        .setProtectedHeader({ alg: 'ES256', kid: 'a' })
        .sign(privateKey);
    const [short, long] = [watchHealth(await sign(2)), watchHealth(await sign(600))];
    expect(ended(await short.ended)).toEqual(unauthenticated);
    const other = await generateKeyPair('ES256', { extractable: true });
    writeFileSync(jwks, keySet(await exportJWK(other.publicKey)));
    expect(ended(await long.ended)).toEqual(unauthenticated);
  });
});

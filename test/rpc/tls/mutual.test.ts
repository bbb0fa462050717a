import { writeFileSync } from 'node:fs';
import { Client, credentials, status } from '@grpc/grpc-js';
import { service as healthMethods } from 'grpc-health-check';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { connect } from '../../../src/client/index.js';
import { Authority, type Certified } from '../../support/certificates.js';
import { eventually } from '../../support/wait.js';
import type { TestServer } from '../support/server.js';
import { once, startTlsServer, TlsFolder } from './support.js';

let files: TlsFolder;
let server: TestServer | undefined;
beforeAll(async () => {
  files = await TlsFolder.create();
});
afterAll(() => files.remove());
afterEach(() => server?.stop());

const subject = 'O=Example, CN=ci';
const stats = (client: Pick<Certified, 'cert' | 'key'> | undefined) =>
  once(
    server!.address,
    { ca: files.servers.pem, ...(client && { cert: client.cert, key: client.key }) },
    (each) => each.stats(),
  );
/** Watches the health of the server, which has no end of its own, on a connection with this certificate. */
function watchHealth({ cert, key }: Pick<Certified, 'cert' | 'key'>) {
  const [ca, ...own] = [files.servers.pem, key, cert].map((pem) => Buffer.from(pem));
  const client = new Client(server!.address, credentials.createSsl(ca, ...own));
  const { path, requestSerialize, responseDeserialize } = healthMethods['Watch']!;
  const call = client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, { service: '' });
  const ended = new Promise<void>((resolve) => {
    call.on('data', () => undefined).on('error', () => undefined);
    call.once('status', () => {
      client.close();
      resolve();
    });
  });
  return { ended };
}

const served = expect.objectContaining({ conversations: 0 }) as unknown;
const hourMs = 3_600_000;

describe('a server that asks clients for a certificate', () => {
  it('serves those with a valid one, and closes the connections of others', async () => {
    const revoked = await files.clients.issue({ subject });
    writeFileSync(files.crlFile, await files.clients.revoke(revoked.serial));
    server = await startTlsServer(files.mutual);
    const nowMs = Date.now();
    const others: readonly (Certified | undefined)[] = [
      undefined,
      revoked,
      await files.clients.issue({ subject, validFromMs: nowMs - 2 * hourMs, validToMs: nowMs - hourMs }),
      await files.clients.issue({ subject, validFromMs: nowMs + hourMs }),
      await (await Authority.create('clients')).issue({ subject }),
      await files.servers.issue({ subject }),
    ];
    for (const other of others)
      await expect(stats(other)).rejects.toMatchObject({ code: status.UNAVAILABLE });
    expect(await stats(await files.clients.issue({ subject }))).toEqual(served);
    const reasons = server.log
      .filter(({ msg }) => msg === 'a TLS handshake failed')
      .map(({ reason }) => reason);
    const notValid = ['CERT_REVOKED', 'CERT_HAS_EXPIRED', 'CERT_NOT_YET_VALID'];
    expect(reasons).toEqual(expect.arrayContaining(notValid));
    expect(reasons).not.toContain('ECONNRESET');
  });

  it('lets others in without one where it is optional, but not with an invalid one', async () => {
    server = await startTlsServer({ ...files.mutual, clientCertOptional: true });
    expect(await stats(undefined)).toEqual(served);
    expect(await stats(await files.clients.issue({ subject }))).toEqual(served);
    const foreign = await (await Authority.create('clients')).issue({ subject });
    await expect(stats(foreign)).rejects.toMatchObject({ code: status.UNAVAILABLE });
  });

  it('ends the connection of a certificate that is revoked, and loses no call of others', async () => {
    writeFileSync(files.crlFile, await files.clients.revoke());
    server = await startTlsServer(files.mutual);
    const open = async () => {
      const { cert, key, serial } = await files.clients.issue({ subject });
      const tls = { ca: files.servers.pem, cert, key };
      return {
        serial,
        cert,
        key,
        client: connect({ server: server!.address, tls, retry: { attemptsMax: 1, backoffMs: 0 } }),
      };
    };
    const [stays, goes] = [await open(), await open()];
    expect(await Promise.all([stays.client.stats(), goes.client.stats()])).toEqual([served, served]);
    const watch = watchHealth(goes);
    let isDone = false;
    let calls = 0;
    const load = (async () => {
      for (; !isDone; calls++) await stays.client.stats();
    })();
    try {
      writeFileSync(files.crlFile, await files.clients.revoke(goes.serial));
      await eventually(() => expect(goes.client.stats()).rejects.toMatchObject({ code: status.UNAVAILABLE }));
      await watch.ended;
      const callsBefore = calls;
      await eventually(() => expect(calls).toBeGreaterThan(callsBefore + 50));
    } finally {
      isDone = true;
      await load;
      stays.client.close();
      goes.client.close();
    }
  });
});

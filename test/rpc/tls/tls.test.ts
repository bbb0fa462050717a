import { writeFileSync } from 'node:fs';
import { connect as connectTcp } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { once as event } from 'node:events';
import { status } from '@grpc/grpc-js';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { connect } from '../../../src/client/index.js';
import type { Authority } from '../../support/certificates.js';
import { issueForLoopback } from '../../support/certificates.js';
import { eventually } from '../../support/wait.js';
import { ordinaryIntake } from '../../../src/rpc/index.js';
import { startTestServer, type TestServer } from '../support/server.js';
import { once, startTlsServer, TlsFolder } from './support.js';

let files: TlsFolder;
let server: TestServer;
beforeAll(async () => {
  files = await TlsFolder.create();
});
afterAll(() => files.remove());
afterEach(() => server.stop());

const stats = (tls: Parameters<typeof once>[1]) => once(server.address, tls, (client) => client.stats());
const unavailable = { code: status.UNAVAILABLE };

/** Serial number of the certificate that the server shows now. */
async function shownSerial(): Promise<string> {
  const [host, port] = server.address.split(':');
  const socket = connectTls({
    host: host!,
    port: Number(port),
    ca: files.servers.pem,
    ALPNProtocols: ['h2'],
  });
  try {
    await event(socket, 'secureConnect');
    return socket.getPeerCertificate().serialNumber.toLowerCase();
  } finally {
    socket.destroy();
  }
}

const logged = (message: string) => server.log.filter(({ msg }) => msg === message).length;

describe('a server with TLS', () => {
  it('serves clients that trust its authority, and nobody else', async () => {
    server = await startTlsServer(files.options);
    expect(await stats({ ca: files.servers.pem })).toMatchObject({ conversations: 0 });
    await expect(stats(undefined)).rejects.toMatchObject(unavailable);
    await expect(stats({ ca: files.clients.pem })).rejects.toMatchObject(unavailable);
    await expect(stats({ ca: files.servers.pem, serverName: 'other' })).rejects.toMatchObject(unavailable);
    expect(await stats({ ca: files.servers.pem, serverName: 'localhost' })).toBeDefined();
  });

  it('speaks HTTP/2 only', async () => {
    server = await startTlsServer(files.options);
    const [host, port] = server.address.split(':');
    const where = { host: host!, port: Number(port), ca: files.servers.pem };
    const other = connectTls({ ...where, ALPNProtocols: ['http/1.1'] });
    await expect(event(other, 'secureConnect')).rejects.toThrow(/no application protocol/);
    const none = connectTls(where);
    await event(none, 'secureConnect');
    none.on('error', () => undefined).resume();
    await event(none, 'close');
  });

  it.each([
    ['1.3', 'TLSv1.2', false],
    ['1.3', 'TLSv1.3', true],
    ['1.2', 'TLSv1.2', true],
    ['1.2', 'TLSv1.1', false],
  ] as const)('of version %s at least, asked with %s', async (minVersion, maxVersion, isServed) => {
    server = await startTlsServer({ ...files.options, minVersion });
    const [host, port] = server.address.split(':');
    const ca = files.servers.pem;
    const versions = { minVersion: 'TLSv1' as const, maxVersion, ciphers: 'DEFAULT:@SECLEVEL=0' };
    const socket = connectTls({ host: host!, port: Number(port), ca, ALPNProtocols: ['h2'], ...versions });
    const outcome = event(socket, 'secureConnect').then(
      () => socket.getProtocol(),
      () => undefined,
    );
    expect(await outcome).toBe(isServed ? maxVersion : undefined);
    socket.destroy();
  });

  it('counts connections that do not get on with their handshake', async () => {
    const intake = { ...ordinaryIntake, connectionsMax: 3 };
    server = await startTestServer({}, { tls: files.options, intake });
    const [host, port] = server.address.split(':');
    const open = async () => {
      const socket = connectTcp({ host: host!, port: Number(port) });
      await event(socket, 'connect');
      return socket.on('error', () => undefined).resume();
    };
    const silent = [await open(), await open(), await open()];
    await event(await open(), 'close');
    expect(silent.map(({ closed }) => closed)).toEqual([false, false, false]);
    silent[0]!.destroy();
    // A client that speaks no TLS at all is closed, and makes room too.
    silent[1]!.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
    await event(silent[1]!, 'close');
    await eventually(async () => expect(await stats({ ca: files.servers.pem })).toBeDefined());
    for (const socket of silent) socket.destroy();
  });

  it('takes another certificate while calls go on, and loses none', async () => {
    server = await startTlsServer(files.options);
    const tls = { ca: files.servers.pem };
    const standing = connect({ server: server.address, tls, retry: { attemptsMax: 1, backoffMs: 0 } });
    let isDone = false;
    let calls = 0;
    /** Calls on an open connection, and on one that is opened for each. */
    const load = [
      () => standing.stats(),
      () => standing.list({ pageSize: 1 }).next(),
      () => once(server.address, tls, (client) => client.stats()),
    ].map(async (call) => {
      for (; !isDone; calls++) await call();
    });
    try {
      for (let swap = 1; swap <= 3; swap++) {
        const next = await issueForLoopback(files.servers);
        const callsBefore = calls;
        files.write(next);
        await eventually(async () => expect(await shownSerial()).toBe(next.serial));
        await eventually(() => expect(calls).toBeGreaterThan(callsBefore + 50));
        expect(logged('the TLS files were read again')).toBe(swap);
      }
    } finally {
      isDone = true;
      await Promise.all(load);
      standing.close();
    }
  });

  it.each([
    [
      'a certificate whose key is not there yet',
      async () => files.certFile,
      async (other: Authority) => (await issueForLoopback(other)).cert,
    ],
    [
      'half a certificate',
      async () => files.certFile,
      async (other: Authority) => (await issueForLoopback(other)).cert.slice(0, 300),
    ],
    ['an empty key', async () => files.keyFile, async () => ''],
  ])('keeps what it has for %s, and says so once', async (_what, file, content) => {
    files.write(await issueForLoopback(files.servers));
    server = await startTlsServer(files.options);
    const before = await shownSerial();
    writeFileSync(await file(), await content(files.servers));
    const refusal = 'the TLS files have changed and cannot be used: the former ones stay';
    await eventually(() => expect(logged(refusal)).toBe(1));
    expect(await shownSerial()).toBe(before);
    expect(await stats({ ca: files.servers.pem })).toBeDefined();
    const next = await issueForLoopback(files.servers);
    files.write(next);
    await eventually(async () => expect(await shownSerial()).toBe(next.serial));
    expect(logged(refusal)).toBe(1);
  });
});

import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connect, isClientError } from '../../src/client/index.js';
import { Authority, issueForLoopback, writeFiles } from '../support/certificates.js';
import { stowken } from '../cli/support/stowken.js';
import { startStowken } from '../support/process.js';
import { eventually } from '../support/wait.js';

const main = createRequire(import.meta.url).resolve('#build/programs/main.js');
const folder = mkdtempSync(join(tmpdir(), 'stowken-identity-'));
const inFolder = (name: string) => join(folder, name);
const [cert, key, ca] = [inFolder('server.pem'), inFolder('server.key'), inFolder('ca.pem')];
const [clientCert, clientKey, clientCa] = [inFolder('me.pem'), inFolder('me.key'), inFolder('clients.pem')];

let authority: Authority;
beforeAll(async () => {
  authority = await Authority.create('servers');
  const clients = await Authority.create('clients');
  const me = await clients.issue({ subject: 'CN=me' });
  writeFiles({ [ca]: authority.pem, [clientCa]: clients.pem, [clientCert]: me.cert, [clientKey]: me.key });
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Starts a server whose whole log is kept. */
async function serve(...args: string[]) {
  const flags = ['--listen', '127.0.0.1:0', '--log-level', 'trace', '--tls-cert', cert, '--tls-key', key];
  const child = spawn(process.execPath, [main, 'serve', ...flags, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let log = '';
  child.stderr.on('data', (chunk) => (log += String(chunk)));
  const exited = once(child, 'exit');
  for await (const line of createInterface({ input: child.stdout })) {
    const address = /listening on (\S+)/.exec(line)?.[1];
    if (address === undefined) continue;
    const stop = async () => {
      child.kill('SIGTERM');
      return (await exited)[0] as number | null;
    };
    return { address, stop, log: () => log };
  }
  throw new Error(`stowken serve ended before it listened: ${log}`);
}

describe.each([
  ['one process', []],
  ['two workers', ['--workers', '2']],
])('a server of %s with TLS and tokens', (name, workers) => {
  it('loses no call while certificate and tokens are changed, and refuses what was revoked', async () => {
    const tokens = inFolder(`${name}.yaml`);
    const create = async (token: string, rights: string) => {
      const made = await stowken(['token', 'create', '--file', tokens, '--name', token, '--rights', rights]);
      expect(made).toMatchObject({ code: 0, stderr: '' });
      return made.stdout.trim();
    };
    const made = await issueForLoopback(authority);
    writeFiles({ [cert]: made.cert, [key]: made.key });
    const token = await create('standing', 'read,write');
    const data = ['--data', inFolder(name)];
    const server = await serve(...data, '--token-file', tokens, ...workers);
    const tls = { ca: authority.pem };
    const retry = { attemptsMax: 1, backoffMs: 0 };
    const open = (given: string) => connect({ server: server.address, tls, token: given, retry });
    const clients = [open(token), open(token)];
    let isDone = false;
    let calls = 0;
    /** Stores on open connections, and reads on one that is opened for each call. */
    const load = [
      ...clients.map((client, lane) => async (count: number) => {
        await client.store({
          conversation: { id: `${lane}-${count}` },
          messages: [{ role: 'user', tokens: [count] }],
        });
      }),
      async () => {
        const client = open(token);
        await client.stats().finally(() => client.close());
      },
    ].map(async (call) => {
      for (let count = 0; !isDone; count++, calls++) await call(count);
    });
    const more = async () => {
      const before = calls;
      await eventually(() => expect(calls).toBeGreaterThan(before + 40));
    };
    try {
      await more();
      const other = await create('other', 'read');
      const reader = open(other);
      await eventually(async () => expect(await reader.stats()).toBeDefined());
      await expect(reader.store({ messages: [] })).rejects.toMatchObject({ reason: 'PERMISSION_DENIED' });
      const next = await issueForLoopback(authority);
      writeFiles({ [cert]: next.cert, [key]: next.key });
      const processes = workers.length === 0 ? 1 : 2;
      const read = () => server.log().split('the TLS files were read again').length - 1;
      await eventually(() => expect(read()).toBe(processes));
      await more();
      expect(await stowken(['token', 'revoke', '--file', tokens, '--name', 'other'])).toMatchObject({
        code: 0,
      });
      // On each of several connections, so that every worker is asked.
      const readers = Array.from({ length: 4 }, () => open(other));
      await eventually(async () => {
        for (const each of readers)
          expect(await each.stats().catch((error: unknown) => isClientError(error, 'UNAUTHENTICATED'))).toBe(
            true,
          );
      });
      for (const each of [reader, ...readers]) each.close();
      await more();
      const flags = ['--server', server.address, '--tls-ca', ca];
      expect(await stowken(['stats', ...flags], { env: { STOWKEN_TOKEN: token } })).toMatchObject({
        code: 0,
        stderr: '',
      });
      const denied = await stowken(['gc', ...flags, '--token', token]);
      expect(denied).toMatchObject({ code: 1, stdout: '' });
      expect(denied.stderr).toContain('no right "maintain"');
      isDone = true;
      await Promise.all(load);
      for (const secret of [token, other, made.key.slice(40, 80)]) expect(server.log()).not.toContain(secret);
    } finally {
      isDone = true;
      await Promise.allSettled(load);
      for (const client of clients) client.close();
      expect(await server.stop()).toBe(0);
    }
  });
});

describe('a server that asks for certificates and tokens', () => {
  it('serves commands with both, and none without either', async () => {
    const made = await issueForLoopback(authority);
    const tokens = inFolder('both.yaml');
    writeFiles({ [cert]: made.cert, [key]: made.key });
    const { stdout } = await stowken([
      'token',
      'create',
      '--file',
      tokens,
      '--name',
      'a',
      '--rights',
      'read',
    ]);
    writeFileSync(inFolder('token'), stdout);
    const server = await serve('--storage', 'memory', '--tls-client-ca', clientCa, '--token-file', tokens);
    try {
      const flags = ['--server', server.address, '--tls-ca', ca, '--vault', 'default'];
      const certificate = ['--cert', clientCert, '--key', clientKey];
      const token = ['--token-file', inFolder('token')];
      expect(await stowken(['list', ...flags, ...certificate, ...token])).toMatchObject({
        code: 0,
        stderr: '',
      });
      expect((await stowken(['list', ...flags, ...certificate])).stderr).toContain(
        'no rights for its subject',
      );
      expect((await stowken(['list', ...flags, ...token])).stderr).toMatch(
        /no server answers.*the server asks for a certificate: .*--cert and --key\)/,
      );
      const otherCa = ['--server', server.address, '--tls-ca', clientCa];
      expect((await stowken(['list', ...otherCa, ...certificate])).stderr).toContain(
        "(--tls-ca is not the authority of the server's certificate)",
      );
      writeFiles({ [inFolder('other.pem')]: made.cert, [inFolder('other.key')]: made.key });
      const stranger = ['--cert', inFolder('other.pem'), '--key', inFolder('other.key')];
      expect((await stowken(['list', ...flags, ...stranger])).stderr).toContain('the server refuses --cert)');
      const misnamed = ['--tls-server-name', 'db.example.com'];
      expect((await stowken(['list', ...flags, ...certificate, ...misnamed])).stderr).toContain(
        "(--tls-server-name names one of the server's certificate)",
      );
    } finally {
      expect(await server.stop()).toBe(0);
    }
  });
});

describe('a command that is told to encrypt', () => {
  it('says that the server may be one without TLS', async () => {
    const server = await startStowken('--storage', 'memory');
    try {
      const { stderr } = await stowken(['stats', '--server', server.address, '--tls-ca', ca]);
      expect(stderr).toContain('(a server without TLS? then give no --tls-ca and no --tls)');
    } finally {
      expect(await server.kill('SIGTERM')).toBe(0);
    }
  });
});

describe('a command that is given a token', () => {
  it('does not show it to others', async () => {
    // A socket that nobody answers on keeps the command waiting.
    const args = [main, 'stats', '--server', '127.0.0.1:9', '--token', 'stk_seen-by-others'];
    const child = spawn(process.execPath, args, { stdio: 'ignore' });
    const commandLine = () => readFileSync(`/proc/${child.pid}/cmdline`, 'latin1');
    try {
      await eventually(() => expect(commandLine()).toMatch(/^stowken\0*$/));
    } finally {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
  });
});

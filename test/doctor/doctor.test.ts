import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { diagnose, type Examined, type Finding } from '../../src/doctor/index.js';
import { fileSystemFinding } from '../../src/doctor/data-folder.js';
import { examineMachine, type Machine } from '../../src/doctor/machine.js';
import { openAccess, type TlsOptions } from '../../src/identity/index.js';
import { makeFolder } from '../../src/storage/index.js';
import { stowken } from '../cli/support/stowken.js';
import { Authority, issueForLoopback, writeFiles } from '../support/certificates.js';

const DAY_MS = 24 * 60 * 60 * 1000;
let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'stowken-doctor-'))));
afterEach(() => rmSync(folder, { recursive: true }));

const inFolder = (name: string) => join(folder, name);

/** Settings of a server of one process that asks nobody. */
function examined(given: Partial<Examined> = {}): Examined {
  return {
    dataDir: inFolder('data'),
    storage: 'lmdb',
    listen: '127.0.0.1:0',
    workers: 1,
    openVaults: 64,
    intakeBytes: 2 ** 30,
    tls: undefined,
    access: openAccess,
    ...given,
  };
}

/** Returns the findings of some subjects, without those that are well. */
async function faults(given: Partial<Examined>, checks: readonly string[], nowMs = Date.now()) {
  const findings: Finding[] = [];
  const instruments = { memoryBytes: 2 ** 32, nowMs, tryStorage: async () => undefined };
  for await (const finding of diagnose(examined(given), instruments)) findings.push(finding);
  expect(findings.filter(({ state, mend }) => state !== 'ok' && mend === undefined)).toEqual([]);
  const known = new Set(findings.map(({ check }) => check));
  expect(checks.filter((check) => !known.has(check))).toEqual([]);
  return findings
    .filter(({ check, state }) => checks.includes(check) && state !== 'ok')
    .map(({ state, check, message }) => `${state} ${check}: ${message}`);
}

describe('the machine', () => {
  const good: Machine = {
    nodeVersion: '20.15.0',
    platform: 'linux x64',
    processors: 2,
    memoryBytes: 2 ** 32,
    limits: { 'Max open files': 4096, 'Max file size': Infinity, 'Max address space': Infinity },
    mapsMax: 65_530,
  };
  const found = (machine: Partial<Machine>, given: Partial<Examined> = {}) =>
    examineMachine({ ...good, ...machine }, examined(given))
      .filter(({ state }) => state !== 'ok')
      .map(({ state, check }) => `${state} ${check}`);

  it('is good as it is', () => expect(found({})).toEqual([]));

  it.each<[string, Partial<Machine>, Partial<Examined>, string]>([
    ['an old Node', { nodeVersion: '20.14.9' }, {}, 'problem node'],
    ['a newer Node', { nodeVersion: '18.99.0' }, {}, 'problem node'],
    ['more workers than processors', {}, { workers: 3 }, 'warning processors'],
    ['little memory', { memoryBytes: 2 ** 29 }, { intakeBytes: 2 ** 27 }, 'warning memory'],
    ['too much of it for requests', {}, { intakeBytes: 3 * 2 ** 30 }, 'warning memory'],
    ['few open files', { limits: { 'Max open files': 1024 } }, {}, 'warning open files'],
    ['hardly any open files', { limits: { 'Max open files': 256 } }, {}, 'problem open files'],
    ['open files for fewer vaults', {}, { openVaults: 1000 }, 'warning open files'],
    ['a limit of file sizes', { limits: { 'Max file size': 2 ** 30 } }, {}, 'problem limits'],
    ['a limit of addresses', { limits: { 'Max address space': 2 ** 32 } }, {}, 'problem limits'],
    ['few mappings', { mapsMax: 1024 }, {}, 'warning mappings'],
  ])('says what is wrong with %s', (_what, machine, given, finding) => {
    expect(found(machine, given)).toEqual([finding]);
  });

  it('knows file systems that lose vaults', () => {
    const states = [0x6969, 0xfe534d42, 0x01021994, 0x794c7630, 0xef53].map(
      (type) => fileSystemFinding('/data', type).state,
    );
    expect(states).toEqual(['problem', 'problem', 'warning', 'warning', 'ok']);
  });
});

describe('the data folder', () => {
  const checks = ['data folder'];

  it('may not exist, and is not made', async () => {
    expect(await faults({}, checks)).toEqual([]);
    expect(readdirSync(folder)).toEqual([]);
  });

  it('is not open to others', async () => {
    mkdirSync(inFolder('data'), { mode: 0o755 });
    expect(await faults({}, checks)).toEqual([expect.stringMatching(/^warning .* other users/)]);
    chmodSync(inFolder('data'), 0o750);
    expect(await faults({}, checks)).toEqual([]);
    expect(readdirSync(inFolder('data'))).toEqual([]);
  });

  it('is closed to others if the server made it', async () => {
    await makeFolder(inFolder('data'));
    expect(await faults({}, checks)).toEqual([]);
  });

  it('has no other files', async () => {
    mkdirSync(inFolder('data'));
    writeFileSync(inFolder('data/thesis.doc'), '');
    expect(await faults({}, checks)).toEqual([expect.stringMatching(/^problem .* thesis\.doc/)]);
  });

  it('was not changed in times to come', async () => {
    mkdirSync(inFolder('data'));
    writeFileSync(inFolder('data/vault.mdb'), '');
    expect(await faults({}, ['clock'])).toEqual([]);
    expect(await faults({}, ['clock'], Date.now() - DAY_MS)).toEqual([
      expect.stringMatching(/^warning clock: .* was changed at/),
    ]);
    expect(await faults({}, ['clock'], 1000)).toEqual([expect.stringMatching(/^problem clock: .*1970/)]);
  });
});

describe('TLS', () => {
  const checks = ['certificate', 'key'];
  const tls = (): TlsOptions => ({
    certFile: inFolder('c.pem'),
    keyFile: inFolder('c.key'),
    minVersion: '1.2',
    clientCertOptional: false,
  });
  const write = async (dns: readonly string[] = ['localhost']) => {
    const authority = await Authority.create('a');
    const validToMs = Date.now() + 90 * DAY_MS;
    const { cert, key } = await authority.issue({ subject: 'CN=stowken', dns, validToMs });
    writeFiles({ [inFolder('c.pem')]: cert, [inFolder('c.key')]: key, [inFolder('ca.pem')]: authority.pem });
    chmodSync(inFolder('c.key'), 0o600);
    return authority;
  };

  it('is examined for dates and permissions', async () => {
    await write();
    expect(await faults({ tls: tls() }, checks)).toEqual([]);
    const after = (days: number) => faults({ tls: tls() }, checks, Date.now() + days * DAY_MS);
    expect(await after(61)).toEqual([expect.stringMatching(/^warning certificate: .* valid until/)]);
    expect(await after(91)).toEqual([expect.stringMatching(/^problem certificate: .* was valid until/)]);
    expect(await after(-2)).toEqual([expect.stringMatching(/^problem certificate: .* from .* on/)]);
    chmodSync(inFolder('c.key'), 0o644);
    expect(await faults({ tls: tls() }, checks)).toEqual([expect.stringMatching(/^warning key: .*644/)]);
  });

  it('needs names in its certificate, and the key that belongs to it', async () => {
    await write([]);
    expect(await faults({ tls: tls() }, checks)).toEqual([
      expect.stringMatching(/^problem certificate: .* no alternative names/),
    ]);
    const other = await issueForLoopback(await Authority.create('b'));
    writeFiles({ [inFolder('c.key')]: other.key });
    expect(await faults({ tls: tls() }, ['tls'])).toEqual([
      expect.stringMatching(/^problem tls: .* is not the private key/),
    ]);
  });

  it('needs lists of revoked certificates that are not past their time', async () => {
    const authority = await write();
    writeFiles({ [inFolder('crl.pem')]: await authority.revoke('01') });
    const given = { ...tls(), clientCaFile: inFolder('ca.pem'), crlFile: inFolder('crl.pem') };
    const at = (days: number) => faults({ tls: given }, ['revocations'], Date.now() + days * DAY_MS);
    expect(await at(-1)).toEqual([]);
    expect(await at(0.5)).toEqual([expect.stringMatching(/^warning revocations/)]);
    expect(await at(1.5)).toEqual([expect.stringMatching(/^problem revocations: .* due at/)]);
    expect(await faults({ tls: given }, ['client ca'], Date.now() + 31 * DAY_MS)).toEqual([
      expect.stringMatching(/^problem client ca/),
    ]);
  });
});

describe('the files of those who call', () => {
  const access = () => ({ ...openAccess, identity: { tokenFile: inFolder('tokens.yaml') } });
  const create = (...more: string[]) =>
    stowken([...`token create --rights read --file ${inFolder('tokens.yaml')}`.split(' '), ...more]);

  it('are examined for tokens that let nobody in, and for others who could add some', async () => {
    expect(await faults({}, ['callers'])).toEqual([expect.stringMatching(/^warning callers: nobody/)]);
    expect(await faults({ access: access() }, ['tokens'])).toEqual([
      expect.stringMatching(/^problem tokens: .*ENOENT/),
    ]);
    await create('--name', 'a', '--expires-in', '2h');
    expect(await faults({ access: access() }, ['tokens'])).toEqual([]);
    chmodSync(inFolder('tokens.yaml'), 0o622);
    expect(await faults({ access: access() }, ['tokens'], Date.now() + DAY_MS)).toEqual([
      expect.stringMatching(/^warning tokens: .* lets nobody in/),
      'warning tokens: the token a has expired',
      expect.stringMatching(/^problem tokens: others can write/),
    ]);
  });

  it('are fetched where keys have an address', async () => {
    let keys: unknown = [];
    const server = createServer((_request, response) => response.end(JSON.stringify({ keys })));
    await new Promise<void>((done) => void server.listen(0, '127.0.0.1', done));
    const jwks = `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`;
    const jwt = {
      jwks,
      issuer: 'i',
      audience: 'a',
      clockSkewMs: 0,
      rightsClaim: 'rights',
      vaultsClaim: 'vaults',
    };
    const given = { access: { ...openAccess, identity: { jwt } } };
    try {
      expect(await faults(given, ['jwt keys'])).toEqual([]);
      keys = undefined;
      expect(await faults(given, ['jwt keys'])).toEqual([
        expect.stringMatching(/^problem jwt keys: .*no keys/),
      ]);
    } finally {
      server.closeAllConnections();
      server.close();
    }
    expect(await faults(given, ['jwt keys'])).toEqual([expect.stringMatching(/^problem jwt keys/)]);
  });
});

describe('stowken doctor', () => {
  const main = resolve(import.meta.dirname, '../../stowken');

  it('tries the real storage, and leaves nothing behind', () => {
    mkdirSync(inFolder('data'), { mode: 0o700 });
    const args = ['doctor', '--data', inFolder('data'), '--listen', '127.0.0.1:0', '--json'];
    const { problems, findings } = JSON.parse(execFileSync(main, args, { encoding: 'utf8' })) as {
      problems: number;
      findings: Finding[];
    };
    expect(problems).toBe(0);
    const disk = findings.find(({ check }) => check === 'disk');
    expect(disk?.message).toMatch(/a vault was made and removed; a sync takes [\d.]+ ms/);
    expect(readdirSync(inFolder('data'))).toEqual([]);
  });

  it('ends with 1 if there is a problem, and says how to mend it', () => {
    writeFileSync(inFolder('data'), '');
    const args = ['doctor', '--data', inFolder('data'), '--listen', '0.0.0.0:0'];
    const { status, stdout, stderr } = spawnSync(main, args, { encoding: 'utf8' });
    expect({ status, stderr }).toEqual({ status: 1, stderr: '' });
    expect(stdout).toMatch(/^PROBLEM {2}settings: .* not a loopback address/m);
    expect(stdout).toMatch(/^PROBLEM {2}data folder: .* is a file.*\n {9}\S/m);
    expect(stdout).toMatch(/^2 problems, \d warnings?\n$/m);
  });

  it('takes the settings of a config file, and refuses wrong ones', async () => {
    writeFileSync(inFolder('a.yaml'), 'storage: memory\nlisten: 127.0.0.1:0\n');
    const { stdout } = await stowken(['doctor', '--config', inFolder('a.yaml')]);
    expect(stdout).toMatch(/WARNING {2}data folder: vaults are kept in memory/);
    expect(await stowken(['doctor', '--workers', '0'])).toMatchObject({ code: 2 });
  });
});

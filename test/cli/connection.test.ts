import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { resolveConnection } from '../../src/cli/connection/resolve.js';
import { stowken } from './support/stowken.js';

const folder = mkdtempSync(join(tmpdir(), 'stowken-connection-'));
const inFolder = (name: string) => join(folder, name);
const pem = (label: string) => `-----BEGIN ${label}-----\nAA==\n-----END ${label}-----\n`;
beforeAll(() => {
  writeFileSync(inFolder('ca.pem'), pem('CERTIFICATE'));
  writeFileSync(inFolder('cert.pem'), pem('CERTIFICATE'));
  writeFileSync(inFolder('key.pem'), pem('PRIVATE KEY'));
  writeFileSync(inFolder('token'), 'stk_of-file\n');
  writeFileSync(inFolder('two'), 'stk_a\nstk_b\n');
  writeFileSync(inFolder('empty'), '\n');
  mkdirSync(inFolder('stowken'));
  const prod =
    'prod:\n  server: db.example.com\n  vault: of-profile\n  tls-ca: ../ca.pem\n  token-file: ../token\n';
  writeFileSync(inFolder('stowken/profiles.yaml'), `${prod}plain:\n  server: 127.0.0.1:1\n`);
  writeFileSync(inFolder('wrong.yaml'), 'prod:\n  token: secret-word\n');
});
afterAll(() => rmSync(folder, { recursive: true }));

const home = { XDG_CONFIG_HOME: folder };

describe('the connection of a command', () => {
  it('is to this machine, without TLS or a token, if nothing is said', async () => {
    expect(await resolveConnection({}, undefined, {})).toEqual({ server: '127.0.0.1:7411' });
  });

  it('comes from options, then the environment, then the profile', async () => {
    const ca = pem('CERTIFICATE');
    const profile = { server: 'db.example.com:7411', vault: 'of-profile', tls: { ca }, token: 'stk_of-file' };
    expect(await resolveConnection({}, 'prod', home)).toEqual(profile);
    expect(await resolveConnection({}, undefined, { ...home, STOWKEN_PROFILE: 'prod' })).toEqual(profile);
    expect(await resolveConnection({}, 'plain', { ...home, STOWKEN_PROFILE: 'prod' })).toEqual({
      server: '127.0.0.1:1',
    });
    const env = { ...home, STOWKEN_SERVER: 'env:1', STOWKEN_VAULT: 'of-env', STOWKEN_TOKEN: 'stk_of-env' };
    const ofEnvironment = { ...profile, server: 'env:1', vault: 'of-env', token: 'stk_of-env' };
    expect(await resolveConnection({}, 'prod', env)).toEqual(ofEnvironment);
    expect(
      await resolveConnection({ server: 'flag:1', vault: 'flag', token: 'stk_flag' }, 'prod', env),
    ).toEqual({
      ...profile,
      server: 'flag:1',
      vault: 'flag',
      token: 'stk_flag',
    });
    expect((await resolveConnection({ tokenFile: inFolder('token') }, undefined, env)).token).toBe(
      'stk_of-file',
    );
  });

  it('has a certificate of its own from files, and TLS with each of its options', async () => {
    const [cert, key] = [inFolder('cert.pem'), inFolder('key.pem')];
    const both = { cert: pem('CERTIFICATE'), key: pem('PRIVATE KEY') };
    expect((await resolveConnection({ cert, key }, undefined, {})).tls).toEqual(both);
    expect((await resolveConnection({}, undefined, { STOWKEN_CERT: cert, STOWKEN_KEY: key })).tls).toEqual(
      both,
    );
    expect((await resolveConnection({ tls: true }, undefined, {})).tls).toEqual({});
    const named = { STOWKEN_TLS_SERVER_NAME: 'of-env' };
    expect((await resolveConnection({ tls: true }, undefined, named)).tls).toEqual({ serverName: 'of-env' });
    expect((await resolveConnection({ tls: true, tlsServerName: 'flag' }, undefined, named)).tls).toEqual({
      serverName: 'flag',
    });
    expect((await resolveConnection({}, undefined, named)).tls).toBeUndefined();
    await expect(resolveConnection({ tlsServerName: 'flag' }, undefined, {})).rejects.toThrow(
      /needs --tls-ca/,
    );
    expect(
      (await resolveConnection({}, undefined, { STOWKEN_TLS_CA: inFolder('ca.pem') })).tls,
    ).toHaveProperty('ca');
  });

  it.each([
    ['two tokens', ['--token', 'a', '--token-file', 'f'], {}, /two tokens/],
    ['a certificate without its key', ['--cert', 'c'], {}, /--cert and --key go together/],
    [
      'a file of tokens that is not there',
      ['--token-file', '/nonexistent'],
      {},
      /nonexistent cannot be read, which the setting [a-z-]+ names: there is no such file/,
    ],
    ['a file with two tokens', ['--token-file', inFolder('two')], {}, /two has more than one token/],
    ['an empty file of a token', ['--token-file', inFolder('empty')], {}, /empty is empty/],
    [
      'a token without TLS to another machine',
      ['--server', 'db.example.com', '--token', 'stk_x'],
      {},
      /--tls-ca/,
    ],
    ['the same by the environment', ['--server', '10.0.0.1'], { STOWKEN_TOKEN: 'stk_x' }, /--tls-ca/],
    ['an unknown profile', ['--profile', 'other'], home, /no profile "other"; it has prod, plain/],
    [
      'a profile without a file',
      ['--profile', 'p'],
      { STOWKEN_PROFILES: '/nonexistent.yaml' },
      /the profile "p" \(--profile or .*\/nonexistent\.yaml: there is no such file or folder; \$STOWKEN_PROFILES names/,
    ],
    [
      'a profile with a token in it',
      ['--profile', 'prod'],
      { STOWKEN_PROFILES: inFolder('wrong.yaml') },
      /prod: .*token/,
    ],
    ['an authority that is not PEM', ['--tls-ca', inFolder('token')], {}, /tls\.ca: it is not PEM/],
  ])('refuses %s', async (_what, args, env, message) => {
    const { code, stdout, stderr } = await stowken(['stats', ...args], { env });
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(message);
    expect(stderr).not.toMatch(/stk_|secret-word/);
  });

  it('is said before or after the command', async () => {
    const env = { ...home, STOWKEN_SERVER: 'unix:/nonexistent' };
    for (const args of [
      ['--profile', 'none', 'stats'],
      ['stats', '--profile', 'none'],
    ])
      expect((await stowken(args, { env })).stderr).toContain('no profile "none"');
  });

  it.each([
    [['--server', 'unix:/before', 'stats']],
    [['--server=unix:/before', '--vault', 'a', 'vault', 'list']],
    [['--tls', '--vault', 'stats', '--server', 'unix:/before', 'stats']],
    [['--vault', 'a', '--profile', 'plain', 'stats', '--server', 'unix:/before', '--json']],
  ])('takes the server before the command too: %j', async (args) => {
    expect((await stowken(args, { env: home })).stderr).toMatch(/no server answers at unix:\/before/);
  });

  it('is refused before a command that takes no server, or that is none', async () => {
    const serve = await stowken(['--server', 'unix:/before', 'serve', '--data', '/nonexistent']);
    expect(serve).toMatchObject({ code: 2, stderr: expect.stringContaining("'--server'") as unknown });
    const none = await stowken(['--server', 'unix:/before', 'stat']);
    expect(none.stderr).toMatch(/unknown command 'stat'[^]*stats/);
  });

  it('shows no secret in the help', async () => {
    const env = { STOWKEN_TOKEN: 'stk_secret', STOWKEN_SERVER: 'host-of-env:1' };
    const { stdout } = await stowken(['stats', '--help'], { env });
    for (const option of ['--tls-ca', '--token', '--token-file', '--cert', '--key', '--vault'])
      expect(stdout).toContain(option);
    expect(stdout).not.toContain('stk_secret');
  });
});

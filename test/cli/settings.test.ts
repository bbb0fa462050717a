import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { defaultIntakeBytes, readSettings, toServeOptions } from '../../src/cli/serve/settings.js';
import { stowken } from './support/stowken.js';

const folder = mkdtempSync(join(tmpdir(), 'stowken-settings-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function configFile(content: unknown): string {
  const file = join(folder, 'config.yaml');
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
  return file;
}

describe('the settings of serve', () => {
  it('come from flags, then the environment, then the config file, then what is built in', () => {
    const config = configFile({ data: 'file', listen: '127.0.0.1:1', storage: 'memory', 'drain-timeout': 7 });
    const env = {
      STOWKEN_DATA: 'env',
      STOWKEN_LISTEN: '127.0.0.1:2',
      STOWKEN_CONFIG: config,
      STOWKEN_LOG_LEVEL: '',
    };
    expect(readSettings({ data: 'flag' }, env)).toEqual({
      data: 'flag',
      listen: '127.0.0.1:2',
      storage: 'memory',
      durability: 'fsync',
      workers: 1,
      'open-vaults': 64,
      'auto-compact': false,
      'prefix-index': 'on',
      'check-interval': 3600,
      'sweep-interval': 3600,
      'give-back-interval': 60,
      'insecure-bind': false,
      'tls-client-cert': 'required',
      'tls-min-version': '1.2',
      'jwt-clock-skew': 30,
      'jwt-rights-claim': 'rights',
      'jwt-vaults-claim': 'vaults',
      'open-health': 'on',
      'open-reflection': 'off',
      'read-only': false,
      'caller-calls': 3000,
      'caller-uploads': 192,
      'caller-rate': 0,
      'caller-burst': 0,
      'audit-log-size': 'auto',
      'audit-log-files': 8,
      'drain-timeout': 7,
      'intake-bytes': 'auto',
      'min-free-disk': 'auto',
      'request-idle-timeout': 60,
      'connection-idle-timeout': 600,
      'log-level': 'info',
    });
    expect(toServeOptions(readSettings({ config }, {}))).toEqual({
      dataDir: 'file',
      listen: '127.0.0.1:1',
      storage: 'memory',
      durability: 'fsync',
      workers: 1,
      openVaults: 64,
      logLevel: 'info',
      autoCompact: false,
      prefixIndex: true,
      checkIntervalMs: 3_600_000,
      sweepIntervalMs: 3_600_000,
      sweepWindow: undefined,
      giveBackIntervalMs: 60_000,
      drainTimeoutMs: 7000,
      intakeBytes: defaultIntakeBytes(),
      minFreeDiskBytes: 'auto',
      requestIdleMs: 60_000,
      connectionIdleMs: 600_000,
      readOnly: false,
      caller: { calls: 3000, uploads: 192, rate: 0, burst: 0 },
      audit: undefined,
      tls: undefined,
      access: { identity: undefined, openHealth: true, openReflection: false },
      metrics: undefined,
      http: undefined,
      slowCallMs: undefined,
      tokenizers: [],
    });
  });

  it('take a part of the day for sweeps, which may pass midnight', () => {
    const window = (sweepWindow: string) => toServeOptions(readSettings({ sweepWindow }, {})).sweepWindow;
    expect(window('01:00-05:30')).toEqual({ fromMinute: 60, toMinute: 330 });
    expect(window('22:15-00:00')).toEqual({ fromMinute: 1335, toMinute: 0 });
    for (const wrong of ['', '1-5', '24:00-01:00', '01:00-01:00', '01:00-05:60', 'x01:00-05:00'])
      expect(() => window(wrong), wrong).toThrow(/--sweep-window: it is a part of the day/);
  });

  it('keep the audit log in the data folder, elsewhere, or not at all', () => {
    const audit = (flags: object) => toServeOptions(readSettings({ data: 'd', ...flags }, {})).audit;
    expect(audit({})).toEqual({ file: 'd/audit.jsonl', bytesMax: 16 * 2 ** 20, filesMax: 8 });
    const chosen = { auditLog: '/x/y', auditLogSize: '1MiB', auditLogFiles: '2' };
    expect(audit({ ...chosen, storage: 'memory' })).toEqual({ file: '/x/y', bytesMax: 2 ** 20, filesMax: 2 });
    expect(audit({ auditLog: 'off' })).toBeUndefined();
    expect(() => audit({ auditLogSize: '1KiB' })).toThrow(/--audit-log-size: .* at least 64KiB/);
    expect(() => audit({ auditLogFiles: '0' })).toThrow(/--audit-log-files: .* from 1 to 1000/);
  });

  it('take any number of tokenizers, of flags, the environment and the config file', () => {
    const tokenizers = (flags: Record<string, unknown>, env = {}) =>
      toServeOptions(readSettings(flags, env)).tokenizers;
    const [one, two] = [
      { name: 'qwen3', path: '/models/a=b,c', pattern: undefined },
      { name: 'my llama', path: 'tokenizer.model', pattern: 'cl100k' },
    ];
    const texts = ['qwen3=/models/a=b,c', 'my llama=tokenizer.model,pattern=cl100k'];
    expect(tokenizers({ tokenizer: texts })).toEqual([one, two]);
    expect(tokenizers({}, { STOWKEN_TOKENIZER: texts.join(';') })).toEqual([one, two]);
    expect(tokenizers({ config: configFile({ tokenizer: texts }) })).toEqual([one, two]);
    expect(tokenizers({ config: configFile({ tokenizer: texts[0] }) })).toEqual([one]);
    for (const wrong of ['qwen3', '=file', 'name=', 'a=b,pattern=x', `${'n'.repeat(257)}=f`])
      expect(() => tokenizers({ tokenizer: [wrong] }), wrong).toThrow(/--tokenizer: it is NAME=FILE, or/);
    expect(() => tokenizers({ tokenizer: ['a=b', 'a=c'] })).toThrow('--tokenizer: a is named twice');
    expect(() => tokenizers({ config: configFile({ tokenizer: ['a=b', ['c=d']] }) })).toThrow(
      /config\.yaml:1: tokenizer: it has one value, not a list/,
    );
  });

  it('take an address for the page, and names; others can reach it only with TLS and an identity', () => {
    const http = (flags: object, env = {}) => toServeOptions(readSettings({ ...flags }, env)).http;
    expect(http({ http: '7412' })).toEqual({ listen: '127.0.0.1:7412', hosts: [] });
    expect(http({ http: 'localhost:0', httpHost: ['a.example', 'b'] })).toEqual({
      listen: 'localhost:0',
      hosts: ['a.example', 'b'],
    });
    const env = { STOWKEN_HTTP: '[::1]:80', STOWKEN_HTTP_HOST: 'a.example,b' };
    expect(http({}, env)).toEqual({ listen: '[::1]:80', hosts: ['a.example', 'b'] });
    for (const wrong of ['', 'localhost', '127.0.0.1', '65536', 'http://a:1'])
      expect(() => http({ http: wrong }), wrong).toThrow('--http: ');
    expect(() => http({ http: '7412x' })).toThrow('--http: it is HOST:PORT, PORT on loopback, or unix:/path');
    for (const wrong of ['', 'a:1', 'http://a', '*'])
      expect(() => http({ http: '1', httpHost: [wrong] }), wrong).toThrow('--http-host: ');
    expect(() => http({ httpHost: ['a'] })).toThrow('--http-host needs --http');
    expect(() => http({ http: '0.0.0.0:1' })).toThrow(/^0\.0\.0\.0:1 is not a loopback address/);
    expect(http({ http: '0.0.0.0:1', insecureBind: true })).toMatchObject({ listen: '0.0.0.0:1' });
    const tls = { tlsCert: 'c', tlsKey: 'k' };
    expect(() => http({ http: '0.0.0.0:1', ...tls })).toThrow('--token-file');
    expect(http({ http: '0.0.0.0:1', ...tls, tokenFile: 't' })).toMatchObject({ listen: '0.0.0.0:1' });
  });

  it('take an address for metrics that has a port, loopback or not', () => {
    for (const metrics of ['127.0.0.1:0', '0.0.0.0:9464', '[::]:9464', 'unix:/tmp/metrics.sock'])
      expect(toServeOptions(readSettings({ metrics }, {})).metrics).toBe(metrics);
    expect(readSettings({}, { STOWKEN_METRICS: 'localhost:1' }).metrics).toBe('localhost:1');
    for (const metrics of ['127.0.0.1', 'localhost', '[::1]', ':', '127.0.0.1:65536', 'http://a:1'])
      expect(() => readSettings({ metrics }, {}), metrics).toThrow('--metrics: ');
  });

  it.each(['127.0.0.1:0', '127.1.2.3:80', 'localhost:7411', '[::1]:7411', 'unix:/tmp/stowken.sock'])(
    'take the loopback address %s',
    (listen) => expect(toServeOptions(readSettings({ listen }, {})).listen).toBe(listen),
  );

  it.each([
    '0.0.0.0:7411',
    '[::]:7411',
    '10.0.0.1:1',
    'example.com:1',
    '127.example.com:1',
    'localhost.example.com:1',
  ])('refuse %s, unless told that it is meant', async (listen) => {
    const { code, stdout, stderr } = await stowken(['serve', '--storage', 'memory', '--listen', listen]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/not a loopback address.*--tls-cert.*--token-file.*--insecure-bind/);
    expect(toServeOptions(readSettings({ listen }, { STOWKEN_INSECURE_BIND: '1' })).listen).toBe(listen);
  });

  const pair = { tlsCert: 'c', tlsKey: 'k' };
  const jwt = { jwtJwks: 'f', jwtIssuer: 'i', jwtAudience: 'a' };

  it.each([
    ['TLS and tokens', { ...pair, tokenFile: 't' }],
    ['TLS and JWTs', { ...pair, ...jwt }],
    ['TLS with certificates of clients', { ...pair, tlsClientCa: 'ca' }],
  ])('take any address with %s', (_what, flags) => {
    const listen = '0.0.0.0:7411';
    expect(toServeOptions(readSettings({ listen, ...flags }, {})).listen).toBe(listen);
  });

  it.each([
    ['TLS alone', pair, /needs --token-file/],
    ['tokens alone', { tokenFile: 't' }, /needs --tls-cert and --tls-key/],
    [
      'certificates of clients that may be absent',
      { ...pair, tlsClientCa: 'ca', tlsClientCert: 'optional' },
      /needs --token-file/,
    ],
  ])('refuse other addresses with %s', (_what, flags, message) => {
    const chosen = readSettings({ listen: '0.0.0.0:7411', ...flags }, {});
    expect(() => toServeOptions(chosen)).toThrow(message);
  });

  it.each([
    ['a certificate without a key', { tlsCert: 'c' }, /--tls-cert needs --tls-key/],
    ['a key without a certificate', { tlsKey: 'k' }, /--tls-key needs --tls-cert/],
    ['an authority of clients without TLS', { tlsClientCa: 'ca' }, /--tls-client-ca needs --tls-cert/],
    [
      'revoked certificates without an authority',
      { ...pair, tlsCrl: 'r' },
      /--tls-crl needs --tls-client-ca/,
    ],
    ['keys of JWTs without an issuer', { jwtJwks: 'f', jwtAudience: 'a' }, /needs --jwt-issuer/],
    ['keys of JWTs without an audience', { jwtJwks: 'f', jwtIssuer: 'i' }, /needs .*--jwt-audience/],
    ['an issuer of JWTs without keys', { jwtIssuer: 'i' }, /need --jwt-jwks/],
    ['keys over an open line', { ...jwt, jwtJwks: 'http://example.com/keys' }, /--jwt-jwks: .*https/],
    ['keys of another protocol', { ...jwt, jwtJwks: 'ftp://127.0.0.1/keys' }, /--jwt-jwks: .*https/],
    ['a URL with a password', { ...jwt, jwtJwks: 'https://a:b@example.com/keys' }, /--jwt-jwks: .*password/],
    ['an unknown version of TLS', { ...pair, tlsMinVersion: '1.1' }, /--tls-min-version/],
  ])('refuse %s', (_what, flags, message) => {
    expect(() => toServeOptions(readSettings(flags, {}))).toThrow(message);
  });

  it.each([
    'https://example.com/keys',
    'http://127.0.0.1:1/keys',
    'http://localhost/keys',
    'http://[::1]:1/k',
  ])('take keys of JWTs from %s', (jwtJwks) => {
    const { access } = toServeOptions(readSettings({ ...jwt, jwtJwks }, {}));
    expect(access.identity?.jwt?.jwks).toBe(jwtJwks);
  });

  it.each([
    ['a flag', ['--storage', 'tape'], {}, /^stowken: --storage: .*lmdb/],
    ['an address', ['--listen', '7411'], {}, /^stowken: --listen: "7411" is not an address/],
    [
      'the environment',
      [],
      { STOWKEN_INSECURE_BIND: 'maybe' },
      /^stowken: STOWKEN_INSECURE_BIND: it is true or false/,
    ],
    [
      'a number',
      [],
      { STOWKEN_DRAIN_TIMEOUT: 'long' },
      /^stowken: STOWKEN_DRAIN_TIMEOUT: it is a number of seconds/,
    ],
    ['a count', ['--workers', '0'], {}, /^stowken: --workers: it is a whole number from 1 to 64\n$/],
    [
      'a config file that is not there',
      ['--config', '/nonexistent.json'],
      {},
      / \/nonexistent\.json: there is no such file/,
    ],
  ])('name the source of a wrong value: %s', async (_what, flags, env, message) => {
    const { code, stderr } = await stowken(['serve', ...flags], { env });
    expect(code).toBe(2);
    expect(stderr).toMatch(message);
  });

  it.each([
    ['not YAML', '{', /config\.yaml:1: Flow map/],
    ['not a map', [], /config\.yaml: it must be settings/],
    [
      'an unknown setting',
      { Dat: 'x' },
      /config\.yaml:1: Dat: there is no such setting; there are data, listen/,
    ],
    ['a name of another form', 'listen: a:1\nTLS_CERT: x', /config\.yaml:2: TLS_CERT: .* called tls-cert/],
    ['a wrong value', { durability: 'maybe' }, /config\.yaml:1: durability: .*fsync/],
    ['a value twice', 'data: a\ndata: b', /config\.yaml:2: Map keys must be unique/],
    ['no value', '# of all\ndrain-timeout:\n', /config\.yaml:2: drain-timeout: it has no value/],
    ['a list', 'workers: [5]', /config\.yaml:1: workers: it has one value, not a list/],
    ['an alias', 'data: &a x\ntls-cert: *a', /config\.yaml:2: tls-cert: aliases/],
  ])('name what is wrong in a config file: %s', async (_what, content, message) => {
    const { code, stderr } = await stowken(['serve', '--config', configFile(content)]);
    expect(code).toBe(2);
    expect(stderr).toMatch(message);
  });

  it('are taken from YAML, where a version is a text and a switch may be a word', () => {
    const config = configFile(
      '# for production\ndata: /srv/stowken\ntls-min-version: 1.3\nworkers: 2\nauto-compact: true\nopen-health: off\n' +
        'intake-bytes: 1GiB\nlog-level: "warn"\n',
    );
    expect(readSettings({ config }, {})).toMatchObject({
      data: '/srv/stowken',
      'tls-min-version': '1.3',
      workers: 2,
      'auto-compact': true,
      'open-health': 'off',
      'intake-bytes': 2 ** 30,
      'log-level': 'warn',
    });
    expect(readSettings({ config: configFile('') }, {}).workers).toBe(1);
  });
});

describe('config check', () => {
  it('names every fault of a file with its line', async () => {
    const file = configFile('data: ./vault\nstorage: tape\ntls-crt: a\nworkers: 0\n');
    const { code, stdout, stderr } = await stowken(['config', 'check', file]);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr.trim().split('\n')).toEqual([
      expect.stringMatching(/config\.yaml:2: storage: .*lmdb/),
      expect.stringMatching(/config\.yaml:3: tls-crt: there is no such setting/),
      expect.stringMatching(/config\.yaml:4: workers: it is a whole number from 1 to 64$/),
    ]);
    const { stdout: json } = await stowken(['config', 'check', file, '--json']);
    expect(JSON.parse(json)).toMatchObject({
      valid: false,
      settings: 3,
      problems: [
        { line: 2, key: 'storage' },
        { line: 3, key: 'tls-crt' },
        { line: 4, key: 'workers' },
      ],
    });
  });

  it('names settings that do not go together', async () => {
    const { code, stderr } = await stowken(['config', 'check', configFile('listen: 0.0.0.0:7411\n')]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/config\.yaml: 0\.0\.0\.0:7411 is not a loopback address/);
  });

  it('takes a file that serve takes', async () => {
    const file = configFile({ data: 'd', listen: '127.0.0.1:0' });
    expect(await stowken(['config', 'check', file])).toEqual({
      code: 0,
      stdout: `${file}: 2 settings, all of them valid\n`,
      stderr: '',
    });
  });
});

import { createHash } from 'node:crypto';
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { stowken } from './support/stowken.js';

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'stowken-token-'))));
afterEach(() => rmSync(folder, { recursive: true }));

const inFolder = (name: string) => join(folder, name);
const create = (file: string, name: string, ...more: string[]) =>
  stowken(['token', 'create', '--file', inFolder(file), '--name', name, '--rights', 'read,write', ...more]);
const list = async (file: string) => {
  const { stdout } = await stowken(['token', 'list', '--file', inFolder(file), '--json']);
  return stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Record<string, unknown>);
};

describe('stowken token', () => {
  it.each(['tokens.yaml', 'tokens.json'])(
    'makes tokens in %s, and keeps only their SHA-256',
    async (file) => {
      const first = await create(file, 'first');
      expect(first).toMatchObject({ code: 0, stderr: '' });
      expect(first.stdout).toMatch(/^stk_[A-Za-z0-9_-]{43}\n$/);
      const second = await create(file, 'second', '--vaults', 'a, team-*', '--expires-in', '90d');
      expect(second.stdout).not.toBe(first.stdout);
      const text = readFileSync(inFolder(file), 'utf8');
      const sha256 = createHash('sha256').update(first.stdout.trim()).digest('hex');
      expect(text).toContain(sha256);
      expect(text).not.toContain(first.stdout.trim());
      expect(statSync(inFolder(file)).mode & 0o777).toBe(0o600);
      if (file.endsWith('.json'))
        expect(JSON.parse(text)).toMatchObject({ tokens: [{ name: 'first', sha256 }, {}] });
      const entries = await list(file);
      expect(entries).toMatchObject([
        { name: 'first', grants: [{ rights: ['read', 'write'], vaults: ['*'] }] },
        { name: 'second', grants: [{ rights: ['read', 'write'], vaults: ['a', 'team-*'] }] },
      ]);
      const { created, expires } = entries[1] as { created: string; expires: string };
      expect(Date.parse(expires) - Date.parse(created)).toBe(90 * 24 * 3_600_000);
    },
  );

  it('keeps the comments, the form and the link of a file, and closes it to others', async () => {
    const text =
      '# Ours.\ntokens: [] # none yet\ncertificates:\n  # Of CI.\n' +
      "  - { name: ci, subject: CN=ci, grants: [{ rights: [read], vaults: ['*'] }] }\n";
    writeFileSync(inFolder('real.yaml'), text);
    chmodSync(inFolder('real.yaml'), 0o644);
    symlinkSync('real.yaml', inFolder('link.yaml'));
    expect(await create('link.yaml', 'a')).toMatchObject({ code: 0 });
    const edited = readFileSync(inFolder('real.yaml'), 'utf8');
    for (const comment of ['# Ours.', '# Of CI.']) expect(edited).toContain(comment);
    expect(parse(edited)).toMatchObject({ tokens: [{ name: 'a' }], certificates: [{ name: 'ci' }] });
    expect(statSync(inFolder('real.yaml')).mode & 0o777).toBe(0o600);
  });

  it('revokes by name, and says what is not there', async () => {
    await create('t.yaml', 'a');
    await create('t.yaml', 'b');
    expect(await stowken(['token', 'revoke', '--file', inFolder('t.yaml'), '--name', 'a'])).toMatchObject({
      code: 0,
      stdout: 'revoked a\n',
    });
    expect(await list('t.yaml')).toMatchObject([{ name: 'b' }]);
    const again = await stowken(['token', 'revoke', '--file', inFolder('t.yaml'), '--name', 'a']);
    expect(again).toMatchObject({ code: 1, stdout: '' });
    expect(again.stderr).toMatch(/has no token a\n$/);
  });

  it('loses none of many that are made at once', async () => {
    const names = Array.from({ length: 12 }, (_, index) => `token-${index}`);
    const made = await Promise.all(names.map((name) => create('t.yaml', name)));
    expect(made.map(({ code }) => code)).toEqual(names.map(() => 0));
    expect((await list('t.yaml')).map(({ name }) => name).sort()).toEqual([...names].sort());
  });

  it.each([
    ['a name that is taken', ['--name', 'a', '--rights', 'read'], 1, /has an entry a already/],
    ['a name of other letters', ['--name', '../b', '--rights', 'read'], 2, /begins with a letter/],
    ['an unknown right', ['--name', 'b', '--rights', 'read,own'], 2, /read, write, delete, maintain, admin/],
    ['no right', ['--name', 'b', '--rights', ''], 2, /read, write/],
    ['a vault that is no name', ['--name', 'b', '--rights', 'read', '--vault', '../x'], 2, /star/],
    ['a star within a name', ['--name', 'b', '--rights', 'read', '--vault', 'a*b'], 2, /star/],
  ])('refuses %s, and prints no token', async (_what, args, code, message) => {
    await create('t.yaml', 'a');
    const result = await stowken(['token', 'create', '--file', inFolder('t.yaml'), ...args]);
    expect(result).toMatchObject({ code, stdout: '' });
    expect(result.stderr).toMatch(message);
  });

  it.each([
    ['no YAML', 'tokens: [', /t\.yaml/],
    ['an unknown field', 'token: []', /t\.yaml: .*token/],
    ['a grant without vaults', 'tokens: [{name: a, sha256: x, grants: [{rights: [read]}]}]', /tokens\[0\]/],
    ['a list', '[]', /t\.yaml/],
  ])('leaves a file with %s as it is', async (_what, content, message) => {
    writeFileSync(inFolder('t.yaml'), content);
    const result = await create('t.yaml', 'a');
    expect(result).toMatchObject({ code: 1, stdout: '' });
    expect(result.stderr).toMatch(message);
    expect(readFileSync(inFolder('t.yaml'), 'utf8')).toBe(content);
  });
});

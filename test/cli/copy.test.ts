import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { connect } from '../../src/client/index.js';
import { migratePostgres } from '../../src/storage/index.js';
import { postgresMissing, testDatabase } from '../support/postgres.js';
import { startStowken, type StowkenProcess } from '../support/process.js';
import { testsAll } from '../support/sample.js';
import { stowken, stowkenAt } from './support/stowken.js';

const tokens = (seed: number, count = 50) =>
  Uint32Array.from({ length: count }, (_, i) => (seed * 7919 + i * 31) % 190_000);

let folder: string;
let servers: StowkenProcess[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'stowken-copy-'));
  servers = [];
});
afterEach(async () => {
  await Promise.all(servers.map((server) => server.kill('SIGKILL')));
  rmSync(folder, { recursive: true, force: true });
});

const at = (name: string) => `lmdb:${join(folder, name)}`;

async function serve(name: string): Promise<StowkenProcess> {
  const server = await startStowken('--data', join(folder, name));
  servers.push(server);
  return server;
}

/** Stores conversations of a few messages, appends to one, and forks it. */
async function store(server: StowkenProcess, from: number, count: number): Promise<void> {
  const client = connect({ server: server.address });
  for (let n = from; n < from + count; n++) {
    const messages = [0, n, n + 1].map((seed) => ({ role: 'user', tokens: tokens(seed) }));
    await client.store({
      conversation: { id: `c${n}`, model: 'm', metadata: { user: `${n % 3}` } },
      messages,
    });
  }
  await client.append(`c${from}`, [{ role: 'assistant', tokens: tokens(99) }]);
  await client.fork(`c${from}`, { newId: `fork${from}` });
  client.close();
}

const json = ({ stdout }: { readonly stdout: string }): unknown => JSON.parse(stdout);

describe('stowken copy', () => {
  it('copies beside a server, follows it, and is not overwritten once it is served', async () => {
    const server = await serve('a');
    await store(server, 1, 30);
    const first = await stowken(['copy', '--from', at('a'), '--to', at('b'), '--json']);
    expect(first).toMatchObject({ code: 0, stderr: '' });
    expect(json(first)).toMatchObject({
      complete: true,
      passes: [
        { copied: 31, faults: 0 },
        { copied: 0, unchanged: 31 },
      ],
      differences: 0,
    });
    await store(server, 100, 5);
    const client = connect({ server: server.address });
    await client.delete('c2');
    client.close();
    await server.kill('SIGTERM');

    const last = await stowken(['copy', '--from', at('a'), '--to', at('b')]);
    expect(last).toMatchObject({ code: 0, stderr: '' });
    expect(last.stdout).toMatch(
      /^6 conversations copied with \d+ segments \(.*\), 30 unchanged, 1 deleted\n/,
    );
    expect(last.stdout).toContain('were compared: they are the same');

    const [old, copied] = [await serve('a'), await serve('b')];
    const list = async ({ address }: StowkenProcess) =>
      (await stowkenAt(address)(['list', '--json'])).stdout.replaceAll(/"vault_id":"\w+"/g, '');
    expect(await list(copied)).toBe(await list(old));
    const exported = async ({ address }: StowkenProcess) => (await stowkenAt(address)(['export'])).stdout;
    expect((await exported(copied)).split('\n')).toHaveLength(37);
    expect(await exported(copied)).toBe(await exported(old));
    expect(await stowkenAt(copied.address)(['verify'])).toMatchObject({ code: 0 });
    await Promise.all([old.kill('SIGTERM'), copied.kill('SIGTERM')]);

    const refused = await stowken(['copy', '--from', at('a'), '--to', at('b')]);
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('VAULT_NOT_EMPTY') as string });
  });

  it('makes vaults of other names, with their settings', async () => {
    const server = await serve('a');
    await stowkenAt(server.address)(['vault', 'create', 'team']);
    await stowkenAt(server.address)(['vault', 'set', 'team', '--labels', 'user']);
    const line = {
      id: 'x',
      model: 'gpt-4o',
      metadata: { user: '7' },
      messages: [{ role: 'user', content: 'hello' }],
    };
    const imported = await stowkenAt(server.address)(
      ['import', '-', '--vault', 'team'],
      JSON.stringify(line),
    );
    expect(imported.code).toBe(0);
    await server.kill('SIGTERM');
    const copied = await stowken([
      'copy',
      '--from',
      at('a'),
      '--to',
      at('b'),
      '--vault',
      'team',
      '--to-vault',
      'other',
      '--json',
    ]);
    expect(copied).toMatchObject({ code: 0, stderr: '' });
    const other = await serve('b');
    const listed = await stowkenAt(other.address)([
      'list',
      '--vault',
      'other',
      '--label',
      'user=7',
      '--json',
    ]);
    expect(listed.stdout).toContain('"x"');
    const text = await stowkenAt(other.address)(['get', 'x', '--vault', 'other', '--json']);
    expect(text.stdout).toContain('hello');
  });

  it('says in words what is wrong with a place', async () => {
    const cases: readonly (readonly [string, string, number, string])[] = [
      ['./a', at('b'), 2, '--from takes lmdb:FOLDER'],
      [at('a'), 'b', 2, '--to takes lmdb:FOLDER'],
      [at('a'), at('a'), 2, 'name the same vault'],
      [at('nothing'), at('b'), 1, 'VAULT_NOT_FOUND'],
    ];
    // Waited for, as by stowken migrate, whose test runs in the gate too.
    const nowhere = [at('a'), 'postgres://nobody@127.0.0.1:1/none', 1, 'cannot be reached'] as const;
    const server = await serve('a');
    await (await serve('c')).kill('SIGTERM');
    for (const [from, to, code, words] of testsAll ? [...cases, nowhere] : cases)
      expect([from, to, await stowken(['copy', '--from', from, '--to', to])]).toEqual([
        ...[from, to],
        { code, stdout: '', stderr: expect.stringContaining(words) as string },
      ]);
    const taken = await stowken(['copy', '--from', at('c'), '--to', at('a')]);
    expect(taken).toMatchObject({ code: 1, stderr: expect.stringContaining('STORE_LOCKED') as string });
    await server.kill('SIGTERM');
  });

  it('takes the settings that the source has now', async () => {
    const set = async (lifetime: string) => {
      const server = await serve('a');
      await stowkenAt(server.address)(['vault', 'set', 'default', '--lifetime', lifetime]);
      await server.kill('SIGTERM');
      expect(await stowken(['copy', '--from', at('a'), '--to', at('b')])).toMatchObject({ code: 0 });
    };
    await set('90d');
    await set('30d');
    const shown = await stowkenAt((await serve('b')).address)(['vault', 'show', 'default', '--json']);
    expect(shown.stdout).toContain('2592000');
  });

  it.skipIf(postgresMissing !== undefined)('leaves a database alone that a server has open', async () => {
    await (await serve('a')).kill('SIGTERM');
    const url = await testDatabase();
    await migratePostgres({ url });
    const server = await startStowken('--storage', url);
    servers.push(server);
    const vault = `copy-${process.pid}-${Date.now()}`;
    await stowkenAt(server.address)(['vault', 'create', vault]);
    const client = connect({ server: server.address, vault });
    await client.store({ conversation: { id: 'own' }, messages: [{ role: 'user', tokens: tokens(1) }] });
    await client.delete('own');
    client.close();
    await stowkenAt(server.address)(['gc', '--vault', vault]);
    const copied = await stowken(['copy', '--from', at('a'), '--to', url, '--to-vault', vault]);
    expect(copied).toMatchObject({ code: 1, stderr: expect.stringContaining('has it open') as string });
  });

  it.skipIf(postgresMissing !== undefined)('moves a vault to PostgreSQL and back', async () => {
    const server = await serve('a');
    await store(server, 1, 20);
    await server.kill('SIGTERM');
    const url = await testDatabase();
    await migratePostgres({ url });
    const there = ['--vault', 'default', '--to-vault', `copy-${process.pid}-${Date.now()}`, '--json'];
    const vault = there[3]!;
    expect(await stowken(['copy', '--from', at('a'), '--to', url, ...there])).toMatchObject({
      code: 0,
      stderr: '',
    });
    const back = await stowken([
      'copy',
      '--from',
      url,
      '--to',
      at('b'),
      '--vault',
      vault,
      '--to-vault',
      'default',
    ]);
    expect(back).toMatchObject({ code: 0, stderr: '' });
    const [old, copied] = [await serve('a'), await serve('b')];
    const exported = async ({ address }: StowkenProcess) => (await stowkenAt(address)(['export'])).stdout;
    expect(await exported(copied)).toBe(await exported(old));
    expect(await stowkenAt(copied.address)(['verify'])).toMatchObject({ code: 0 });
  });
});

import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { connect, isClientError, type StowkenClient } from '../../src/client/index.js';
import { stowkenAt } from '../cli/support/stowken.js';
import { startStowken, type StowkenProcess } from '../support/process.js';

const tokens = (seed: number, count = 60) =>
  Uint32Array.from({ length: count }, (_, i) => (seed * 7919 + i * 31) % 190_000);

let folder: string;
let server: StowkenProcess;
let opened: StowkenClient[];

/** Connects to a vault; without a name, to the default one. */
function client(vault?: string): StowkenClient {
  const made = connect({ server: server.address, ...(vault !== undefined && { vault }) });
  opened.push(made);
  return made;
}

const store = (vault: StowkenClient, id: string, seed: number, count?: number) =>
  vault.store({ conversation: { id }, messages: [{ role: 'user', tokens: tokens(seed, count) }] });

async function read(vault: StowkenClient, id: string): Promise<number[][]> {
  const messages = [];
  for await (const part of vault.read(id, { encoding: 'tokens' }))
    if (part.kind === 'message') messages.push([...part.content]);
  return messages;
}

async function names(): Promise<string[]> {
  const all = [];
  for await (const { name } of client().admin.listVaults()) all.push(name);
  return all;
}

async function expectWhole(name: string): Promise<void> {
  const parts = [];
  for await (const part of client(name).verify()) parts.push(part);
  expect(parts.at(-1)).toMatchObject({ kind: 'summary', violations: 0 });
}

async function expectAllWhole(): Promise<void> {
  const damaged = ['broken'];
  for (const name of await names()) if (!damaged.includes(name)) await expectWhole(name);
}

function begin(): void {
  folder = mkdtempSync(join(tmpdir(), 'stowken-vaults-'));
  opened = [];
}

async function end(): Promise<void> {
  for (const each of opened.splice(0)) each.close();
  expect(await server.kill('SIGTERM')).toBe(0);
  rmSync(folder, { recursive: true });
}

/** Flags of the ways to serve that have files, and one that has none. */
const ways: Readonly<Record<string, readonly string[]>> = {
  lmdb: [],
  'lmdb with workers': ['--workers', '2'],
  filesystem: ['--storage', 'filesystem'],
  memory: ['--storage', 'memory'],
};

describe.each(Object.entries(ways))('vaults of a server with %s', (way, flags) => {
  beforeAll(async () => {
    begin();
    server = await startStowken('--data', folder, '--sweep-interval', '0', ...flags);
  });
  afterAll(end);
  afterEach(async () => {
    await expectAllWhole();
    for (const name of await names()) if (name !== 'default') await client().admin.deleteVault(name);
    for await (const { id } of client().list()) await client().delete(id);
    for (const each of opened.splice(0)) each.close();
  });

  it('share nothing', async () => {
    const { admin } = client();
    await admin.createVault('a');
    await admin.createVault('b');
    const [one, a, b] = [client(), client('a'), client('b')];
    const hash = await store(a, 'c1', 1).then(async () => {
      const { messages } = await a.get('c1', { includeMessages: true });
      return messages[0]!.segments[0]!.hash;
    });
    // The same content is new in each of them.
    expect(await store(b, 'c1', 1)).toMatchObject({ newSegments: 1 });
    expect(await store(one, 'c1', 2)).toMatchObject({ newSegments: 1 });
    expect(await one.segments.has([hash])).toEqual([{ kind: 'absent' }]);
    await b.delete('c1');
    for await (const part of b.collectGarbage()) expect(part).toBeDefined();
    expect(await read(a, 'c1')).toEqual([[...tokens(1)]]);
    expect(await read(one, 'c1')).toEqual([[...tokens(2)]]);
    await expect(b.get('c1')).rejects.toMatchObject({ reason: 'CONVERSATION_NOT_FOUND' });
  });

  it('have tokens of pages of their own', async () => {
    const { admin } = client();
    await admin.createVault('a');
    const a = client('a');
    for (const id of ['c1', 'c2', 'c3']) await store(a, id, 1);
    const { nextPageToken } = await a.listPage({ pageSize: 1 });
    await expect(client().listPage({ pageSize: 1, pageToken: nextPageToken })).rejects.toMatchObject({
      reason: 'INVALID_PAGE_TOKEN',
    });
  });

  it('are refused under other names, and twice', async () => {
    const { admin } = client();
    const wrong = ['A', 'a/b', '..', 'x'.repeat(64), 'ä', 'a b'];
    for (const name of wrong)
      await expect(admin.createVault(name)).rejects.toMatchObject({ reason: 'INVALID_FIELD' });
    await admin.createVault('a');
    await expect(admin.createVault('a')).rejects.toMatchObject({ reason: 'VAULT_EXISTS' });
    for (const name of ['default', ''])
      await expect(admin.createVault(name)).rejects.toMatchObject({ reason: 'VAULT_EXISTS' });
    await expect(client('nope').stats()).rejects.toMatchObject({
      reason: 'VAULT_NOT_FOUND',
      metadata: { resource_type: 'vault', resource_name: 'nope' },
    });
    for (const name of ['nope', '../a', 'A'])
      await expect(admin.getVault(name)).rejects.toMatchObject({ reason: 'VAULT_NOT_FOUND' });
    expect(await names()).toEqual(['a', 'default']);
  });

  it('are deleted with their files, also while they are read', async () => {
    const { admin } = client();
    await admin.createVault('a');
    const a = client('a');
    await store(a, 'long', 3, 3_000_000);
    const reading = (async () => {
      for await (const part of a.read('long', { encoding: 'tokens' })) {
        if (part.kind !== 'header') continue;
        await admin.deleteVault('a');
        expect(existsSync(join(folder, 'vaults', 'a'))).toBe(false);
      }
    })();
    await expect(reading).rejects.toMatchObject({ reason: 'VAULT_NOT_FOUND' });
    if (way !== 'memory') expect(readdirSync(join(folder, 'vaults'))).toEqual([]);
    await expect(a.get('long')).rejects.toMatchObject({ reason: 'VAULT_NOT_FOUND' });
    await expect(admin.deleteVault('a')).rejects.toMatchObject({ reason: 'VAULT_NOT_FOUND' });
    await expect(admin.deleteVault('default')).rejects.toMatchObject({ reason: 'INVALID_FIELD' });
    // A new one of the same name is empty.
    await admin.createVault('a');
    expect(await a.stats()).toMatchObject({ conversations: 0, segments: 0 });
  });

  it('stop storing at their quota, take what frees space, and store again by themselves', async () => {
    const { admin } = client();
    for (const name of ['a', 'b']) await admin.createVault(name);
    const a = client('a');
    for (let n = 0; n < 20; n += 1) await store(a, `c${n}`, n, 1000);
    await admin.updateVault('a', { settings: { quotaBytes: (await a.stats()).inUseBytes + 20_000 } });
    const refusal = async (n: number) => store(a, `more${n}`, 1000 + n, 1000).catch(isClientError);
    let n = 0;
    // The bytes in use are looked up a few times a second: some stores more than fit are taken.
    await expect.poll(() => refusal((n += 1)), { timeout: 30_000, interval: 5 }).toBe(true);
    await expect(store(a, 'full', 3000)).rejects.toMatchObject({ reason: 'VAULT_FULL' });
    await store(client('b'), 'c', 1);
    expect(await read(a, 'c1')).toEqual([[...tokens(1, 1000)]]);
    for await (const { id } of a.list()) await a.delete(id);
    for await (const part of a.collectGarbage()) expect(part).toBeDefined();
    for await (const part of a.compactSubstrings()) expect(part).toBeDefined();
    await expect.poll(() => store(a, 'again', 1).catch(isClientError), { timeout: 30_000 }).not.toBe(true);
    expect(await read(a, 'again')).toEqual([[...tokens(1)]]);
  });

  it('have lifetimes by label and application, which the command sets and shows', async () => {
    const run = stowkenAt(server.address);
    const set = await run(
      'vault set default --lifetime 90d --lifetime-of user=7:12h --lifetime-of application=odd:0 --keep-where tag=x'
        .split(' ')
        .concat(['--max-conversations', '9', '--max-content', '1GiB', '--json']),
    );
    expect(set.stderr).toBe('');
    expect(JSON.parse(set.stdout)).toMatchObject({
      settings: {
        lifetime_seconds: 90 * 86_400,
        lifetimes: [
          { label: 'user', value: '7', lifetime_seconds: 43_200 },
          { application: 'odd', lifetime_seconds: 0 },
        ],
        keep: [{ label: 'tag', value: 'x' }],
        conversations_max: 9,
        content_bytes_max: 2 ** 30,
      },
    });
    const shown = (await run(['vault', 'show', 'default'])).stdout;
    expect(shown).toMatch(/ 90d, user=7:12h, application=odd:for ever/);
    expect(shown.split('\n')).toEqual(
      expect.arrayContaining([
        'kept for ever: tag=x',
        'above 9 conversations, the oldest are deleted',
        'above 1.07 GB of content, the oldest are deleted',
      ]),
    );
    expect((await run(['vault', 'set', 'default', '--lifetime-of', 'user:7'])).stderr).toMatch(
      /metadata key/,
    );
    const none = ['--lifetime', '0', '--lifetime-of', '', '--keep-where', '', '--max-conversations', '0'];
    const { code } = await run(['vault', 'set', 'default', ...none, '--max-content', '0']);
    expect(code).toBe(0);
  });

  // The filesystem counts no usage.
  it.skipIf(way === 'filesystem')(
    'say by what usage is counted where it is asked by something else',
    async () => {
      await store(client(), 'c0', 0);
      const run = stowkenAt(server.address);
      expect(await run(['usage', '--by', 'day,modle'])).toMatchObject({
        code: 2,
        stdout: '',
        stderr: expect.stringMatching(/"modle"\. Fields: day, hour,.* none, see stowken vault set/) as string,
      });
      // Names that every object has.
      for (const by of ['constructor', '__proto__'])
        expect(await run(['usage', '--by', by])).toMatchObject({ code: 2, stdout: '' });
      await run(['vault', 'set', 'default', '--labels', 'user,session']);
      expect((await run(['usage', '--by', 'usr'])).stderr).toContain('labels of the vault: user, session');
      const rows = async () => (await run(['usage', '--by', 'user', '--json'])).stdout;
      expect(await rows()).toMatch(/^\{"user":"","label":"","conversations":\d+,/);
      await client().store({
        conversation: { id: 'c1', metadata: { user: '7' } },
        messages: [{ role: 'user', tokens: [1] }],
      });
      await run(['vault', 'set', 'default', '--labels', '']);
      // Counted while it was a label.
      expect(await rows()).toContain('{"user":"7","label":"7","conversations":1,');
    },
  );

  it('have settings that hold for the next call', async () => {
    const { admin } = client();
    await admin.createVault('a');
    const a = client('a');
    await store(a, 'c0', 0);
    await admin.updateVault('a', { settings: { quotaBytes: 1 } });
    await expect(store(a, 'c1', 1)).rejects.toMatchObject({
      reason: 'VAULT_FULL',
      metadata: { limit: '1' },
    });
    await a.delete('c0');
    await admin.updateVault('a', { settings: { quotaBytes: 2 ** 30 } });
    await store(a, 'c1', 1, 600);
    const found = await admin.updateVault('a', { reset: ['quotaBytes'], settings: { prefixIndex: false } });
    expect(found).toMatchObject({ name: 'a', settings: { prefixIndex: false } });
    expect(found.settings.quotaBytes).toBeUndefined();
    const labelled = admin.updateVault('a', { settings: { labels: ['user', 'session'] } });
    if (way === 'filesystem') {
      await expect(labelled).rejects.toMatchObject({ reason: 'UNSUPPORTED_BY_STORAGE' });
      expect((await admin.getVault('a')).settings.labels).toBeUndefined();
    } else {
      expect((await labelled).settings.labels).toEqual(['user', 'session']);
      const page = await a.listPage({ filter: { metadata: { user: '7' } }, count: true });
      expect(page).toMatchObject({ conversations: [], total: { count: 0, isLowerBound: false } });
      await expect(admin.updateVault('a', { settings: { labels: ['x', 'x'] } })).rejects.toMatchObject({
        reason: 'INVALID_FIELD',
        metadata: { field: 'settings.labels.keys' },
      });
    }
    const rules = { lifetimeMs: 86_400_000, lifetimes: [{ label: '', value: '', lifetimeMs: 1 }] };
    const keep = [{ label: 'tag', value: 'golden' }];
    const ageing = { ...rules, keep, conversationsMax: 1000, contentBytesMax: 2 ** 40 };
    expect((await admin.updateVault('a', { settings: ageing })).settings).toMatchObject(ageing);
    await expect
      .poll(() => a.get('c1').catch(({ reason }: { reason: string }) => reason), { timeout: 30_000 })
      .toBe('CONVERSATION_NOT_FOUND');
    expect(await a.listPage({ filter: {}, count: true })).toMatchObject({
      conversations: [],
      total: { count: 0, isLowerBound: false },
    });
    // Until it is deleted, a longer lifetime gives it back.
    await admin.updateVault('a', { settings: { lifetimes: [] }, reset: ['lifetimeMs', 'keep'] });
    expect((await a.get('c1')).conversation.id).toBe('c1');
    expect((await admin.getVault('a')).settings.lifetimeMs).toBeUndefined();
    if (way.startsWith('lmdb')) {
      await expect(a.findPrefix({ tokens: tokens(1, 600) })).rejects.toMatchObject({
        reason: 'PREFIX_INDEX_OFF',
      });
      await admin.updateVault('a', { reset: ['prefixIndex'] });
      expect(await a.findPrefix({ tokens: tokens(1, 600) })).toHaveLength(1);
    }
  });
});

describe('vaults in folders', () => {
  beforeEach(begin);
  afterEach(async () => {
    await expectAllWhole();
    await end();
  });

  it('are there again after a kill, as many at once as the server may have open, without one that was half made', async () => {
    server = await startStowken('--data', folder, '--open-vaults', '3');
    const all = Array.from({ length: 12 }, (_, n) => `v${String(n).padStart(2, '0')}`);
    for (const name of all) await client().admin.createVault(name);
    for (const [n, name] of all.entries()) await store(client(name), 'c', n);
    const descriptors = readdirSync(`/proc/${server.child.pid}/fd`);
    expect(descriptors.length).toBeLessThan(120);
    expect(await server.kill('SIGKILL')).toBeNull();
    mkdirSync(join(folder, 'vaults', '.a-0123456789ab'));
    server = await startStowken('--data', folder, '--open-vaults', '3');
    opened = [];
    expect(readdirSync(join(folder, 'vaults')).sort()).toEqual(all);
    expect(await names()).toEqual(['default', ...all]);
    await Promise.all(
      all.map(async (name, n) => expect(await read(client(name), 'c')).toEqual([[...tokens(n)]])),
    );
  });

  it('that are damaged, or whose files are missing, do not keep the others from being served', async () => {
    server = await startStowken('--data', folder);
    for (const name of ['broken', 'lost', 'whole']) await client().admin.createVault(name);
    await store(client('whole'), 'c', 1);
    await server.kill('SIGTERM');
    truncateSync(join(folder, 'vaults', 'broken', 'vault.mdb'), 5000);
    for (const name of ['vault.mdb', 'vault.mdb-lock', 'VAULT'])
      rmSync(join(folder, 'vaults', 'lost', name), { force: true });
    server = await startStowken('--data', folder);
    opened = [];
    await expect(client('broken').stats()).rejects.toMatchObject({ reason: 'CORRUPT_STORE' });
    // It is not taken for an empty one.
    await expect(client('lost').stats()).rejects.toMatchObject({ reason: 'CORRUPT_STORE' });
    await client().admin.deleteVault('lost');
    expect(await read(client('whole'), 'c')).toEqual([[...tokens(1)]]);
    expect(await client().admin.getVault('broken')).toMatchObject({ state: 'failed' });
    expect(await client().health({ vault: 'broken' })).toBe('notServing');
    expect(await client().health({ vault: 'whole' })).toBe('serving');
    expect(await client().health()).toBe('serving');
    await expect(client().health({ vault: 'nope' })).rejects.toMatchObject({ code: 5 });
    // Neither does the default one.
    await server.kill('SIGTERM');
    truncateSync(join(folder, 'vault.mdb'), 5000);
    server = await startStowken('--data', folder);
    opened = [];
    await expect(client().stats()).rejects.toMatchObject({ reason: 'CORRUPT_STORE' });
    expect(await read(client('whole'), 'c')).toEqual([[...tokens(1)]]);
    writeFileSync(join(folder, 'vault.mdb'), readFileSync(join(folder, 'vaults', 'whole', 'vault.mdb')));
    await server.kill('SIGTERM');
    for (const name of ['vault.mdb', 'vault.mdb-lock', 'VAULT']) rmSync(join(folder, name), { force: true });
    server = await startStowken('--data', folder);
    opened = [];
  });

  it('whose data file is cut off while they are served do not end the server', async () => {
    server = await startStowken('--data', folder);
    await client().admin.createVault('cut');
    await client().admin.createVault('whole');
    for (let n = 0; n < 20; n++) await store(client('cut'), `c${n}`, n, 5000);
    await store(client('whole'), 'c', 1);
    truncateSync(join(folder, 'vaults', 'cut', 'vault.mdb'), 8192);
    // A look at the file holds for some milliseconds.
    await setTimeout(20);
    for (const stop of [0, 1]) {
      await expect(read(client('cut'), `c${stop}`)).rejects.toMatchObject({
        reason: 'CORRUPT_STORE',
        message: expect.stringMatching(/was cut off from \d+ to 8192 bytes/) as string,
      });
      await expect(store(client('cut'), 'more', 99)).rejects.toMatchObject({
        reason: expect.stringMatching(/^(COMMIT_FAILED|WRITES_STOPPED|CORRUPT_STORE)$/) as string,
      });
      await expect(client('cut').stats()).rejects.toMatchObject({ reason: 'CORRUPT_STORE' });
    }
    expect(await client().health({ vault: 'cut' })).toBe('notServing');
    expect(await client().health({ vault: 'whole' })).toBe('serving');
    expect(await read(client('whole'), 'c')).toEqual([[...tokens(1)]]);
    await store(client('whole'), 'd', 2);
    await client().admin.deleteVault('cut');
  });
});

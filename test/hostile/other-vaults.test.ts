import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connect, isClientError, type StowkenClient } from '../../src/client/index.js';
import { ownTables, postgresMissing } from '../support/postgres-vault.js';
import { startStowken, type StowkenProcess } from '../support/process.js';

/** Tokens that do not compress: their bytes are in every file and backup that has them. */
const secret = Uint32Array.from({ length: 600 }, (_, n) => (Math.imul(n + 1, 0x9e3779b1) >>> 0) % 2 ** 20);
const rights = ['read', 'write', 'delete', 'maintain'];
const tokenOf = { root: 'r'.repeat(40), spy: 's'.repeat(40) };
const sha256 = (bytes: string | Uint8Array) => createHash('sha256').update(bytes).digest('hex');

/** Returns an answer without times, or the refusal, with the hash that was asked left out. */
async function answer(asked: string, call: () => Promise<unknown>): Promise<string> {
  const plain = (value: unknown): unknown =>
    isClientError(value) ? [value.code, value.reason, value.message, value.metadata] : value;
  const found = await call().catch((error: unknown) => error);
  return JSON.stringify(plain(found), (_key, value: unknown) => plain(value)).replaceAll(asked, 'HASH');
}

async function all<T>(parts: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const part of parts) found.push(part);
  return found;
}

function varints(tokens: Uint32Array): Buffer {
  const bytes: number[] = [];
  for (const token of tokens) {
    let rest = token;
    for (; rest >= 0x80; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
    bytes.push(rest);
  }
  return Buffer.from(bytes);
}

const kinds = ['lmdb', ...(postgresMissing === undefined ? ['postgres'] : [])];

describe.each(kinds)('vaults beside each other, in %s', (kind) => {
  let folder: string;
  let server: StowkenProcess;
  /** Clients of the vault with the secret, and of a vault and its owner who want it. */
  let root: StowkenClient;
  let owner: StowkenClient;
  let spy: StowkenClient;
  let spyElsewhere: StowkenClient;
  let hash: string;
  /** Hash that is stored nowhere. */
  const unknown = sha256(randomBytes(8));

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'stowken-spy-'));
    const entries = [
      {
        name: 'root',
        sha256: sha256(tokenOf.root),
        grants: [{ rights: [...rights, 'admin'], vaults: ['*'] }],
      },
      { name: 'spy', sha256: sha256(tokenOf.spy), grants: [{ rights, vaults: ['b'] }] },
    ];
    writeFileSync(join(folder, 'tokens.json'), JSON.stringify({ tokens: entries }));
    const flags = ['--token-file', join(folder, 'tokens.json')];
    const place = kind === 'lmdb' ? ['--data', join(folder, 'data')] : ['--storage', await ownTables()];
    server = await startStowken(...place, ...flags);
    const client = (token: string, vault: string) => connect({ server: server.address, token, vault });
    root = client(tokenOf.root, 'default');
    for (const name of ['a', 'b']) await root.admin.createVault(name);
    owner = client(tokenOf.root, 'a');
    spy = client(tokenOf.spy, 'b');
    spyElsewhere = client(tokenOf.spy, 'a');
    for (const id of ['s1', 's2', 's3'])
      await owner.store({
        conversation: { id },
        messages: [{ role: 'user', tokens: secret }],
        requestId: `r-${id}`,
      });
    const { messages } = await owner.get('s1', { includeMessages: true });
    hash = messages[0]!.segments[0]!.hash;
    expect(hash).toBe(sha256(new Uint8Array(secret.buffer)));
  });
  afterAll(async () => {
    for (const each of [root, owner, spy, spyElsewhere]) each.close();
    expect(await server.kill('SIGTERM')).toBe(0);
    rmSync(folder, { recursive: true });
  });

  describe('a hash of another vault', () => {
    it.each<[string, (asked: string) => Promise<unknown>]>([
      ['HasSegments', (asked) => spy.segments.has([asked])],
      ['GetSegments', (asked) => all(spy.segments.get([asked]))],
      ['AddReferences', (asked) => spy.segments.addReferences([{ hash: asked, holder: 'h' }])],
      ['RemoveReferences', (asked) => spy.segments.removeReferences([{ hash: asked, holder: 'h' }])],
      ['DeleteSegment', (asked) => spy.segments.delete(asked)],
    ])('is to %s as one that is stored nowhere', async (_name, call) => {
      expect(await answer(hash, () => call(hash))).toBe(await answer(unknown, () => call(unknown)));
    });

    it('is new to whoever stores its tokens, and its holders are those of the vault', async () => {
      const before = await owner.segments.has([hash]);
      const [put] = await spy.segments.put([secret]);
      expect(put).toMatchObject({ kind: 'stored', hash });
      expect(await spy.segments.has([hash])).toEqual([{ kind: 'stored', tokenCount: 600, refCount: 0 }]);
      await spy.segments.delete(hash);
      expect(await spy.segments.has([hash])).toEqual([{ kind: 'absent' }]);
      expect(await owner.segments.has([hash])).toEqual(before);
    });
  });

  describe('what another vault has', () => {
    it('is not found by its first tokens', async () => {
      expect(await owner.findPrefix({ tokens: secret })).toHaveLength(3);
      expect(await spy.findPrefix({ tokens: secret })).toEqual([]);
    });

    it('is in no list and no figure', async () => {
      expect(await all(spy.list())).toEqual([]);
      expect(await all(spy.segments.get([hash]))).toMatchObject([{ kind: 'failed' }]);
      expect(await spy.stats()).toMatchObject({ conversations: 0, tokens: 0 });
    });

    // Backups of a database are made with its own programs.
    it.runIf(kind === 'lmdb')('is in no backup', async () => {
      const [own, copy] = await Promise.all(
        [owner, spy].map(async (each) => Buffer.concat(await all(each.backup()))),
      );
      const frame = varints(secret.subarray(100, 120));
      expect(own!.includes(frame)).toBe(true);
      expect(copy!.includes(frame)).toBe(false);
    });

    it('is not opened by a token of a page, or by a request that was made there', async () => {
      const { nextPageToken } = await owner.listPage({ pageSize: 1 });
      await expect(spy.listPage({ pageSize: 1, pageToken: nextPageToken })).rejects.toMatchObject({
        reason: 'INVALID_PAGE_TOKEN',
      });
      // The same request id is another request here: the answer of there is not given.
      const stored = await spy.store({
        conversation: { id: 's1' },
        messages: [{ role: 'user', tokens: [1] }],
        requestId: 'r-s1',
      });
      expect(stored).toMatchObject({ newSegments: 1 });
      await spy.delete('s1');
      for await (const part of spy.collectGarbage()) expect(part).toBeDefined();
    });
  });

  describe('a vault that a caller has no right for', () => {
    const nowhere = () => connect({ server: server.address, token: tokenOf.spy, vault: 'nowhere' });

    it('answers as one that is not there', async () => {
      const calls: readonly ((client: StowkenClient, vault: string) => Promise<unknown>)[] = [
        (client) => client.get('s1'),
        (client) => client.stats(),
        (client) => client.segments.has([hash]),
        (client) => client.findPrefix({ tokens: secret }),
        (client) => client.store({ conversation: { id: 'x' }, messages: [] }),
        (client) => client.delete('s1'),
        (client) => all(client.read('s1', { encoding: 'tokens' })),
        (client) => all(client.collectGarbage()),
        (client) => all(client.verify()),
        (client) => all(client.backup()),
        (client, vault) => client.admin.getVault(vault),
        (client, vault) => client.admin.deleteVault(vault),
        (client, vault) => client.admin.createVault(vault),
      ];
      const other = nowhere();
      for (const call of calls) {
        const refused = await answer(hash, () => call(spyElsewhere, 'a'));
        expect(refused).toContain('PERMISSION_DENIED');
        const same = await answer(hash, () => call(other, 'nowhere'));
        expect(same.replaceAll(/(?<=\\?")nowhere(?=\\?")/g, 'a')).toBe(refused);
      }
      other.close();
      expect(await owner.get('s1')).toMatchObject({ conversation: { id: 's1', totalTokens: 600 } });
    });
  });
});

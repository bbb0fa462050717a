import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connect, type StowkenClient } from '../../src/client/index.js';
import { childrenOf, signalTo } from '../support/children.js';
import { ownTables, postgresMissing } from '../support/postgres-vault.js';
import { startStowken, type StowkenProcess } from '../support/process.js';
import { eventually } from '../support/wait.js';

const workers = 2;

/** A server whose workers store in a database by themselves. */
describe.skipIf(postgresMissing !== undefined)('workers on a database', () => {
  let server: StowkenProcess;
  let url: string;
  let clients: StowkenClient[];
  beforeAll(async () => {
    url = `${await ownTables()}&connections=4`;
    server = await startStowken('--storage', url, '--workers', String(workers));
    clients = Array.from({ length: 2 * workers }, () => connect({ server: server.address }));
  });
  afterAll(async () => {
    for (const client of clients) client.close();
    expect(await server.kill('SIGTERM')).toBe(0);
  });

  const clientOf = (n: number, vault = 'default') =>
    vault === 'default' ? clients[n % clients.length]! : connect({ server: server.address, vault });
  const tokensOf = (n: number) =>
    Uint32Array.from({ length: 300 }, (_, at) => (at < 100 ? at : n * 1000 + at));
  const store = (client: StowkenClient, n: number) =>
    client.store({ conversation: { id: `c${n}` }, messages: [{ role: 'user', tokens: tokensOf(n) }] });
  async function contentOf(client: StowkenClient, n: number): Promise<unknown> {
    for await (const part of client.read(`c${n}`, { encoding: 'tokens' }))
      if (part.kind === 'message') return part.content;
    return undefined;
  }
  /** All workers serve: as many connections as there are workers are answered at the same time. */
  const served = () =>
    eventually(async () => {
      expect(childrenOf(server.child.pid!)).toHaveLength(workers);
      const some = Array.from({ length: 2 * workers }, () => connect({ server: server.address }));
      try {
        await Promise.all(some.map((client) => client.stats()));
      } finally {
        for (const client of some) client.close();
      }
    });
  async function expectWhole(): Promise<void> {
    const parts = [];
    for await (const part of clients[0]!.verify()) parts.push(part);
    expect(parts.at(-1)).toMatchObject({ kind: 'summary', violations: 0 });
  }

  it('show each connection what any other one has stored', async () => {
    await Promise.all(Array.from({ length: 40 }, (_, n) => store(clientOf(n), n)));
    for (let n = 0; n < 40; n++) expect(await contentOf(clientOf(n + 1), n)).toEqual(tokensOf(n));
    for (const client of clients) expect(await client.stats()).toMatchObject({ conversations: 40 });
    await Promise.all(clients.map((client, n) => client.delete(`c${n}`)));
    await Promise.all(
      clients.map(async (client) => {
        for await (const part of client.collectGarbage({ minAgeMs: 0 })) void part;
      }),
    );
    await expectWhole();
  });

  it('lose nothing that was acknowledged when one of them is killed, and are replaced', async () => {
    const acknowledged: number[] = [];
    let isStoring = true;
    const storing = Array.from({ length: 6 }, async (_, lane) => {
      for (let n = 1_000 + lane; isStoring; n += 6) {
        const client = connect({ server: server.address });
        const stored = await store(client, n).then(
          () => true,
          () => false,
        );
        client.close();
        if (stored) acknowledged.push(n);
      }
    });
    for (let kill = 0; kill < 2; kill++) {
      await sleep(300);
      const [victim] = childrenOf(server.child.pid!);
      signalTo(victim!, 'SIGKILL');
      await served();
    }
    isStoring = false;
    await Promise.all(storing);
    const client = connect({ server: server.address });
    expect(acknowledged.length).toBeGreaterThan(0);
    for (const n of acknowledged) expect(await contentOf(client, n)).toEqual(tokensOf(n));
    client.close();
    clients = clients.map((each) => (each.close(), connect({ server: server.address })));
    await expectWhole();
  });

  it('follow settings and deletions of vaults, whichever of them is told', async () => {
    await clients[0]!.admin.createVault('other');
    const others = Array.from({ length: 4 }, (_, n) => clientOf(n, 'other'));
    await Promise.all(others.map((client, n) => store(client, n)));
    await clients[1]!.admin.updateVault('other', { settings: { quotaBytes: 1 } });
    for (const [n, client] of others.entries())
      await expect(store(client, 100 + n)).rejects.toMatchObject({ reason: 'VAULT_FULL' });
    await clients[2]!.admin.deleteVault('other');
    for (const client of others) {
      await expect(client.stats()).rejects.toMatchObject({ reason: 'VAULT_NOT_FOUND' });
      client.close();
    }
  });
});

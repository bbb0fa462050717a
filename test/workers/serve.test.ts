import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { connect, type StowkenClient } from '../../src/client/index.js';
import { childrenOf, isAlive } from '../support/children.js';
import { startStowken, type StowkenProcess } from '../support/process.js';
import { eventually } from '../support/wait.js';

const workers = 3;
let folder: string;
let server: StowkenProcess;
let clients: StowkenClient[];

async function begin(): Promise<void> {
  folder = mkdtempSync(join(tmpdir(), 'stowken-workers-'));
  server = await startStowken('--data', folder, '--workers', String(workers));
  // Connections are spread over the workers.
  clients = Array.from({ length: 2 * workers }, () => connect({ server: server.address }));
}

async function expectWhole(): Promise<void> {
  const parts = [];
  for await (const part of clients[0]!.verify()) parts.push(part);
  expect(parts.at(-1)).toMatchObject({ kind: 'summary', violations: 0 });
}

async function end(): Promise<void> {
  for (const client of clients) client.close();
  const code = await server.kill('SIGTERM');
  rmSync(folder, { recursive: true });
  expect(code).toBe(0);
}

const clientOf = (n: number) => clients[n % clients.length] as StowkenClient;
const phrase = (n: number) => Array.from({ length: 60 }, (_, i) => (n % 40) * 1000 + i);
const messagesOf = (n: number) => [
  { role: 'system', tokens: Uint32Array.from(phrase(0)) },
  { role: 'user', tokens: Uint32Array.from([...phrase(n), n, ...phrase(n * 7)]) },
];

async function read(client: StowkenClient, id: string) {
  const messages = [];
  for await (const part of client.read(id, { encoding: 'tokens' })) {
    if (part.kind === 'message') messages.push({ role: part.role, tokens: part.content });
  }
  return messages;
}

const storeAll = (from: number, to: number) =>
  Promise.all(
    Array.from({ length: to - from }, (_, i) =>
      clientOf(i).store({ conversation: { id: `c${from + i}` }, messages: messagesOf(from + i) }),
    ),
  );

const children = () => childrenOf(server.child.pid!);

describe('a server of several workers', () => {
  beforeAll(begin);
  afterAll(end);
  afterEach(async () => {
    await expectWhole();
    for await (const { id } of clients[0]!.list()) await clients[0]!.delete(id);
    for await (const part of clients[0]!.collectGarbage({ minAgeMs: 0 })) void part;
  });

  it('lists what is shared, and counts its conversations by day, on every connection', async () => {
    for (const at of [1, 2, 3])
      await clientOf(at).store({
        conversation: { id: `d${at}`, createTimeMs: 1000 * at },
        messages: messagesOf(at),
      });
    await clientOf(0).delete('d1');
    for (const client of clients) {
      const [top] = await client.sharedSegments({ order: 'references' });
      expect(top).toMatchObject({ references: 2, role: 'system', lastUseMs: 3000 });
      const days = [];
      for await (const part of client.segmentUsesByDay(top!.hash)) days.push(...part.days);
      expect(days).toEqual([{ day: '1970-01-01', conversations: 2 }]);
    }
  });

  it('shows each connection what any other one has stored', async () => {
    await storeAll(0, 60);
    for (let n = 0; n < 60; n++) expect(await read(clientOf(n + 1), `c${n}`)).toEqual(messagesOf(n));
    const stats = await Promise.all(clients.map((client) => client.stats()));
    expect(stats.map(({ conversations }) => conversations)).toEqual(clients.map(() => 60));
    await expect(
      clientOf(1).store({ conversation: { id: 'c0' }, messages: messagesOf(1) }),
    ).rejects.toMatchObject({ reason: 'CONVERSATION_EXISTS', metadata: { id: 'c0', revision: '1' } });
  });

  it('takes uploads, whose lists cross to the process that writes', async () => {
    const uploaded = Array.from({ length: 9000 }, (_, n) => messagesOf(n)[n % 2]!);
    await Promise.all(
      ['one', 'other'].map((id, n) => clientOf(n).upload({ conversation: { id }, messages: uploaded })),
    );
    expect(await read(clientOf(2), 'one')).toEqual(uploaded);
    expect(await clientOf(3).upload({ conversation: { id: 'one' }, messages: uploaded })).toMatchObject({
      unchanged: true,
    });
    await expect(
      clientOf(4).upload({ conversation: { id: 'one' }, messages: uploaded.slice(1) }),
    ).rejects.toMatchObject({ reason: 'CONVERSATION_EXISTS' });
  });

  it('collects garbage that none of them reads', async () => {
    await storeAll(0, 40);
    await Promise.all(Array.from({ length: 40 }, (_, n) => clientOf(n + 3).delete(`c${n}`)));
    for await (const part of clientOf(2).collectGarbage({ minAgeMs: 0 })) void part;
    for (const client of clients) {
      expect(await client.stats()).toMatchObject({ conversations: 0, segments: 0, garbageSegments: 0 });
    }
  });

  it('compacts for all of them at once, one compaction at a time', async () => {
    await storeAll(0, 600);
    const ends = await Promise.allSettled(
      clients.map(async (client) => {
        let end;
        for await (const part of client.compactSubstrings()) if (part.kind === 'summary') end = part.end;
        return end;
      }),
    );
    const done = ends.filter(({ status }) => status === 'fulfilled');
    expect(done).toEqual([{ status: 'fulfilled', value: 'complete' }]);
    const refusals = ends
      .filter((end) => end.status === 'rejected')
      .map((end) => end.reason as { reason: string });
    expect(new Set(refusals.map(({ reason }) => reason))).toEqual(new Set(['COMPACTION_RUNNING']));
    await storeAll(600, 640);
    for (let n = 0; n < 640; n += 13) expect(await read(clientOf(n), `c${n}`)).toEqual(messagesOf(n));
  });
});

describe('a server of several workers that is killed', () => {
  beforeAll(begin);
  afterAll(end);
  afterEach(expectWhole);

  it('replaces a worker, and loses nothing', async () => {
    await storeAll(0, 40);
    const before = children();
    expect(before).toHaveLength(workers);
    process.kill(before[0]!, 'SIGKILL');
    await eventually(() => {
      expect(children()).toHaveLength(workers);
      expect(children()).not.toContain(before[0]);
    });
    await storeAll(40, 80);
    for (let n = 0; n < 80; n++) expect(await read(clientOf(n), `c${n}`)).toEqual(messagesOf(n));
  });

  it('ends with the process that keeps the vault, which loses nothing', async () => {
    await storeAll(80, 120);
    const pids = children();
    await server.kill('SIGKILL');
    await eventually(() => expect(pids.filter(isAlive)).toEqual([]));
    for (const client of clients) client.close();
    server = await startStowken('--data', folder, '--workers', String(workers));
    clients = Array.from({ length: 2 }, () => connect({ server: server.address }));
    for (let n = 80; n < 120; n++) expect(await read(clientOf(n), `c${n}`)).toEqual(messagesOf(n));
  });
});

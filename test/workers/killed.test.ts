import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { connect, type StowkenClient } from '../../src/client/index.js';
import { childrenOf, isAlive, signalTo } from '../support/children.js';
import { openConnection } from '../support/connections.js';
import { startStowken, type StowkenProcess } from '../support/process.js';
import { sampleOr } from '../support/sample.js';
import { eventually } from '../support/wait.js';

const workers = 2;
/** Uploads of 2.5 MB each in the vault that a backup copies. */
const COPIED = 3;
let folder: string;
let server: StowkenProcess;
const clients: StowkenClient[] = [];

const start = async (...args: string[]) => {
  server = await startStowken('--data', folder, '--workers', String(workers), ...args);
};

function begin(): void {
  folder = mkdtempSync(join(tmpdir(), 'stowken-killed-'));
}

function end(): void {
  for (const client of clients.splice(0)) client.close();
  rmSync(folder, { recursive: true });
}

function newClient(): StowkenClient {
  const client = connect({ server: server.address });
  clients.push(client);
  return client;
}

const pids = () => childrenOf(server.child.pid!);
const tokensOf = (n: number) => Uint32Array.from({ length: 100 }, (_, i) => n * 1000 + i);
const store = (n: number) =>
  newClient().store({ conversation: { id: `c${n}` }, messages: [{ role: 'user', tokens: tokensOf(n) }] });

/** All workers serve: as many as there are take connections at the same time. */
const served = () =>
  eventually(async () => {
    expect(pids()).toHaveLength(workers);
    await newClient().stats();
  });

async function expectWhole(count: number): Promise<void> {
  const client = newClient();
  for (let n = 0; n < count; n++) {
    const contents = [];
    for await (const part of client.read(`c${n}`, { encoding: 'tokens' }))
      if (part.kind === 'message') contents.push(part.content);
    expect(contents).toEqual([tokensOf(n)]);
  }
  const parts = [];
  for await (const part of client.verify()) parts.push(part);
  expect(parts.at(-1)).toMatchObject({ kind: 'summary', violations: 0 });
}

describe('a server whose workers are killed, again and again', () => {
  /** Conversations that were stored so far. */
  let stored = 0;
  const storeOne = async () => {
    await eventually(() => store(stored));
    stored += 1;
  };

  beforeAll(async () => {
    begin();
    await start();
    await storeOne();
  });
  afterAll(async () => {
    expect(await server.kill('SIGTERM')).toBe(0);
    end();
  });
  afterEach(async () => {
    await served();
    await expectWhole(stored);
  });

  it('goes on at the same address when all of them are killed at once', async () => {
    for (let round = 0; round < sampleOr(2, 3); round++) {
      await storeOne();
      const before = pids();
      for (const pid of before) signalTo(pid, 'SIGKILL');
      await eventually(() => expect(pids().filter((pid) => !before.includes(pid))).toHaveLength(workers));
    }
  });

  it('serves or closes every connection', () => expectFates(sampleOr(1, 3)));

  it('replaces workers that do not answer, closes the connections they do not take, and collects garbage', async () => {
    const client = newClient();
    await client.store({ conversation: { id: 'gone' }, messages: [{ role: 'user', tokens: [1, 2, 3] }] });
    const { conversations, segments } = await client.stats();
    await client.delete('gone');
    const stopped = pids().filter((_, n) => n === 0);
    for (const pid of stopped) signalTo(pid, 'SIGSTOP');
    // Connections go to the other worker, except for the one that the stopped worker was just given.
    const fates = Array.from({ length: 6 }, async () => {
      const { socket, fate } = openConnection(server.address);
      return fate.finally(() => socket.destroy());
    });
    expect((await Promise.all(fates)).filter((fate) => fate === 'served').length).toBeGreaterThanOrEqual(5);
    // A collection waits until every worker has released its leases, or has ended.
    await eventually(async () => {
      for await (const part of newClient().collectGarbage({ minAgeMs: 0 })) void part;
    });
    await eventually(() => expect(stopped.some((pid) => pids().includes(pid))).toBe(false));
    await served();
    expect(await newClient().stats()).toMatchObject({
      conversations: conversations - 1,
      segments: segments - 1,
    });
  });

  // The last: workers that cannot begin are started later and later.
  it('serves again by itself when none of them could begin to serve for a while', async () => {
    const seen = new Set<number>();
    while (seen.size < sampleOr(3, 5) * workers) {
      for (const pid of pids()) {
        seen.add(pid);
        signalTo(pid, 'SIGKILL');
      }
      await sleep(20);
    }
    expect(server.child.exitCode).toBeNull();
  });
});

describe('a server whose workers are killed', () => {
  beforeEach(begin);
  afterEach(end);

  it('stops when it is told to while it has no workers, and while they begin', async () => {
    for (const isWaiting of [true, false]) {
      await start();
      const seen = new Set<number>();
      const kills = sampleOr(2, 3) * workers;
      // Workers that have begun to serve stay: to see a moment without any, they are killed until it comes.
      while (seen.size < kills || pids().some(isAlive) === isWaiting) {
        for (const pid of seen.size < kills || isWaiting ? pids() : []) {
          seen.add(pid);
          signalTo(pid, 'SIGKILL');
        }
        await sleep(20);
      }
      expect(await server.kill('SIGTERM')).toBe(0);
      expect([...seen].filter(isAlive)).toEqual([]);
    }
  });

  it('stops in good order when told so before it has started', async () => {
    const main = createRequire(import.meta.url).resolve('#build/programs/main.js');
    const args = ['serve', '--listen', '127.0.0.1:0', '--data', folder, '--workers', String(workers)];
    const child = spawn(process.execPath, [main, ...args], { stdio: 'ignore' });
    const ended = once(child, 'exit');
    const begun = await eventually(() => {
      const found = childrenOf(child.pid!);
      expect(found).not.toEqual([]);
      return found;
    });
    child.kill('SIGTERM');
    expect(await ended).toEqual([0, null]);
    expect(begun.filter(isAlive)).toEqual([]);
  });

  it('serves or closes every connection of a socket', async () => {
    await start('--listen', `unix:${folder}/socket`);
    await expectFates(sampleOr(1, 3));
    expect(await server.kill('SIGTERM')).toBe(0);
  });

  it('stops in bounded time though a worker does not answer', async () => {
    await start('--drain-timeout', '0');
    for (const pid of pids()) signalTo(pid, 'SIGSTOP');
    const all = pids();
    expect(await server.kill('SIGTERM')).toBe(0);
    expect(all.filter(isAlive)).toEqual([]);
  });
});

/** Opens connections before, while and after workers are killed. */
async function expectFates(rounds: number): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    await served();
    const doomed = pids();
    const fates: Promise<string>[] = [];
    const sockets: Socket[] = [];
    for (let n = 0; n < 60; n++) {
      const { socket, fate } = openConnection(server.address);
      sockets.push(socket);
      fates.push(fate);
      if (n % 3 === 0) await sleep(1);
      if (n === 30) for (const pid of doomed) signalTo(pid, 'SIGKILL');
    }
    let settled = 0;
    for (const fate of fates) void fate.then(() => (settled += 1));
    await eventually(() => expect(settled).toBe(fates.length));
    for (const socket of sockets) socket.destroy();
  }
}

describe('the copy that a backup streams', () => {
  beforeEach(begin);
  afterEach(end);

  const copies = () => readdirSync(folder).filter((name) => name.startsWith('backup.mdb-'));

  /** Stores so much that a backup of it waits for its reader: some times what connections hold of it. */
  async function fill(): Promise<void> {
    for (let n = 0; n < COPIED; n++) {
      const tokens = Uint32Array.from(
        { length: 500_000 },
        (_, i) => Math.imul(i + n * 500_000, 0x9e3779b1) >>> 3,
      );
      await newClient().upload({ conversation: { id: `long${n}` }, messages: [{ role: 'user', tokens }] });
    }
  }

  /** Reads the beginning of a backup. */
  async function beginBackup(): Promise<void> {
    const stream = newClient().backup()[Symbol.asyncIterator]();
    await stream.next();
    expect(copies()).toHaveLength(1);
  }

  it('goes with the worker that made it, or keeps none alive whose primary is killed and goes when the vault is opened next', async () => {
    await start();
    await fill();
    await beginBackup();
    for (const pid of pids()) signalTo(pid, 'SIGKILL');
    await eventually(() => expect(copies()).toEqual([]));
    await served();
    await beginBackup();
    const orphans = pids();
    await server.kill('SIGKILL');
    await eventually(() => expect(orphans.filter(isAlive)).toEqual([]));
    await start();
    expect(copies()).toEqual([]);
    expect(existsSync(join(folder, 'vault.mdb'))).toBe(true);
    expect(await server.kill('SIGTERM')).toBe(0);
  });
});

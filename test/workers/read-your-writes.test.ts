import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connect, type StowkenClient } from '../../src/client/index.js';
import { startStowken, type StowkenProcess } from '../support/process.js';

const workers = 2;
/** Concurrent writers: commits follow one another while others read. */
const writers = 8;
const rounds = 25;

let folder: string;
let server: StowkenProcess;
let clients: StowkenClient[];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'stowken-workers-'));
  server = await startStowken('--data', folder, '--workers', String(workers));
  // Connections go to the workers in turn: two in a row are to different workers.
  clients = Array.from({ length: 2 * workers }, () => connect({ server: server.address }));
  for (const client of clients) await client.stats();
});

afterAll(async () => {
  for (const client of clients) client.close();
  await server.kill('SIGTERM');
  rmSync(folder, { recursive: true });
});

const clientOf = (n: number) => clients[n % clients.length] as StowkenClient;

/** Tokens that no other writer or round uses. */
const tokensOf = (writer: number, round: number, n: number) =>
  Uint32Array.of(writer, round, n, 1 + writer * 1000 + round);

async function* contents(client: StowkenClient, id: string): AsyncGenerator<unknown, void, void> {
  for await (const part of client.read(id, { encoding: 'tokens' }))
    if (part.kind === 'message') yield part.content;
}

async function inParallel(work: (writer: number, round: number) => Promise<void>): Promise<void> {
  await Promise.all(
    Array.from({ length: writers }, async (_, writer) => {
      for (let round = 0; round < rounds; round++) await work(writer, round);
    }),
  );
}

describe('while others write, what one worker has acknowledged every other one shows', () => {
  it('a conversation, each turn that is appended to it, and that it is deleted', async () => {
    await inParallel(async (writer, round) => {
      const id = `${writer}/${round}`;
      const [first, second] = [tokensOf(writer, round, 0), tokensOf(writer, round, 1)];
      await clientOf(writer).store({
        conversation: { id },
        messages: [{ role: 'user', tokens: first }],
      });
      for (const client of clients)
        expect((await client.get(id)).conversation).toMatchObject({ revision: 1 });
      await clientOf(writer + 1).append(id, [{ role: 'assistant', tokens: second }]);
      for (const client of clients) {
        const all: unknown[] = [];
        for await (const content of contents(client, id)) all.push(content);
        expect(all).toEqual([first, second]);
      }
      if (round % 5 > 0) return;
      await clientOf(writer + 2).delete(id);
      for (const client of clients)
        await expect(client.get(id)).rejects.toMatchObject({ reason: 'CONVERSATION_NOT_FOUND' });
    });
  });

  it('segments, so many that the recent ones are entered into chunks of the hash index again and again', async () => {
    await inParallel(async (writer, round) => {
      const tokens = Array.from({ length: 100 }, (_, n) => tokensOf(writer, round, 10 + n));
      const stored = await clientOf(writer).segments.put(tokens, { holder: 'test' });
      const hashes = stored.map((each) => (each.kind === 'stored' ? each.hash : 'failed'));
      for (const client of clients) {
        const found = await client.segments.has(hashes);
        expect(new Set(found.map(({ kind }) => kind))).toEqual(new Set(['stored']));
      }
    });
  });

  it('and the vault is whole', async () => {
    for (const client of clients) {
      const parts = [];
      for await (const part of client.verify()) parts.push(part);
      expect(parts.at(-1)).toMatchObject({ kind: 'summary', violations: 0 });
    }
  });
});

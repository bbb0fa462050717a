import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { connect, isClientError, type StowkenClient } from '../../src/client/index.js';
import { sampleOr } from '../support/sample.js';
import { startStowken, type StowkenProcess } from '../support/process.js';

/** Number of runs. A failure prints its seed, which STOWKEN_SEED takes. */
const numRuns = sampleOr(8, 200);
const seed = process.env['STOWKEN_SEED'];

let folder: string;
/** A server with two vaults of each run, and one that has only one of them. */
let both: StowkenProcess;
let alone: StowkenProcess;
let run = 0;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'stowken-independence-'));
  both = await startStowken('--data', join(folder, 'both'));
  alone = await startStowken('--data', join(folder, 'alone'));
});
afterAll(async () => {
  for (const server of [both, alone]) expect(await server?.kill('SIGTERM')).toBe(0);
  rmSync(folder, { recursive: true });
});

const id = fc.constantFrom('c1', 'c2', 'c3', 'c4');
const content = fc
  .tuple(fc.nat(3), fc.constantFrom(1, 30, 600))
  .map(([start, count]) => Uint32Array.from({ length: count }, (_, n) => start * 1000 + n));
const messages = fc.array(
  content.map((tokens) => ({ role: 'user', tokens })),
  { minLength: 1, maxLength: 3 },
);
/** Calls, each with an answer that depends on what its vault holds. */
const call = fc.oneof(
  fc.record({ kind: fc.constant('store' as const), id, messages }),
  fc.record({ kind: fc.constant('append' as const), id, messages }),
  fc.record({ kind: fc.constant('fork' as const), id, newId: id }),
  fc.record({ kind: fc.constant('delete' as const), id }),
  fc.record({ kind: fc.constant('get' as const), id }),
  fc.record({ kind: fc.constant('find' as const), messages }),
  fc.record({ kind: fc.constantFrom('list' as const, 'stats' as const, 'collect' as const) }),
);
type Call = typeof call extends fc.Arbitrary<infer T> ? T : never;

/** Makes a call, and returns its answer without times: two servers have different ones. */
async function answer(client: StowkenClient, given: Call): Promise<unknown> {
  try {
    return timeless(await make(client, given));
  } catch (error) {
    if (!isClientError(error)) throw error;
    return { reason: error.reason, message: error.message };
  }
}

async function make(client: StowkenClient, given: Call): Promise<unknown> {
  switch (given.kind) {
    case 'store':
      return client.store({ conversation: { id: given.id }, messages: given.messages });
    case 'append':
      return client.append(given.id, given.messages);
    case 'fork':
      return client.fork(given.id, { newId: given.newId });
    case 'delete':
      return client.delete(given.id);
    case 'get':
      return client.get(given.id, { includeMessages: true });
    case 'find':
      return client.findPrefix({ tokens: given.messages[0]!.tokens });
    case 'list':
      return client.listPage({ pageSize: 2 });
    case 'stats':
      return client.stats();
    case 'collect':
      return all(client.collectGarbage());
  }
}

async function all(parts: AsyncIterable<unknown>): Promise<unknown[]> {
  const found = [];
  for await (const part of parts) found.push(part);
  return found;
}

const ownOfServer = /time|token$|fileBytes|inUseBytes|elapsed/i;

function timeless(value: unknown): unknown {
  const kept = (key: string, part: unknown): unknown => (ownOfServer.test(key) ? undefined : part);
  return JSON.parse(JSON.stringify(value ?? null, kept));
}

it('no answer of a vault depends on another vault of its server', async () => {
  const property = fc.asyncProperty(
    fc.array(fc.record({ other: fc.boolean(), call }), { minLength: 1, maxLength: 30 }),
    async (calls) => {
      const [name, otherName] = [`a${++run}`, `b${run}`];
      const clients = [both, alone].map(({ address }) => connect({ server: address, vault: name }));
      const other = connect({ server: both.address, vault: otherName });
      try {
        for (const client of clients) await client.admin.createVault(name);
        await other.admin.createVault(otherName);
        for (const { other: isOther, call: made } of calls) {
          if (isOther) await answer(other, made);
          else expect(await answer(clients[0]!, made)).toEqual(await answer(clients[1]!, made));
        }
        for (const client of [...clients, other])
          expect((await all(client.verify())).at(-1)).toMatchObject({ kind: 'summary', violations: 0 });
      } finally {
        for (const client of [...clients, other]) client.close();
      }
    },
  );
  await fc.assert(property, { numRuns, ...(seed !== undefined && { seed: Number(seed) }) });
});

it('vaults with the same content share nothing on the disk', async () => {
  const server = both;
  const names = ['disk-a', 'disk-b'];
  for (const vault of names) {
    const client = connect({ server: server.address, vault });
    await client.admin.createVault(vault);
    const conversation = { id: 'same', metadata: { mark: `only in ${vault}` } };
    const tokens = Uint32Array.from({ length: 1000 }, (_, n) => n);
    expect(await client.store({ conversation, messages: [{ role: 'user', tokens }] })).toMatchObject({
      dedupedSegments: 0,
    });
    client.close();
  }
  const filesOf = (vault: string) => {
    const path = join(folder, 'both', 'vaults', vault);
    return readdirSync(path, { recursive: true })
      .map((name) => join(path, String(name)))
      .filter((file) => statSync(file).isFile());
  };
  const inodes = names.map((name) => filesOf(name).map((file) => statSync(file).ino));
  expect(inodes[0]!.filter((inode) => inodes[1]!.includes(inode))).toEqual([]);
  const holds = (vault: string, text: string) =>
    filesOf(vault).some((file) => readFileSync(file).includes(text));
  for (const vault of names)
    for (const mark of names) expect(holds(vault, `only in ${mark}`)).toBe(vault === mark);
});

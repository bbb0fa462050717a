import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { brotliCompressSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createLiveCodec, trainHere } from '../../src/codec/index.js';
import {
  type InspectedRecord,
  type Inspection,
  inspectVault,
  openFilesystemBackend,
  openLmdbBackend,
  type StorageBackend,
} from '../../src/storage/index.js';
import { Environment, type Tables } from '../../src/storage/lmdb/tables/environment.js';
import { tableFormats } from '../../src/storage/lmdb/inspect/table-formats.js';
import { tableKeys } from '../../src/storage/lmdb/tables/table-keys.js';
import { sampleSegments } from '../codec/samples.js';
import { longList, puttingList } from '../contract/long-lists.js';
import { core, longSegment, message, segment, spec, storing } from '../contract/support.js';
import { temporaryFolder, type TemporaryFolder } from './faults/support.js';

const registry = trainHere(
  core.module,
  sampleSegments(300, 1).map((tokens) => core.fromTokens(tokens)),
  { id: 1 },
);
/** A file that ends with its own hash, as that of a vocabulary does. */
const content = Buffer.from('a vocabulary');
const hash = createHash('sha256').update(content).digest();
const vocabulary = {
  sha256: hash.toString('hex'),
  packed: brotliCompressSync(Buffer.concat([content, hash])),
};
const many = Array.from({ length: 300 }, (_, n) => n);
const held = longSegment(40, 1);
const evil = 'id \u001b[31m';

let folder: TemporaryFolder;
beforeEach(async () => {
  folder = await temporaryFolder();
});
afterEach(() => folder.remove());

/** Makes changes that leave a record in every table. */
async function fill(backend: StorageBackend): Promise<void> {
  const request = { id: 'r', digest: '0'.repeat(32), timeMs: 1_000, notBeforeMs: 0 };
  await backend.commit({
    newSegments: [held],
    put: {
      spec: spec(evil, { application: 'app', model: 'model', metadata: { task: 'seven' } }),
      messages: [message('user', held)],
      expect: { kind: 'absentOrSame' },
      timeMs: 1_000,
      prefix: Buffer.alloc(0),
    },
    request,
  });
  const long = longSegment(600, 2);
  await backend.commit({
    ...storing('prefixed', [long]),
    put: { ...storing('prefixed', [long]).put!, prefix: Buffer.of(1, 1, 1, 1, 2, 2, 2, 2) },
  });
  // Ends where another one does.
  await backend.commit({
    fork: { id: 'prefixed', newId: 'as prefixed', messageCount: undefined, timeMs: 1_000, indexed: true },
  });
  await backend.commit({ addReferences: many.map((n) => ({ hash: held.hash, holder: `holder ${n}` })) });
  await backend.commit({ putRegistry: { bytes: registry, timeMs: 1_000 } });
  // Frames of all lengths, some of them with whole pages and with halves of pages.
  await backend.commit(
    storing(
      'frames',
      [1_000, 2_000, 3_000, 9_000].map((count) => longSegment(count, 3)),
    ),
  );
  await backend.commit(puttingList('long', longList(2_000)));
  for (const n of many) {
    await backend.commit({ fork: { id: 'long', newId: `fork ${n}`, messageCount: 1_990, timeMs: 2_000 } });
  }
  await backend.commit({ newSegments: [segment(1, 2), segment(3, 4)] });
  await backend.commit({ deleteSegments: [segment(1, 2).hash] });
  await backend.commit(storing('recent', [longSegment(30, 5)]));
  await backend.commit(puttingList('freed', longList(1_000, 5_000)));
  await backend.commit({ delete: { id: 'freed', timeMs: 3_000 } });
}

async function collect(records: AsyncIterable<InspectedRecord>): Promise<InspectedRecord[]> {
  const all: InspectedRecord[] = [];
  for await (const record of records) all.push(record);
  return all;
}

async function inspecting<T>(look: (vault: Inspection) => Promise<T>): Promise<T> {
  const vault = await inspectVault(folder.path);
  try {
    return await look(vault);
  } finally {
    vault.close();
  }
}

const valueOf = async (table: string, key: string) =>
  inspecting(async (vault) => (await collect(vault.records(table, key))).map(({ value }) => value));

/** Packs the conversations, and adds one that has a record of its own. */
async function packed(): Promise<void> {
  const backend = await openLmdbBackend({
    ...{ folder: folder.path, codec: createLiveCodec(core), clock: () => 9_000, durability: 'relaxed' },
    packing: { coldAfterMs: 0, fewest: 1 },
  });
  await backend.defragment(new AbortController().signal);
  await backend.commit({ fork: { id: 'long', newId: 'later', messageCount: 1_990, timeMs: 9_000 } });
  await backend.commit(puttingList('freed', longList(1_000, 5_000)));
  await backend.commit({ delete: { id: 'freed', timeMs: 9_000 } });
  expect(await backend.check()).toEqual([]);
  await backend.close();
}

describe('the records of an lmdb vault', () => {
  beforeEach(async () => {
    const codec = createLiveCodec(core);
    const clock = () => 5_000;
    const backend = await openLmdbBackend({
      ...{ folder: folder.path, codec, clock, durability: 'relaxed' },
      unindexedMax: 0,
    });
    await backend.commit({ putTokenizer: { name: 'mine', ...vocabulary } });
    await fill(backend);
    expect(await backend.check()).toEqual([]);
    await backend.close();
  });

  it('are all there, in every table of the layout, and decode', async () => {
    expect(Object.keys(tableFormats)).toEqual(Object.keys(tableKeys));
    await packed();
    const before = await readFile(join(folder.path, 'vault.mdb'));
    await inspecting(async (vault) => {
      const summary = await vault.summary();
      for (const { name, records, bytes, damaged } of summary) {
        const all = await collect(vault.records(name));
        expect({ name, records, damaged }).toEqual({ name, records: all.length, damaged: 0 });
        expect(all.length, name).toBeGreaterThan(0);
        expect(bytes).toBe(all.reduce((sum, { raw }) => sum + raw.length, 0));
        for (const { value, damage, orphaned } of all) {
          expect({ damage, orphaned }).toEqual({ damage: undefined, orphaned: false });
          expect(Object.keys(value as object)).not.toEqual([]);
        }
      }
      expect(vault.damage()).toEqual([]);
    });
    expect(await readFile(join(folder.path, 'vault.mdb'))).toEqual(before);
  });

  it('are found by number and id in packs as in records of their own, unless they are deleted', async () => {
    const before = [await valueOf('conversations', evil), await valueOf('conversations', '3')];
    expect(before.map(({ length }) => length)).toEqual([1, 1]);
    await packed();
    expect([await valueOf('conversations', evil), await valueOf('conversations', '3')]).toEqual(before);
    const codec = createLiveCodec(core);
    const backend = await openLmdbBackend({ folder: folder.path, codec, clock: () => 9_000 });
    await backend.commit({ delete: { id: evil, timeMs: 9_000 } });
    await backend.close();
    expect(await valueOf('conversations', evil)).toEqual([]);
  });

  it('are those that LMDB has', async () => {
    const environment = await Environment.open(folder.path, { sync: false });
    const counts = Object.values(environment.tables as unknown as Record<string, Tables['meta']>).map(
      (table) => [table.name, table.count()] as const,
    );
    await environment.close();
    const summary = await inspecting((vault) => vault.summary());
    expect(new Map(summary.map(({ name, records }) => [name, records]))).toEqual(new Map(counts));
  });

  it.each([
    ['conversations', '1', [expect.objectContaining({ id: evil, model: 'model', tokens: 40, messages: 1 })]],
    [
      'conversations',
      evil,
      [expect.objectContaining({ metadata: { task: 'seven' }, previous_conversation: 0 })],
    ],
    ['ids', evil, [expect.objectContaining({ entries: [{ key: evil, conversation: 1 }] })]],
    ['refCounts', '1', [{ entries: [{ key: 1, count: 'many' }] }]],
    ['bigRefCounts', '1', [{ count: 301 }]],
    ['packs', '1', [expect.objectContaining({ entries: [expect.objectContaining({ key: 1, tokens: 40 })] })]],
    ['references', 'holder 7', [expect.objectContaining({ entries: [{ key: 'holder 7', segment: 1 }] })]],
    [
      'hashIndex',
      held.hash,
      [expect.objectContaining({ entries: [{ key: held.hash.slice(0, 7), segment: 1 }] })],
    ],
    ['conversationNodes', '2', [{ entries: [expect.objectContaining({ key: 2, depth: 2 })] }]],
    ['requests', 'r', [expect.objectContaining({ time_ms: 1_000, result: expect.any(Object) as object })]],
    ['requestIds', 'r', [expect.objectContaining({ entries: [expect.objectContaining({ request: 1 })] })]],
    ['meta', 'state', [expect.objectContaining({ commit_sequence: expect.any(Number) as number })]],
    ['ids', 'no such id', []],
  ])('are found by what they are about: %s %s', async (table, key, expected) => {
    expect(await valueOf(table, key)).toEqual(expected);
  });

  it('that are damaged are named, and the others shown', async () => {
    const path = join(folder.path, 'vault.mdb');
    const bytes = await readFile(path);
    // Every copy of the page: which of them is in use is not known here.
    for (let at = bytes.indexOf(evil); at >= 0; at = bytes.indexOf(evil, at + 1)) bytes[at]! ^= 1;
    await writeFile(path, bytes);
    await inspecting(async (vault) => {
      const [first, ...others] = await collect(vault.records('conversations'));
      expect(first).toMatchObject({ key: '1', damage: 'it does not have its checksum', value: undefined });
      expect(others.filter(({ damage }) => damage !== undefined)).toEqual([]);
      expect(others.length).toBeGreaterThan(300);
      const tables = (await vault.summary()).filter(({ damaged }) => damaged > 0);
      expect(tables.map(({ name }) => name)).toContain('conversations');
    });
  });

  it('are not read while a server has the vault open', async () => {
    const codec = createLiveCodec(core);
    const backend = await openLmdbBackend({ folder: folder.path, codec, clock: () => 5_000 });
    await expect(inspectVault(folder.path)).rejects.toMatchObject({ reason: 'STORE_LOCKED' });
    await backend.close();
  });
});

describe('the records of a filesystem vault', () => {
  beforeEach(async () => {
    const codec = createLiveCodec(core);
    const clock = () => 5_000;
    const backend = await openFilesystemBackend({ folder: folder.path, codec, core, clock, fsync: false });
    const request = { id: 'r', digest: '0'.repeat(32), timeMs: 1_000, notBeforeMs: 0 };
    await backend.commit({ ...storing(evil, [held]), request });
    await backend.commit({ putRegistry: { bytes: registry, timeMs: 1_000 } });
    await backend.commit({ addReferences: [{ hash: held.hash, holder: 'h' }] });
    await backend.close();
  });

  it('are all there, of every kind, and decode', async () => {
    // A journal is there only after a crash.
    await writeFile(join(folder.path, 'journal-1'), 'content');
    const summary = await inspecting((vault) => vault.summary());
    expect(summary.map(({ name, records, damaged }) => [name, records, damaged])).toEqual(
      summary.map(({ name }) => [name, 1, 0]),
    );
    expect(await valueOf('manifests', evil)).toEqual([
      expect.objectContaining({ conversation: expect.objectContaining({ id: evil }) as unknown }),
    ]);
    expect(await valueOf('segments', '1')).toEqual([expect.objectContaining({ hash: held.hash })]);
    expect(await valueOf('holders', held.hash)).toEqual([{ holders: ['h'] }]);
  });

  it('that are damaged are named', async () => {
    await writeFile(join(folder.path, 'vault.json'), '{}');
    await inspecting(async (vault) => {
      expect(await collect(vault.records('vault'))).toMatchObject([
        { key: 'vault.json', damage: expect.any(String) as string },
      ]);
    });
  });
});

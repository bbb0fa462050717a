import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createLiveCodec } from '../../../src/codec/index.js';
import { type MaintainedBackend, openLmdbBackend } from '../../../src/storage/index.js';
import { isDense } from '../../../src/storage/lmdb/segments/dense-chunk.js';
import { countBytes } from '../../../src/storage/lmdb/segments/ref-counts.js';
import { recentEntries } from '../../../src/storage/lmdb/segments/recent-hashes.js';
import { Environment, type Tables } from '../../../src/storage/lmdb/tables/environment.js';
import { FORMAT_VERSION } from '../../../src/storage/lmdb/tables/layout.js';
import { IDENTITY_KEY } from '../../../src/storage/lmdb/tables/meta.js';
import { ByteWriter } from '../../../src/storage/shared/bytes.js';
import { core, segment } from '../../contract/support.js';
import { temporaryFolder, type TemporaryFolder } from '../faults/support.js';
import { encodeSparse } from './sparse-chunks.js';

const signal = new AbortController().signal;
const COUNT = 4_000;
/** Entries in a chunk of the earlier form. */
const ENTRIES = 80;

let folder: TemporaryFolder;
let backend: MaintainedBackend;

const segments = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, at) => segment(from + at, 1, 2, 3));
const hashesOf = (from: number, to: number) => segments(from, to).map(({ hash }) => hash);

async function open(): Promise<MaintainedBackend> {
  const codec = createLiveCodec(core);
  return openLmdbBackend({
    folder: folder.path,
    codec,
    clock: () => 5_000,
    durability: 'relaxed',
    strict: true,
  });
}

async function inTables<T>(action: (tables: Tables) => T): Promise<T> {
  await backend.close();
  const environment = await Environment.open(folder.path, { sync: false });
  const result = await environment.write(() => action(environment.tables));
  await environment.close();
  return result;
}

/** Writes the records of a vault as format 3 had them. */
function asFormat3({ hashIndex, recentHashes, refCounts, meta }: Tables, vaultId: string): void {
  const entries = [...recentHashes.range()].flatMap(({ key, value }) => [...recentEntries(key, value)]);
  entries.sort((a, b) => a.fingerprint - b.fingerprint);
  recentHashes.clear();
  for (let at = 0; at < entries.length; at += ENTRIES) {
    const some = entries.slice(at, at + ENTRIES).map(({ fingerprint, id }) => [fingerprint, id] as const);
    const key = at === 0 ? 1 : some[0]![0];
    const next = entries[at + ENTRIES]?.fingerprint ?? 2 ** 32;
    hashIndex.put(key, encodeSparse(at === 0 ? 0 : key, next - 1, some));
  }
  for (const { key, value } of [...refCounts.range()].map((each) => ({ ...each, value: each.value.slice() })))
    refCounts.put(key, countBytes(value));
  meta.put(IDENTITY_KEY, new ByteWriter().varint(3).raw(Buffer.from(vaultId, 'hex')).finish());
}

const marker = () => join(folder.path, 'VAULT');
const found = async (from: number, to: number) =>
  (await backend.findSegments(hashesOf(from, to))).filter((each) => each !== undefined).length;
const bytesOf = async () => {
  const bytes = await inTables(({ hashIndex, refCounts }) =>
    [...hashIndex.range(), ...refCounts.range()].reduce((sum, { value }) => sum + value.length, 0),
  );
  backend = await open();
  return bytes;
};
const forms = ({ hashIndex }: Tables) => [...hashIndex.range()].map(({ value }) => isDense(value, 4));

beforeEach(async () => {
  folder = await temporaryFolder();
  backend = await open();
  const { vaultId } = backend;
  for (let at = 0; at < COUNT; at += 500) await backend.commit({ newSegments: segments(at, at + 500) });
  await inTables((tables) => asFormat3(tables, vaultId));
  await writeFile(
    marker(),
    (await readFile(marker(), 'utf8')).replace(`format ${FORMAT_VERSION}`, 'format 3'),
  );
  backend = await open();
});
afterEach(async () => {
  expect(await backend.check()).toEqual([]);
  await backend.close();
  await folder.remove();
});

describe('a vault of format 3', () => {
  it('has the newest format from its opening, and is read as it is', async () => {
    expect(await readFile(marker(), 'utf8')).toContain(`format ${FORMAT_VERSION}\n`);
    expect(await found(0, COUNT + 100)).toBe(COUNT);
    expect(await backend.check()).toEqual([]);
    const kinds = await inTables(forms);
    expect(kinds).toHaveLength(COUNT / ENTRIES);
    expect(new Set(kinds)).toEqual(new Set([false]));
    backend = await open();
  });

  it('has both forms of chunks when segments come and go', async () => {
    const { segments: garbage } = await backend.listGarbage({ limit: 10, garbageBeforeMs: 9_000 });
    await backend.commit({ collect: { keys: garbage.map(({ key }) => key), garbageBeforeMs: 9_000 } });
    expect(await found(0, COUNT)).toBe(COUNT - 10);
    const kinds = await inTables(forms);
    expect(new Set(kinds)).toEqual(new Set([false, true]));
    backend = await open();
    await backend.commit({ newSegments: segments(COUNT, COUNT + 5_000) });
    expect(await found(0, COUNT + 5_100)).toBe(COUNT + 5_000 - 10);
  });

  it('is made smaller by a compaction while it serves', async () => {
    const before = await bytesOf();
    expect(await backend.reclaimableBytes(signal)).toBeGreaterThan(0);
    let over = false;
    const compacting = backend.defragment(signal).finally(() => (over = true));
    let stored = COUNT;
    for (; !over; stored++) {
      await backend.commit({ newSegments: segments(stored, stored + 1) });
      expect(await found(stored - 20, stored + 2)).toBe(21);
    }
    await compacting;
    expect(await found(0, stored + 10)).toBe(stored);
    const { kinds, counts } = await inTables((tables) => ({
      kinds: forms(tables),
      counts: [...tables.refCounts.range()].map(({ value }) => value.length),
    }));
    expect(new Set(kinds)).toEqual(new Set([true]));
    expect(kinds.length).toBeLessThan(8);
    expect(Math.max(...counts)).toBeLessThan(252);
    backend = await open();
    expect(await bytesOf()).toBeLessThan(0.7 * before);
    expect(await backend.reclaimableBytes(signal)).toBe(0);
    expect(await found(0, stored + 10)).toBe(stored);
  });

  it('gets chunks of the new form by a repair', async () => {
    await inTables(({ hashIndex }) => hashIndex.remove([...hashIndex.keys()][3]!));
    backend = await open();
    expect((await backend.check()).map(({ invariant }) => invariant)).toContain('hash-index');
    expect((await backend.repair()).remaining).toEqual([]);
    expect(await found(0, COUNT)).toBe(COUNT);
    expect(new Set(await inTables(forms))).toEqual(new Set([true]));
    backend = await open();
  });
});

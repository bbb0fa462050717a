import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createLiveCodec } from '../../../src/codec/index.js';
import { type MaintainedBackend, openLmdbBackend } from '../../../src/storage/index.js';
import { decodePack, encodePack } from '../../../src/storage/lmdb/packs/pack.js';
import { Environment, type Tables } from '../../../src/storage/lmdb/tables/environment.js';
import { FORMAT_VERSION } from '../../../src/storage/lmdb/tables/layout.js';
import { IDENTITY_KEY } from '../../../src/storage/lmdb/tables/meta.js';
import { ByteWriter } from '../../../src/storage/shared/bytes.js';
import { core, segment } from '../../contract/support.js';
import { temporaryFolder, type TemporaryFolder } from '../faults/support.js';

const signal = new AbortController().signal;
const COUNT = 12_000;

let folder: TemporaryFolder;
let backend: MaintainedBackend;

const segments = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, at) => segment(from + at, 1, 2, 3));

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

const marker = () => join(folder.path, 'VAULT');
const found = async (from: number, to: number) => {
  const hashes = segments(from, to).map(({ hash }) => hash);
  return (await backend.findSegments(hashes)).filter((each) => each !== undefined).length;
};
const forms = ({ packs }: Tables) =>
  [...packs.range()].map(({ key, value }) => (decodePack(key, value).form ? 'lean' : 'plain'));

/** Writes packs, those of a compaction too, as format 4 had them. */
function asFormat4({ packs, meta }: Tables, vaultId: string): void {
  for (const { key, value } of [...packs.range()]) {
    const { continues, continued, entries } = decodePack(key, value);
    packs.put(key, encodePack({ continues, continued, entries })!);
  }
  meta.put(IDENTITY_KEY, new ByteWriter().varint(4).raw(Buffer.from(vaultId, 'hex')).finish());
}

beforeEach(async () => {
  folder = await temporaryFolder();
  backend = await open();
  const { vaultId } = backend;
  for (let at = 0; at < COUNT; at += 1000) await backend.commit({ newSegments: segments(at, at + 1000) });
  await backend.defragment(signal);
  await backend.commit({ newSegments: segments(COUNT, COUNT + 500) });
  await inTables((tables) => asFormat4(tables, vaultId));
  await writeFile(
    marker(),
    (await readFile(marker(), 'utf8')).replace(`format ${FORMAT_VERSION}`, 'format 4'),
  );
  backend = await open();
});
afterEach(async () => {
  expect(await backend.check()).toEqual([]);
  await backend.close();
  await folder.remove();
});

describe('a vault of format 4', () => {
  it('has the newest format from its opening, and is read and changed as it is', async () => {
    expect(await readFile(marker(), 'utf8')).toContain(`format ${FORMAT_VERSION}\n`);
    expect(await found(0, COUNT + 600)).toBe(COUNT + 500);
    expect(new Set(await inTables(forms))).toEqual(new Set(['plain']));
    backend = await open();
    await backend.commit({ newSegments: segments(COUNT + 500, COUNT + 600) });
    const { segments: garbage } = await backend.listGarbage({ limit: 10, garbageBeforeMs: 9_000 });
    await backend.commit({ collect: { keys: garbage.map(({ key }) => key), garbageBeforeMs: 9_000 } });
    expect(await found(0, COUNT + 600)).toBe(COUNT + 600 - 10);
  });

  it('gets lean packs by a compaction while it serves', async () => {
    const before = (await backend.stats()).inUseBytes;
    expect(await backend.reclaimableBytes(signal)).toBeGreaterThan(0);
    let over = false;
    const compacting = backend.defragment(signal).finally(() => (over = true));
    let stored = COUNT + 500;
    for (; !over; stored++) {
      await backend.commit({ newSegments: segments(stored, stored + 1) });
      expect(await found(stored - 20, stored + 2)).toBe(21);
    }
    await compacting;
    expect(await found(0, stored + 10)).toBe(stored);
    expect((await backend.stats()).inUseBytes).toBeLessThan(before);
    // Only what was stored meanwhile is in a plain one.
    const kinds = await inTables(forms);
    expect(kinds.filter((each) => each === 'plain').length).toBeLessThanOrEqual(2);
    backend = await open();
    expect(await backend.reclaimableBytes(signal)).toBe(0);
    await backend.commit({ newSegments: segments(stored, stored + 100) });
    expect(await found(0, stored + 110)).toBe(stored + 100);
  });
});

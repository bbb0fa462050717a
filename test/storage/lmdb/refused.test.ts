import { readFileSync } from 'node:fs';
import { open } from 'lmdb';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openLmdbBackend } from '../../../src/storage/index.js';
import { dataFileIn } from '../../../src/storage/lmdb/tables/environment.js';
import { PAGE_BYTES } from '../../../src/storage/lmdb/tables/layout.js';
import { fromLmdb, isFatal } from '../../../src/storage/lmdb/tables/lmdb-errors.js';
import { codec, segment, storing } from '../../contract/support.js';
import { temporaryFolder, type TemporaryFolder } from '../faults/support.js';

const CORRUPT = expect.objectContaining({ reason: 'CORRUPT_STORE' }) as Error;

let folder: TemporaryFolder;
beforeEach(async () => {
  folder = await temporaryFolder();
});
afterEach(() => folder.remove());

const openVault = () => openLmdbBackend({ folder: folder.path, codec, clock: () => 1_000 });

/** Flips a bit of a stored value, past the table and its checksum. */
async function flip(name: string, key: number): Promise<void> {
  const root = open({ path: dataFileIn(folder.path), noSubdir: true, pageSize: PAGE_BYTES, maxDbs: 32 });
  const table = root.openDB<Buffer, number>({ name, keyEncoding: 'uint32', encoding: 'binary' });
  const stored = Buffer.from(table.get(key)!);
  stored[0]! ^= 1;
  await table.put(key, stored);
  await root.close();
}

describe('a vault that is not opened', () => {
  it.each([
    ['its identity', 'meta', 1],
    ['its state', 'meta', 2],
    ['its strings', 'strings', 1],
  ])('stays as it is, byte by byte: %s is damaged', async (_what, table, key) => {
    const backend = await openVault();
    await backend.commit(storing('c', [segment(1)]));
    expect(await backend.check()).toEqual([]);
    await backend.close();
    await flip(table, key);
    const before = readFileSync(dataFileIn(folder.path));
    await expect(openVault()).rejects.toEqual(CORRUPT);
    expect(readFileSync(dataFileIn(folder.path)).equals(before)).toBe(true);
  });
});

describe('LMDB giving up', () => {
  // LMDB says so after it could not write a meta page, which no test can make it do without a failing disk
  // (see test/storage/faults); from then on it refuses every call.
  it('is damage for who reads, and stops writes', () => {
    const error = fromLmdb(new Error('MDB_PANIC: Update of meta page failed or environment had fatal error'));
    expect(error).toEqual(CORRUPT);
    expect(isFatal(error)).toBe(true);
    expect(isFatal(fromLmdb(new Error('MDB_CORRUPTED: Located page was wrong type')))).toBe(false);
  });
});

it('a key longer than any that was written is damage', () => {
  expect(fromLmdb(new Error('Invalid key size 7f00'))).toEqual(CORRUPT);
});

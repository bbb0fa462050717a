import { open } from 'node:fs/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { readMeta } from '../../../src/storage/lmdb/data-file/meta-pages.js';
import { PageFile } from '../../../src/storage/lmdb/data-file/page-file.js';
import { dataFileIn, Environment } from '../../../src/storage/lmdb/tables/environment.js';
import { PAGE_BYTES } from '../../../src/storage/lmdb/tables/layout.js';
import { temporaryFolder, type TemporaryFolder } from '../faults/support.js';

let folder: TemporaryFolder;
let environment: Environment;
beforeEach(async () => {
  folder = await temporaryFolder();
  environment = await Environment.open(folder.path, { sync: false });
});
afterEach(async () => {
  await environment.close();
  await folder.remove();
});

/** Overwrites the root of the tables' table `strings` with a page of an invalid kind, under the map. */
async function damageRootOfStrings(): Promise<void> {
  const file = PageFile.open(dataFileIn(folder.path));
  const metas = [readMeta(file, 0), readMeta(file, 1)];
  const { main } = metas.reduce((one, other) => (one.transaction > other.transaction ? one : other));
  const list = file.treePage(main.root!);
  const at = Array.from({ length: list.count }, (_, index) => index).find(
    (index) => list.key(index).toString('latin1') === 'strings\0',
  )!;
  const { root } = list.treeRecord(at);
  file.close();
  const handle = await open(dataFileIn(folder.path), 'r+');
  await handle.write(Buffer.of(0x40, 0), 0, 2, root! * PAGE_BYTES + 18);
  await handle.close();
}

it("LMDB's words for a damaged page are CORRUPT_STORE, in reads, ranges and writes; other tables go on", async () => {
  const { strings, garbage } = environment.tables;
  await environment.write(() => {
    strings.put(1, Buffer.from('one'));
    garbage.put(1, Buffer.from('two'));
  });
  await damageRootOfStrings();
  environment.refresh();
  const corrupt = expect.objectContaining({ reason: 'CORRUPT_STORE' }) as Error;
  expect(() => strings.get(1)).toThrow(corrupt);
  expect(() => strings.lastKey()).toThrow(corrupt);
  expect(() => [...strings.range()]).toThrow(corrupt);
  await expect(environment.write(() => strings.put(2, Buffer.from('three')))).rejects.toEqual(corrupt);
  await environment.write(() => garbage.put(2, Buffer.from('four')));
  expect(Buffer.from(garbage.get(2)!).toString()).toBe('four');
});

import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { checkDataFile } from '../../../src/storage/lmdb/data-file/check-data-file.js';
import { PageFile } from '../../../src/storage/lmdb/data-file/page-file.js';
import { dataFileIn, Environment } from '../../../src/storage/lmdb/tables/environment.js';
import { PAGE_BYTES } from '../../../src/storage/lmdb/tables/layout.js';
import { temporaryFolder, type TemporaryFolder } from '../faults/support.js';
import { shapes } from './shapes.js';

/**
 * The page reader is the project's own, the file is lmdb-js's. If a new version of lmdb-js changes the layout
 * or the free list's form, these tests fail, and the reader has to follow before the version is adopted.
 */
let folder: TemporaryFolder;
beforeEach(async () => {
  folder = await temporaryFolder();
});
afterEach(() => folder.remove());

it.each(Object.keys(shapes))('all pages are in use or free, as LMDB counts them: %s', async (name) => {
  const vault = join(folder.path, 'vault');
  await shapes[name]!(vault);
  const file = PageFile.open(dataFileIn(vault));
  const whole = checkDataFile(file, { leaves: true });
  const branches = checkDataFile(file, { leaves: false });
  file.close();
  expect(whole.used + whole.free).toBe(whole.pages);
  expect(branches).toMatchObject({ free: whole.free, pages: whole.pages });
  expect(branches.used).toBeLessThanOrEqual(whole.used);
  const environment = await Environment.open(vault, { sync: false });
  expect(whole.used * PAGE_BYTES).toBe(environment.bytesInUse());
  await environment.close();
});

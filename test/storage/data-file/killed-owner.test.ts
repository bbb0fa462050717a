import { execFile } from 'node:child_process';
import { open, readdir, truncate } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { limits } from '../../../src/model/index.js';
import { checkBeforeOpening } from '../../../src/storage/lmdb/data-file/check-data-file.js';
import { dataFileIn } from '../../../src/storage/lmdb/tables/environment.js';
import { PAGE_BYTES } from '../../../src/storage/lmdb/tables/layout.js';
import { isOwnerSocket } from '../../../src/storage/shared/folder-lock.js';
import { temporaryFolder, type TemporaryFolder } from '../faults/support.js';
import { keysIn } from '../flips/keys-in-pages.js';
import { openAt, shapes } from './shapes.js';

let folder: TemporaryFolder;
beforeEach(async () => (folder = await temporaryFolder()));
afterEach(() => folder.remove());

/** Opens a vault in a process that ends without closing it. */
async function openAndKill(vault: string): Promise<void> {
  const build = resolve(import.meta.dirname, '../../../build/src');
  const script = `
    const [{ openLmdbBackend }, { createLiveCodec }, { loadCore }] = await Promise.all(
      ['storage', 'codec', 'core'].map((name) => import(${JSON.stringify(build)} + '/' + name + '/index.js')),
    );
    const codec = createLiveCodec(await loadCore());
    await openLmdbBackend({ folder: ${JSON.stringify(vault)}, codec, clock: () => 1000 });
    process.kill(process.pid, 'SIGKILL');`;
  const run = promisify(execFile)(process.execPath, ['--input-type=module', '-e', script]);
  await expect(run).rejects.toMatchObject({ signal: 'SIGKILL' });
}

it('a larger data file is refused for a damaged leaf after an owner that was killed', async () => {
  const vault = join(folder.path, 'large');
  const path = dataFileIn(vault);
  await shapes['some hundred conversations']!(vault);
  // Large by pages behind its last one, which are not in use.
  await truncate(path, limits.openedLeavesBytesMax + PAGE_BYTES);
  await openAndKill(vault);

  const places = keysIn(path);
  // Roots are always read.
  const deep = new Set(places.filter(({ what }) => what === 'branch').map(({ table }) => table));
  const { at } = places.find(({ table, what, bytes }) => deep.has(table) && what === 'header' && bytes > 2)!;
  const file = await open(path, 'r+');
  const flip = async () => {
    const { buffer } = await file.read(Buffer.alloc(1), 0, 1, at + 1);
    await file.write(Buffer.of(buffer[0]! ^ 0x40), 0, 1, at + 1);
  };
  await flip();
  await checkBeforeOpening(vault, false);
  await expect(openAt(vault)).rejects.toMatchObject({
    reason: 'CORRUPT_STORE',
    metadata: { page: String(Math.floor(at / PAGE_BYTES)) },
  });
  await flip();
  await file.close();

  const backend = await openAt(vault);
  expect(await backend.check()).toEqual([]);
  await backend.close();
  expect((await readdir(vault)).filter(isOwnerSocket)).toEqual([]);
});

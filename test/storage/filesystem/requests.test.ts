import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createLiveCodec } from '../../../src/codec/index.js';
import { openFilesystemBackend, type Change } from '../../../src/storage/index.js';
import { core, segment, storing } from '../../contract/support.js';
import { temporaryFolder, type TemporaryFolder } from '../faults/support.js';

let folder: TemporaryFolder;
beforeEach(async () => {
  folder = await temporaryFolder();
});
afterEach(() => folder.remove());

const open = () =>
  openFilesystemBackend({ folder: folder.path, codec: createLiveCodec(core), core, clock: () => 5_000 });

it('refuses a request whose file is damaged, until that is removed', async () => {
  const change = (id: string): Change => ({
    ...storing(id, [segment(1)]),
    request: { id, digest: '0'.repeat(32), timeMs: 1_000, notBeforeMs: 0 },
  });
  let backend = await open();
  for (const id of ['x', 'y']) await backend.commit(change(id));
  await backend.close();
  const requests = join(folder.path, 'requests');
  const [name] = await readdir(requests);
  const bytes = await readFile(join(requests, name!), 'utf8');
  await writeFile(join(requests, name!), bytes.replace('1000', '1001'));

  backend = await open();
  const found = (await backend.check()).map(({ invariant, subject }) => [invariant, subject]);
  expect(found).toEqual([['requests', `requests/${name}`]]);
  const again = await Promise.allSettled([backend.commit(change('x')), backend.commit(change('y'))]);
  expect(again).toEqual(
    expect.arrayContaining([
      { status: 'fulfilled', value: expect.objectContaining({ replayed: true }) as object },
      {
        status: 'rejected',
        reason: expect.objectContaining({
          reason: 'CORRUPT_STORE',
          metadata: { file: `requests/${name}` },
        }) as object,
      },
    ]),
  );
  await backend.close();
  await rm(join(requests, name!));
  backend = await open();
  const outcomes = [await backend.commit(change('x')), await backend.commit(change('y'))];
  expect(outcomes.filter(({ replayed }) => replayed)).toHaveLength(1);
  expect(await backend.check()).toEqual([]);
  await backend.close();
});

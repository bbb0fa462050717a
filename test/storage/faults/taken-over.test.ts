import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { codec, core, longSegment, storing } from '../../contract/support.js';
import { openDurable } from '../../crash/backends.js';
import { temporaryFolder, type TemporaryFolder } from './support.js';

let folder: TemporaryFolder;
beforeEach(async () => (folder = await temporaryFolder()));
afterEach(() => folder.remove());

const open = () => openDurable('lmdb', folder.path, { codec, core });

it('an owner whose socket was removed writes nothing to a vault that another process took over', async () => {
  const first = await open();
  await first.commit(storing('before', [longSegment(100, 1)]));
  for (const name of await readdir(folder.path))
    if (name.startsWith('owner-')) await rm(join(folder.path, name));
  const second = await open();
  await second.commit(storing('second', [longSegment(100, 2)]));
  await expect(first.commit(storing('late', [longSegment(100, 3)]))).rejects.toMatchObject({
    reason: 'COMMIT_FAILED',
  });
  expect(await second.getConversation('late')).toBeUndefined();
  await second.commit(storing('later', [longSegment(100, 4)]));
  expect(await second.check()).toEqual([]);
  await first.close();
  await second.close();
});

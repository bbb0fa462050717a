import { execFile } from 'node:child_process';
import { readdir, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isOwnerSocket, lockFolder, ownershipOf } from '../../../src/storage/shared/folder-lock.js';
import { codec, core, longSegment, storing } from '../../contract/support.js';
import { openDurable } from '../../crash/backends.js';
import { temporaryFolder, type TemporaryFolder } from '../faults/support.js';

let folder: TemporaryFolder;
beforeEach(async () => (folder = await temporaryFolder()));
afterEach(() => folder.remove());

const socketsIn = async () => (await readdir(folder.path)).filter(isOwnerSocket);

/** Leaves the socket of a starter that was killed before its name was recorded. */
async function killStarter(name: string): Promise<void> {
  const path = join(folder.path, name);
  const script = `require('node:net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`;
  const run = promisify(execFile)(process.execPath, ['-e', script]);
  await expect(run).rejects.toMatchObject({ signal: 'SIGKILL' });
}

describe.each(['lmdb', 'filesystem'] as const)('a folder of storage %s', (kind) => {
  it('has no sockets of killed starters after the next owner', async () => {
    const first = await openDurable(kind, folder.path, { codec, core });
    await first.commit(storing('before', [longSegment(100, 1)]));
    await first.close();
    for (const name of ['owner-000000000001', 'owner-fffffffffffe']) await killStarter(name);
    expect(await ownershipOf(folder.path)).toBe('left');

    const second = await openDurable(kind, folder.path, { codec, core });
    expect(await socketsIn()).toHaveLength(1);
    expect(await second.check()).toEqual([]);
    await second.close();
    expect(await ownershipOf(folder.path)).toBe('free');
  });
});

it('a starter whose socket was removed before it became the owner begins again', async () => {
  let recorded: string | undefined;
  const names: string[] = [];
  const lock = await lockFolder(folder.path, {
    read: () => Promise.resolve(recorded),
    async replace(_found, name) {
      names.push(name);
      // The owner before it looked when nobody listened yet.
      if (names.length === 1) await rm(join(folder.path, name));
      recorded = name;
      return true;
    },
  });
  expect(names).toHaveLength(2);
  expect(basename(lock.socket)).toBe(names[1]);
  expect(await ownershipOf(folder.path)).toBe('owned');
  await lock.release();
  expect(await socketsIn()).toEqual([]);
});

import { copyFile, readdir, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isStowkenError } from '../../../src/model/index.js';
import type { ManagedBackend } from '../../../src/storage/index.js';
import { durableKinds, openDurable } from '../../crash/backends.js';
import { codec, core, longSegment, storing } from '../../contract/support.js';
import { eventually } from '../../support/wait.js';
import { temporaryFolder, type TemporaryFolder } from './support.js';

let folder: TemporaryFolder;
let vault: string;
beforeEach(async () => {
  folder = await temporaryFolder();
  vault = join(folder.path, 'vault');
});
afterEach(() => folder.remove());

const open = (kind: (typeof durableKinds)[number]) => openDurable(kind, vault, { codec, core });

/** Returns the file to which the next commit is written, once the committed files are in place. */
async function written(kind: (typeof durableKinds)[number], backend: ManagedBackend): Promise<string> {
  expect(await backend.check()).toEqual([]);
  if (kind === 'lmdb') return join(vault, 'vault.mdb');
  const journals = (await readdir(vault)).filter((name) => name.startsWith('journal'));
  return join(vault, journals.sort().at(-1)!);
}

/** Stores until it is stopped or a store fails; returns the acknowledged ids, and the failure. */
function storeOn(backend: ManagedBackend) {
  const acknowledged: string[] = [];
  let stopped = false;
  const failure = (async () => {
    for (let n = 0; !stopped; n++) {
      try {
        await backend.commit(storing(`c${n}`, [longSegment(100, n)]));
        acknowledged.push(`c${n}`);
      } catch (error) {
        return error;
      }
    }
    return undefined;
  })();
  return { acknowledged, failure, stop: () => (stopped = true) };
}

describe.each(durableKinds)('the files of the %s storage, changed under it', (kind) => {
  it('renamed: nothing is acknowledged that is not in them, and writes stop for good', async () => {
    const backend = await open(kind);
    const storing = storeOn(backend);
    await eventually(() => expect(storing.acknowledged.length).toBeGreaterThan(20));
    // Moves all of it: the filesystem storage starts another journal now and then.
    const elsewhere = join(folder.path, 'elsewhere');
    await rename(vault, elsewhere);
    const failure = await storing.failure;
    expect(failure).toMatchObject({ reason: 'COMMIT_FAILED' });
    expect(backend.health()).toMatchObject({ writable: false });
    await rename(elsewhere, vault);
    await expect(backend.commit({})).rejects.toMatchObject({ reason: 'WRITES_STOPPED' });
    await backend.close();
    const again = await open(kind);
    for (const id of storing.acknowledged) expect(await again.getConversation(id), id).toBeDefined();
    expect(await again.check()).toEqual([]);
    await again.close();
  });

  it('replaced by a copy: the commit fails, with the file and what to do in words', async () => {
    const backend = await open(kind);
    await backend.commit(storing('before', [longSegment(100, 1)]));
    const file = await written(kind, backend);
    await copyFile(file, `${file}.copy`);
    await rename(`${file}.copy`, file);
    const failure: unknown = await backend
      .commit(storing('after', [longSegment(100, 2)]))
      .catch((e: unknown) => e);
    expect(isStowkenError(failure, 'COMMIT_FAILED')).toBe(true);
    expect((failure as Error).message).toMatch(/was replaced by another file while the vault was open/);
    expect(backend.health()).toMatchObject({ writable: false, cause: /replaced/ });
    await backend.close();
    const again = await open(kind);
    expect(await again.getConversation('before')).toBeDefined();
    expect(await again.getConversation('after')).toBeUndefined();
    expect(await again.check()).toEqual([]);
    await again.close();
  });

  it('cut off: the commit fails before anything is written behind the cut', async () => {
    const backend = await open(kind);
    await backend.commit(storing('before', [longSegment(100, 1)]));
    const file = await written(kind, backend);
    await truncate(file, 10);
    const failure: unknown = await backend
      .commit(storing('after', [longSegment(100, 2)]))
      .catch((e: unknown) => e);
    expect(isStowkenError(failure, 'COMMIT_FAILED')).toBe(true);
    expect((failure as Error).message).toMatch(/was cut off from \d+ to 10 bytes/);
    await expect(backend.commit(storing('more', []))).rejects.toMatchObject({ reason: 'WRITES_STOPPED' });
    await backend.close();
  });
});

describe('a vault of the lmdb storage that nobody writes to', () => {
  it.each([
    ['its data file', 'vault.mdb', /data file .* removed/],
    ['the lock file', 'vault.mdb-lock', /lock file .* removed/],
    ["the owner's socket", 'owner-', /socket .* removed/],
  ])('is unhealthy once %s is gone', async (_, name, cause) => {
    const backend = await open('lmdb');
    await backend.commit(storing('before', [longSegment(100, 1)]));
    expect(backend.health()).toEqual({ writable: true });
    const file = (await readdir(vault)).find((each) =>
      name.endsWith('-') ? each.startsWith(name) : each === name,
    )!;
    await rm(join(vault, file));
    expect(backend.health()).toMatchObject({ writable: false, cause });
    await expect(backend.commit(storing('after', []))).rejects.toMatchObject({ reason: 'WRITES_STOPPED' });
    await backend.close();
  });

  it('stays healthy when another file comes and goes beside it', async () => {
    const backend = await open('lmdb');
    await writeFile(join(vault, 'note'), 'x');
    await rm(join(vault, 'note'));
    await backend.commit(storing('after', [longSegment(10, 1)]));
    expect(backend.health()).toEqual({ writable: true });
    expect(await backend.check()).toEqual([]);
    await backend.close();
  });
});

import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openLmdbBackend, restoreLmdb, type MaintainedBackend } from '../../src/storage/index.js';
import { codec, longSegment, storing } from '../contract/support.js';
import { temporaryFolder, type TemporaryFolder } from './faults/support.js';

const signal = new AbortController().signal;

describe('a backup', () => {
  let folder: TemporaryFolder;
  let backend: MaintainedBackend;
  let target: string;
  beforeEach(async () => {
    folder = await temporaryFolder();
    target = join(folder.path, 'restored');
    backend = await openLmdbBackend({ folder: join(folder.path, 'vault'), codec, clock: Date.now });
    await Promise.all(
      Array.from({ length: 100 }, (_, n) => backend.commit(storing(`c${n}`, [longSegment(n * 10 + 1, n)]))),
    );
  });
  afterEach(async () => {
    await backend.close();
    await folder.remove();
  });

  async function backUp(): Promise<Buffer> {
    const chunks = [];
    for await (const chunk of backend.backup(signal)) chunks.push(chunk);
    return Buffer.concat(chunks);
  }

  async function* inChunks(bytes: Buffer, size = 10_000): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
  }

  it('is one state, whatever is stored meanwhile, and becomes a vault', async () => {
    const storing100More = Promise.all(
      Array.from({ length: 100 }, (_, n) => backend.commit(storing(`more${n}`, [longSegment(n + 5, n)]))),
    );
    const bytes = await backUp();
    await storing100More;
    await restoreLmdb(target, inChunks(bytes), codec);
    const restored = await openLmdbBackend({ folder: target, codec, clock: Date.now });
    expect(restored.vaultId).toBe(backend.vaultId);
    expect(await restored.check()).toEqual([]);
    expect((await restored.stats()).conversations).toBeGreaterThanOrEqual(100);
    expect(await restored.getConversation('c7')).toEqual(await backend.getConversation('c7'));
    await restored.commit(storing('new', [longSegment(3, 1000)]));
    await restored.close();
    expect(await readdir(join(folder.path, 'vault'))).not.toContain(expect.stringMatching(/^backup/));
  });

  it.each([10, 100, 10_000])('comes in chunks of any size: %d', async (size) => {
    const bytes = await backUp();
    await restoreLmdb(target, inChunks(bytes, size), codec);
    expect(await readdir(target)).toContain('VAULT');
  });

  it('is refused when it is cut off, altered or longer, and leaves the folder as it was', async () => {
    const bytes = await backUp();
    const altered = (at: number) => {
      const copy = Buffer.from(bytes);
      copy[at]! ^= 0x20;
      return copy;
    };
    const spoilt = [
      ...[0, 10, 100, 200, 5_000, bytes.length - 33, bytes.length - 1].map((end) => bytes.subarray(0, end)),
      ...[0, 30, 60, 100, 1_000, bytes.length >> 1, bytes.length - 1].map(altered),
      Buffer.concat([bytes, Buffer.of(0)]),
      Buffer.alloc(10_000, 'x'),
    ];
    for (const each of spoilt) {
      await expect(restoreLmdb(target, inChunks(each), codec)).rejects.toMatchObject({
        reason: expect.stringMatching(/^(CORRUPT_STORE|STORE_VERSION)$/) as string,
      });
      expect(await readdir(target)).toEqual([]);
    }
    const newer = Buffer.from(bytes.toString('latin1').replace('backup 1', 'backup 2'), 'latin1');
    await expect(restoreLmdb(target, inChunks(newer), codec)).rejects.toMatchObject({
      reason: 'STORE_VERSION',
    });
  });

  it('is not restored over anything', async () => {
    const bytes = await backUp();
    await writeFile(join(folder.path, 'mine'), 'x');
    await expect(restoreLmdb(folder.path, inChunks(bytes), codec)).rejects.toMatchObject({
      reason: 'INVALID_FIELD',
    });
  });

  it('stops when it is cancelled, and leaves nothing behind', async () => {
    const controller = new AbortController();
    const reading = (async () => {
      for await (const chunk of backend.backup(controller.signal)) if (chunk.length > 0) controller.abort();
    })();
    await expect(reading).rejects.toMatchObject({ reason: 'CANCELLED' });
    expect((await readdir(join(folder.path, 'vault'))).filter((name) => name.startsWith('backup'))).toEqual(
      [],
    );
  });
});

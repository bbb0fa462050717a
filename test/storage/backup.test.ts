import { mkdir, readdir, writeFile } from 'node:fs/promises';
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
    backend = await openLmdbBackend({ folder: vaultFolder(), codec, clock: Date.now });
    await Promise.all(
      Array.from({ length: 100 }, (_, n) => backend.commit(storing(`c${n}`, [longSegment(n * 10 + 1, n)]))),
    );
  });
  afterEach(async () => {
    await backend.close();
    await folder.remove();
  });

  const vaultFolder = () => join(folder.path, 'vault');
  const copies = async () => (await readdir(vaultFolder())).filter((name) => name.startsWith('backup'));

  async function backUp(): Promise<Buffer> {
    const chunks = [];
    for await (const chunk of backend.backup(signal)) chunks.push(chunk);
    return Buffer.concat(chunks);
  }

  const restore = (source: AsyncIterable<Uint8Array>, into = target) =>
    restoreLmdb({ folder: into, source, codec });

  async function* inChunks(bytes: Buffer, size = 10_000): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
  }

  it('is one state, whatever is stored meanwhile, and becomes a vault', async () => {
    const storing100More = Promise.all(
      Array.from({ length: 100 }, (_, n) => backend.commit(storing(`more${n}`, [longSegment(n + 5, n)]))),
    );
    const bytes = await backUp();
    await storing100More;
    const { stats, vaultId } = await restore(inChunks(bytes));
    const restored = await openLmdbBackend({ folder: target, codec, clock: Date.now });
    expect(restored.vaultId).toBe(backend.vaultId);
    expect(await restored.check()).toEqual([]);
    expect(vaultId).toBe(backend.vaultId);
    expect(stats.conversations).toBeGreaterThanOrEqual(100);
    expect(await restored.stats()).toMatchObject({ ...stats, fileBytes: expect.any(Number) as number });
    expect(await restored.getConversation('c7')).toEqual(await backend.getConversation('c7'));
    await restored.commit(storing('new', [longSegment(3, 1000)]));
    await restored.close();
    expect(await copies()).toEqual([]);
  });

  it.each([10, 100, 10_000])('comes in chunks of any size: %d', async (size) => {
    const bytes = await backUp();
    await restore(inChunks(bytes, size));
    expect((await readdir(target)).sort()).toEqual(['VAULT', 'vault.mdb']);
  });

  it('is refused when it is cut off, altered or longer, and leaves all as it was', async () => {
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
      await expect(restore(inChunks(each))).rejects.toMatchObject({
        reason: expect.stringMatching(/^(CORRUPT_STORE|STORE_VERSION)$/) as string,
      });
      expect(await readdir(folder.path)).toEqual(['vault']);
    }
    await mkdir(target);
    await expect(restore(inChunks(bytes.subarray(0, 5_000)))).rejects.toThrow('cut off');
    expect(await readdir(target)).toEqual([]);
    const newer = Buffer.from(bytes.toString('latin1').replace('backup 1', 'backup 2'), 'latin1');
    await expect(restore(inChunks(newer))).rejects.toMatchObject({
      reason: 'STORE_VERSION',
    });
  });

  it('is restored where a killed restore stopped', async () => {
    await mkdir(join(target, 'restoring'), { recursive: true });
    await writeFile(join(target, 'restoring', 'vault.mdb'), 'half');
    expect(await restore(inChunks(await backUp()))).toMatchObject({ stats: { conversations: 100 } });
    expect((await readdir(target)).sort()).toEqual(['VAULT', 'vault.mdb']);
  });

  it('is not restored over anything', async () => {
    const bytes = await backUp();
    await writeFile(join(folder.path, 'mine'), 'x');
    await expect(restore(inChunks(bytes), folder.path)).rejects.toMatchObject({
      reason: 'INVALID_FIELD',
    });
  });

  it('stops when it is cancelled, and leaves nothing behind', async () => {
    const controller = new AbortController();
    const reading = (async () => {
      for await (const chunk of backend.backup(controller.signal)) if (chunk.length > 0) controller.abort();
    })();
    await expect(reading).rejects.toMatchObject({ reason: 'CANCELLED' });
    expect(await copies()).toEqual([]);
    const before = backend.backup(AbortSignal.abort());
    await expect(before.next()).rejects.toMatchObject({ reason: 'CANCELLED' });
  });

  it('is waited for when the vault is closed, and its copy is gone after a kill', async () => {
    const reading = backUp();
    await backend.close();
    expect((await reading).length).toBeGreaterThan(10_000);
    await writeFile(join(vaultFolder(), 'backup.mdb-0000'), 'left by a killed process');
    backend = await openLmdbBackend({ folder: vaultFolder(), codec, clock: Date.now });
    expect(await copies()).toEqual([]);
  });
});

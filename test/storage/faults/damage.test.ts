import { chmod, open, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createMemoryBackend, openLmdbBackend, type ManagedBackend } from '../../../src/storage/index.js';
import { codec, longSegment, storing } from '../../contract/support.js';
import { temporaryFolder, type TemporaryFolder } from './support.js';
import { messagesOf } from '../../support/snapshots.js';

const clock = () => 1_000;

describe('a damaged vault', () => {
  let folder: TemporaryFolder;
  let file: string;
  beforeEach(async () => {
    folder = await temporaryFolder();
    file = join(folder.path, 'vault.mdb');
  });
  afterEach(() => folder.remove());

  const openVault = () => openLmdbBackend({ folder: folder.path, codec, clock });

  /** Two hundred conversations of one segment each, some longer than a page. */
  async function fill(): Promise<void> {
    const backend = await openVault();
    const changes = Array.from({ length: 200 }, (_, n) =>
      storing(`c${n}`, [longSegment(n % 20 ? 300 : 4000, n)]),
    );
    await Promise.all(changes.map((change) => backend.commit(change)));
    expect(await backend.check()).toEqual([]);
    await backend.close();
  }

  async function readAll(backend: ManagedBackend, id: string): Promise<void> {
    const snapshot = await backend.openConversation(id);
    const messages = snapshot === undefined ? [] : await messagesOf(snapshot);
    const keys = messages.flatMap(({ segments }) => segments.map(({ key }) => key));
    snapshot?.release();
    for (const frame of await backend.readFrames(keys)) codec.decode(frame);
  }

  it('defect 3: says which segment has a flipped byte, and serves the others', async () => {
    await fill();
    const { frame } = longSegment(300, 7);
    const bytes = await readFile(file);
    // The file may have older copies of the page: flip all of them.
    for (
      let at = bytes.indexOf(frame.subarray(0, 64));
      at !== -1;
      at = bytes.indexOf(frame.subarray(0, 64), at + 1)
    ) {
      bytes[at + 40]! ^= 0x01;
    }
    await writeFile(file, bytes);
    const backend = await openVault();
    const violations = await backend.check();
    const damaged = await backend.findSegments([longSegment(300, 8).hash]);
    const frames = violations.filter(({ invariant }) => invariant === 'frame');
    expect(violations.map(({ invariant }) => invariant).sort()).toEqual(['frame', 'pack-checksum']);
    expect(frames[0]?.subject).not.toBe(`segment ${damaged[0]?.key}`);
    await expect(readAll(backend, 'c7')).rejects.toMatchObject({ reason: 'CORRUPT_SEGMENT' });
    for (let n = 0; n < 200; n++) if (n !== 7) await readAll(backend, `c${n}`);
    await expect(backend.commit(storing('new', [longSegment(300, 1000)]))).resolves.toBeDefined();
    await backend.close();
  });

  it.each([0.25, 0.5, 0.9, 0.97])(
    'is refused when %d of its file is left, and left as it was',
    async (share) => {
      await fill();
      const { length } = await readFile(file);
      const left = Math.floor(length * share);
      await truncate(file, left);
      await expect(openVault()).rejects.toMatchObject({ reason: 'CORRUPT_STORE' });
      expect(await readFile(file)).toHaveLength(left);
    },
  );

  it.each([0, 100, 5000])('is refused when %d bytes of its file are left', async (left) => {
    await fill();
    await truncate(file, left);
    await expect(openVault()).rejects.toMatchObject({ reason: 'CORRUPT_STORE' });
  });

  it('is refused when its file is something else', async () => {
    await writeFile(file, Buffer.alloc(10_000, 'x'));
    await expect(openVault()).rejects.toMatchObject({ reason: 'CORRUPT_STORE' });
  });

  it('names its folder when that cannot be written, which is no damage', async () => {
    await chmod(folder.path, 0o555);
    const superuser = process.getuid?.() === 0;
    if (superuser) process.seteuid?.(65_534);
    const refusal = await openVault().catch((error: unknown) => error);
    if (superuser) process.seteuid?.(0);
    await chmod(folder.path, 0o755);
    expect(refusal).toBeInstanceOf(Error);
    expect(refusal).not.toHaveProperty('reason');
    expect((refusal as Error).message).toContain(folder.path);
  });

  it('is not opened twice, by this process or another', async () => {
    const backend = await openVault();
    await expect(openVault()).rejects.toMatchObject({ reason: 'STORE_LOCKED' });
    await backend.commit(storing('c', [longSegment(10, 1)]));
    expect(await backend.check()).toEqual([]);
    await backend.close();
    await (await openVault()).close();
  });

  it('is refused when a newer version wrote it, or another storage', async () => {
    const marker = join(folder.path, 'VAULT');
    await fill();
    const text = await readFile(marker, 'utf8');
    await writeFile(marker, text.replace('format 5', 'format 6'));
    await expect(openVault()).rejects.toMatchObject({ reason: 'STORE_VERSION', metadata: { version: '6' } });
    await writeFile(marker, text.replace('format 5', 'format 1'));
    await expect(openVault()).rejects.toMatchObject({
      reason: 'STORE_VERSION',
      message: expect.stringContaining('reads none before 2') as string,
    });
    await writeFile(marker, text.replace('lmdb', 'other'));
    await expect(openVault()).rejects.toMatchObject({ reason: 'STORE_VERSION', metadata: { kind: 'other' } });
    await writeFile(marker, 'nonsense');
    await expect(openVault()).rejects.toMatchObject({ reason: 'CORRUPT_STORE' });
    await writeFile(marker, text);
    await (await openVault()).close();
  });

  it('keeps its id', async () => {
    const backend = await openVault();
    const { vaultId } = backend;
    expect(vaultId).toMatch(/^[0-9a-f]{32}$/);
    await backend.close();
    const again = await openVault();
    expect(again.vaultId).toBe(vaultId);
    await again.close();
    expect(createMemoryBackend({ codec, clock }).vaultId).not.toBe(vaultId);
  });

  it('that a process left when it was killed before its first commit is a new one', async () => {
    await (await open(file, 'w')).close();
    const backend = await openVault();
    await backend.commit(storing('c', [longSegment(10, 1)]));
    await backend.close();
  });
});

import { mkdtemp, readFile, rm, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createLiveCodec } from '../../../src/codec/index.js';
import { openFilesystemBackend, type ManagedBackend } from '../../../src/storage/index.js';
import { core, segment, storing } from '../../contract/support.js';
import { coded, registry, rewriting } from './support/vaults.js';

describe('registries and holders as files', () => {
  const plain = segment(1, 2, 3);
  let folder: string;
  let backend: ManagedBackend;

  const open = async () => {
    const codec = createLiveCodec(core);
    backend = await openFilesystemBackend({ folder, codec, core, clock: () => 1_000 });
  };
  const at = (path: string) => join(folder, path);
  const pathOf = (hash: string) => at(join('segments', hash.slice(0, 2), hash.slice(2, 4), hash));
  const violations = async () =>
    (await backend.check()).map(({ invariant, subject }) => `${invariant} ${subject}`);
  const flipByte = async (path: string) => {
    const bytes = await readFile(path);
    bytes[bytes.length >> 1]! ^= 1;
    await writeFile(path, bytes);
  };

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'stowken-compaction-'));
    await open();
    await backend.commit(storing('c', [coded]));
    await backend.commit({ newSegments: [plain], addReferences: [{ hash: plain.hash, holder: 'h' }] });
    await backend.commit({ putRegistry: { bytes: registry, timeMs: 1_000 } });
    for (const change of await rewriting(true)(backend)) await backend.commit(change);
    expect(await backend.check()).toEqual([]);
  });
  afterEach(async () => {
    await backend.close();
    await rm(folder, { recursive: true });
  });

  it('refuses a damaged registry, and stores nothing of the change', async () => {
    const bytes = registry.slice(0, registry.length - 40);
    bytes[5] = 2;
    const change = { ...storing('d', [segment(9)]), putRegistry: { bytes, timeMs: 1_000 } };
    await expect(backend.commit(change)).rejects.toMatchObject({ reason: 'CORRUPT_STORE' });
    expect((await backend.listRegistries()).map(({ id }) => id)).toEqual([1]);
    expect(await backend.getConversation('d')).toBeUndefined();
    expect(await violations()).toEqual([]);
  });

  it.each(['registries/1', 'registries/1.meta'])('says which file is damaged or gone: %s', async (path) => {
    const whole = await readFile(at(path));
    for (const harm of [flipByte, unlink]) {
      await harm(at(path));
      expect(await violations()).toEqual(['registries registry 1']);
      await backend.close();
      await expect(open()).rejects.toMatchObject({ reason: 'CORRUPT_STORE', metadata: { registry: '1' } });
      await writeFile(at(path), whole);
      await open();
      expect(await violations()).toEqual([]);
    }
  });

  it('reads a segment whose sidecar is lost, and still knows what it needs', async () => {
    const before = await backend.listRegistries();
    await backend.close();
    await unlink(`${pathOf(coded.hash)}.meta`);
    await open();
    expect(await backend.listRegistries()).toEqual(before);
    expect((await backend.commit({ dropRegistries: [1] })).dropRegistries).toEqual([]);
    expect(await violations()).toEqual([]);
  });

  it('deletes nothing while it cannot read who holds what', async () => {
    const path = `${pathOf(plain.hash)}.holders`;
    const whole = await readFile(path);
    await backend.close();
    await flipByte(path);
    await open();
    expect(await violations()).toEqual([`holders segment ${plain.hash}`]);
    const [stored] = await backend.findSegments([plain.hash]);
    for (const change of [
      { deleteSegments: [plain.hash] },
      { collect: { keys: [stored!.key], garbageBeforeMs: Infinity } },
      { addReferences: [{ hash: plain.hash, holder: 'g' }] },
    ]) {
      await expect(backend.commit(change)).rejects.toMatchObject({ reason: 'CORRUPT_STORE' });
    }
    await backend.commit({ addReferences: [{ hash: coded.hash, holder: 'g' }] });
    await backend.close();
    await writeFile(path, whole);
    await open();
    expect(await backend.countReferences([stored!.key])).toEqual([1]);
    expect(await violations()).toEqual([]);
  });

  it('names files among the registries that are none', async () => {
    for (const name of ['01', '7.old', 'x']) await writeFile(at(`registries/${name}`), 'x');
    await backend.close();
    await open();
    expect((await violations()).sort()).toEqual(
      ['01', '7.old', 'x'].map((name) => `stray-file registries/${name}`),
    );
  });
});

import { mkdtemp, readdir, rm, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createLiveCodec, frameRegistryId, trainHere, type LiveCodec } from '../../../src/codec/index.js';
import { openFilesystemBackend, type ManagedBackend } from '../../../src/storage/index.js';
import { core, segment, storing } from '../../contract/support.js';

const runs = Array.from({ length: 60 }, (_, index) =>
  core.fromTokens(Uint32Array.from({ length: 80 }, (_, at) => (at % 20) + (index % 3) * 100)),
);
const registry = trainHere(core.module, runs, { id: 7 });

describe('registries and holders in files', () => {
  let folder: string;
  let codec: LiveCodec;
  let backend: ManagedBackend;
  const open = async () => {
    // A new codec each time: it knows only the registries of the vault.
    codec = createLiveCodec(core);
    backend = await openFilesystemBackend({ folder, codec, core, clock: () => 1_000 });
  };
  const meanwhile = async (harm: () => Promise<unknown>) => {
    await backend.close();
    await harm();
    await open();
  };
  const pathOf = (hash: string) => join(folder, 'segments', hash.slice(0, 2), hash.slice(2, 4), hash);
  const garbage = async () =>
    (await backend.listGarbage({ limit: 100, garbageBeforeMs: Infinity })).segments.map(({ key }) => key);
  const newSegments = runs.slice(0, 3).map((run) => {
    const varints = createLiveCodec(core);
    return { hash: core.hash(run.varints), tokenCount: run.tokenCount, frame: varints.encode(run) };
  });

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'stowken-registries-'));
    await open();
  });
  afterEach(async () => {
    await backend.close();
    await rm(folder, { recursive: true });
  });

  it('frames are rewritten with a registry, read after a restart, and it goes when none names it', async () => {
    await backend.commit(storing('c', newSegments));
    await backend.commit({ putRegistry: { bytes: registry, timeMs: 5 } });
    await expect(backend.commit({ putRegistry: { bytes: registry, timeMs: 6 } })).rejects.toMatchObject({
      reason: 'REGISTRY_CONFLICT',
    });
    const { segments, next } = await backend.scanSegments({ limit: 2, bytesMax: Infinity });
    const rest = await backend.scanSegments({ limit: 2, bytesMax: Infinity, after: next! });
    const scanned = [...segments, ...rest.segments];
    expect([scanned.length, rest.next]).toEqual([3, undefined]);
    const replaceFrames = scanned.map(({ key, frame }) => {
      const rewritten = codec.encode(codec.decode(frame));
      expect(frameRegistryId(rewritten)).toBe(7);
      return { key, expected: frame, frame: rewritten };
    });
    expect((await backend.commit({ replaceFrames })).replaceFrames).toEqual([true, true, true]);

    await meanwhile(async () => undefined);
    const frameBytes = replaceFrames.reduce((sum, { frame }) => sum + frame.length, 0);
    expect(await backend.listRegistries()).toEqual([
      { id: 7, bytes: registry.length, createTimeMs: 5, segments: 3, tokens: 240, frameBytes },
    ]);
    expect(await backend.stats()).toMatchObject({ segmentBytes: frameBytes, registryBytes: registry.length });
    expect(await backend.readRegistry(7)).toEqual(registry);
    const frames = await backend.readFrames(scanned.map(({ key }) => key));
    expect(frames.map((frame) => codec.hashOf(frame))).toEqual(newSegments.map(({ hash }) => hash));
    expect(await backend.check()).toEqual([]);

    expect((await backend.commit({ dropRegistries: [7, 8] })).dropRegistries).toEqual([]);
    await backend.commit({ delete: { id: 'c', timeMs: 0 } });
    await backend.commit({ collect: { keys: await garbage(), garbageBeforeMs: Infinity } });
    expect((await backend.commit({ dropRegistries: [7] })).dropRegistries).toEqual([7]);
    expect(codec.registries).toEqual([]);
    await meanwhile(async () => expect(await readdir(join(folder, 'registries'))).toEqual([]));
    expect(await backend.check()).toEqual([]);
  });

  it('a vault with a damaged registry is refused, and opens again with it restored', async () => {
    await backend.commit({ putRegistry: { bytes: registry, timeMs: 5 } });
    const coded = { ...newSegments[0]!, frame: codec.encode(runs[0]!) };
    await backend.commit(storing('c', [coded]));
    await backend.close();
    const file = join(folder, 'registries', '7');
    await writeFile(file, registry.subarray(0, -1));
    await expect(open()).rejects.toMatchObject({ reason: 'CORRUPT_STORE', metadata: { registry: '7' } });
    await writeFile(file, registry);
    await open();
    expect(await backend.check()).toEqual([]);
  });

  it('a damaged list of holders stops the collection and what is counted, and nothing else', async () => {
    const [held, free] = [segment(1), segment(2)];
    await backend.commit({ newSegments: [held, free], addReferences: [{ hash: held.hash, holder: 'h' }] });
    const collect = { keys: await garbage(), garbageBeforeMs: Infinity };
    await meanwhile(() => writeFile(`${pathOf(held.hash)}.holders`, '{"holders":[]}'));
    const refused = { reason: 'CORRUPT_STORE' };
    await expect(garbage()).rejects.toMatchObject(refused);
    await expect(backend.countReferences(collect.keys)).rejects.toMatchObject(refused);
    await expect(backend.commit({ collect })).rejects.toMatchObject(refused);
    await expect(backend.commit({ deleteSegments: [free.hash] })).rejects.toMatchObject(refused);
    const addReferences = [{ hash: held.hash, holder: 'g' }];
    await expect(backend.commit({ addReferences })).rejects.toMatchObject(refused);
    expect((await backend.check()).map(({ invariant }) => invariant)).toEqual(['holders']);
    await backend.commit(storing('c', [held]));
  });

  it('holders of a segment that went missing have it when it is stored again', async () => {
    const held = segment(1);
    await backend.commit({ newSegments: [held], addReferences: [{ hash: held.hash, holder: 'h' }] });
    await meanwhile(() => unlink(pathOf(held.hash)));
    expect(await backend.findSegments([held.hash])).toEqual([undefined]);
    await backend.commit({ newSegments: [held] });
    expect(await garbage()).toEqual([]);
    const removed = await backend.commit({ removeReferences: [{ hash: held.hash, holder: 'h' }] });
    expect(removed.removeReferences).toEqual([{ refCount: 0 }]);
    expect(await backend.check()).toEqual([]);
  });
});

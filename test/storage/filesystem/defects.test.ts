import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, truncate, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ManagedBackend, openFilesystemBackend, type SegmentKey } from '../../../src/storage/index.js';
import { sealJson } from '../../../src/storage/filesystem/layout/sealed-record.js';
import { listGarbage } from '../../../src/vault/segments/references.js';
import { codec, core, longSegment, message, segment, spec, storing } from '../../contract/support.js';
import type { SegmentHash } from '../../../src/model/index.js';
import { asHash } from '../../support/hashes.js';

/** Those defects of test/contract/defects.test.ts that concern files. */
describe('the filesystem backend', () => {
  const a = segment(1, 2, 3);
  const b = segment(4, 5);
  let folder: string;
  let backend: ManagedBackend;

  const open = async () => {
    backend = await openFilesystemBackend({ folder, codec, core, clock: () => 1_000 });
  };
  /** Changes the files while nobody has them open. */
  const meanwhile = async (harm: () => Promise<unknown>) => {
    await backend.close();
    await harm();
    await open();
  };
  const pathOf = (hash: string) => join(folder, 'segments', hash.slice(0, 2), hash.slice(2, 4), hash);
  const keyOf = async (hash: SegmentHash) => (await backend.findSegments([hash]))[0]?.key as SegmentKey;
  const list = () =>
    backend.listConversations({ filter: {}, order: 'newestFirst', limit: 100, scanLimit: 100 });
  const garbage = async () =>
    (await backend.listGarbage({ limit: 100, garbageBeforeMs: Infinity })).segments.map(({ key }) => key);
  const namesOf = async () =>
    (await backend.check()).map(({ invariant, subject }) => `${invariant} ${subject}`);

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'stowken-defects-'));
    await open();
  });
  afterEach(async () => {
    await backend.close();
    await rm(folder, { recursive: true });
  });

  it.each(['../../x', '/abs', 'a/b', '..', '.', '', 'x.json', 'X', 'x', '%78', '\0', 'ü', 'é'.repeat(256)])(
    'defect 1: the id %j stays in the folder, and is listed as it is',
    async (id) => {
      await backend.commit(storing(id, [a]));
      await backend.commit(storing('beside', [a]));
      await meanwhile(async () => {
        const files = await readdir(join(folder, 'manifests'));
        expect(files).toHaveLength(2);
        for (const file of files) expect(Buffer.byteLength(file)).toBeLessThan(256);
      });
      expect((await list()).conversations.map((each) => each.id)).toEqual(['beside', id]);
      expect(await backend.check()).toEqual([]);
    },
  );

  it('a page of garbage lists a segment whose file is damaged, by the name of the file', async () => {
    await backend.commit(storing('c', [a, b]));
    await backend.commit({ delete: { id: 'c', timeMs: 6_000 } });
    await meanwhile(() => writeFile(pathOf(a.hash), 'not a frame'));
    const page = await listGarbage(backend, { limit: 10 });
    const named = page.segments.map(({ hash }) => hash);
    expect(named).toContain(b.hash);
    expect(named.length + page.damaged.length).toBe(2);
  });

  it('defect 1: ids that differ in case only are two files, on any file system', async () => {
    await backend.commit(storing('id', [a]));
    await backend.commit(storing('ID', [b]));
    await meanwhile(async () => {
      const files = await readdir(join(folder, 'manifests'));
      expect(new Set(files.map((file) => file.toLowerCase())).size).toBe(2);
    });
  });

  it.each(['../../x', '/abs', 'abc', '', 'Z'.repeat(64)])(
    'defect 1: the hash %j is no path',
    async (text) => {
      const hash = asHash(text);
      expect(await backend.findSegments([hash])).toEqual([undefined]);
      await expect(backend.commit({ newSegments: [{ ...a, hash }] })).rejects.toMatchObject({
        reason: 'CORRUPT_SEGMENT',
      });
      expect(await backend.stats()).toMatchObject({ segments: 0 });
    },
  );

  it('defect 2: content that does not have its hash is refused', async () => {
    const forged = { ...a, frame: b.frame };
    await expect(backend.commit(storing('c', [forged]))).rejects.toMatchObject({ reason: 'CORRUPT_SEGMENT' });
    const miscounted = { ...a, tokenCount: 4 };
    await expect(backend.commit(storing('c', [miscounted]))).rejects.toMatchObject({
      reason: 'CORRUPT_SEGMENT',
    });
    await backend.commit(storing('c', [a]));
    expect(await backend.check()).toEqual([]);
  });

  it.each([0, 2])(
    'defect 3: data that was cut off after %i bytes is an error, not an answer',
    async (length) => {
      await backend.commit(storing('c', [a]));
      await meanwhile(() => truncate(pathOf(a.hash), length));
      await expect(backend.readFrames([await keyOf(a.hash)])).rejects.toMatchObject({
        reason: 'CORRUPT_SEGMENT',
      });
      expect(await namesOf()).toContain(`frame segment ${a.hash}`);
    },
  );

  it('defect 3: a sidecar or manifest with a byte changed is not read as something else', async () => {
    await backend.commit(storing('c', [a]));
    const manifest = join(folder, 'manifests', 'c.json');
    await meanwhile(async () => {
      const text = await readFile(manifest, 'utf8');
      await writeFile(manifest, text.replace('"role":"user"', '"role":"uses"'));
    });
    await expect(backend.getConversation('c')).rejects.toMatchObject({ reason: 'CORRUPT_STORE' });
    await expect(list()).rejects.toMatchObject({ reason: 'CORRUPT_STORE' });
    await expect(backend.commit({ delete: { id: 'c', timeMs: 0 } })).rejects.toMatchObject({
      reason: 'CORRUPT_STORE',
    });
    // Its references are not known: nothing is garbage for sure.
    await expect(garbage()).rejects.toMatchObject({ reason: 'CORRUPT_STORE' });
    await expect(backend.stats()).rejects.toMatchObject({ reason: 'CORRUPT_STORE' });
    await expect(
      backend.commit({ collect: { keys: [await keyOf(a.hash)], garbageBeforeMs: Infinity } }),
    ).rejects.toMatchObject({ reason: 'CORRUPT_STORE' });
    expect(await namesOf()).toContain('manifest manifests/c.json');
    await backend.commit(storing('other', [b]));
    expect(await backend.getConversation('other')).toBeDefined();
  });

  it('defect 4: data without sidecar is the segment that it holds', async () => {
    await backend.commit(storing('c', [a]));
    await meanwhile(() => unlink(`${pathOf(a.hash)}.meta`));
    expect(backend.mended).toContain(`${a.hash}.meta could not be read`);
    await meanwhile(() => Promise.resolve());
    expect(backend.mended).toBeUndefined();
    const key = await keyOf(a.hash);
    expect(await backend.readFrames([key])).toEqual([a.frame]);
    expect(await backend.check()).toEqual([]);
    expect((await backend.commit(storing('d', [a]))).put).toMatchObject({ newSegments: 0 });
    for (const id of ['c', 'd']) await backend.commit({ delete: { id, timeMs: 0 } });
    await backend.commit({ collect: { keys: [key], garbageBeforeMs: Infinity } });
    expect(await backend.stats()).toMatchObject({ segments: 0 });
    await meanwhile(async () => expect(existsSync(pathOf(a.hash))).toBe(false));
  });

  it('defect 4: a sidecar without data is no segment, and a store makes it one with all its references', async () => {
    await backend.commit(storing('c', [a]));
    await meanwhile(() => unlink(pathOf(a.hash)));
    expect(await backend.findSegments([a.hash])).toEqual([undefined]);
    expect(await namesOf()).toContain(`manifest-segments segment ${a.hash}`);
    await backend.commit(storing('d', [a]));
    expect(await backend.check()).toEqual([]);
    await backend.commit({ delete: { id: 'd', timeMs: 0 } });
    expect(await garbage()).toEqual([]);
    await backend.commit({ delete: { id: 'c', timeMs: 0 } });
    expect(await garbage()).toEqual([await keyOf(a.hash)]);
  });

  it('defect 5: files that a crash left are removed and counted nowhere', async () => {
    await backend.commit(storing('c', [a]));
    const before = await backend.stats();
    await meanwhile(() => writeFile(join(folder, 'tmp', '17'), 'half a frame'));
    expect(await readdir(join(folder, 'tmp'))).toEqual([]);
    expect(await backend.stats()).toEqual(before);
  });

  it('defect 12: a stray file is named by the check and stops nothing', async () => {
    await backend.commit(storing('c', [a, b]));
    const strays = [
      'notes.txt',
      'manifests/README',
      'manifests/copy of c.json',
      'segments/zz',
      'segments/00/x',
    ];
    await meanwhile(async () => {
      await mkdir(join(folder, 'segments/00'), { recursive: true });
      for (const stray of strays) await writeFile(join(folder, stray), 'x');
      const manifest = await readFile(join(folder, 'manifests/c.json'));
      await writeFile(join(folder, 'manifests/d.json'), manifest);
    });
    const expected = [...strays, 'manifests/d.json'].map((stray) => `stray-file ${stray}`);
    expect((await namesOf()).sort()).toEqual(expected.sort());
    expect((await list()).conversations).toHaveLength(1);
    await backend.commit({ delete: { id: 'c', timeMs: 0 } });
    const { collect } = await backend.commit({
      collect: { keys: await garbage(), garbageBeforeMs: Infinity },
    });
    expect(collect).toEqual({ segments: 2, frameBytes: a.frame.length + b.frame.length });
    expect((await backend.stats()).segments).toBe(0);
  });

  it('defect 12: collecting what is not there counts nothing, and leaves no empty folders', async () => {
    await backend.commit({ newSegments: [a, b, longSegment(1000, 1)] });
    const keys = await garbage();
    await backend.commit({ collect: { keys, garbageBeforeMs: Infinity } });
    const again = await backend.commit({ collect: { keys, garbageBeforeMs: Infinity } });
    expect(again.collect).toEqual({ segments: 0, frameBytes: 0 });
    await expect(backend.commit({ delete: { id: 'none', timeMs: 0 } })).rejects.toMatchObject({
      reason: 'CONVERSATION_NOT_FOUND',
    });
    await meanwhile(async () => expect(await readdir(join(folder, 'segments'))).toEqual([]));
  });

  it('refuses a folder that holds something else, and a vault of a newer version', async () => {
    const other = await mkdtemp(join(tmpdir(), 'stowken-other-'));
    await writeFile(join(other, 'vault.mdb'), '');
    const opening = openFilesystemBackend({ folder: other, codec, core, clock: () => 0 });
    await expect(opening).rejects.toMatchObject({ reason: 'STORE_VERSION' });
    await rm(other, { recursive: true });

    await backend.close();
    await writeFile(join(folder, 'vault.json'), sealJson({ schema_version: 3 }));
    await expect(open()).rejects.toMatchObject({
      reason: 'STORE_VERSION',
      metadata: { version: '3', version_max: '2' },
    });
  });

  it('keeps what a caller does to its buffers out of the vault', async () => {
    const frame = a.frame.slice();
    const commit = backend.commit({
      newSegments: [{ ...a, frame }],
      put: {
        spec: spec('c'),
        messages: [message('user', a)],
        expect: { kind: 'absentOrSame' },
        timeMs: 1,
      },
    });
    await commit;
    frame.fill(0);
    const [read] = await backend.readFrames([await keyOf(a.hash)]);
    read?.fill(0);
    expect(await backend.readFrames([await keyOf(a.hash)])).toEqual([a.frame]);
  });
});

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openLmdbBackend, type MaintainedBackend } from '../../../src/storage/index.js';
import { Environment } from '../../../src/storage/lmdb/tables/environment.js';
import { listGarbage } from '../../../src/vault/segments/references.js';
import { codec, longSegment, storing } from '../../contract/support.js';
import { temporaryFolder, type TemporaryFolder } from '../faults/support.js';

let folder: TemporaryFolder;
let backend: MaintainedBackend;

beforeEach(async () => {
  folder = await temporaryFolder();
  backend = await openLmdbBackend({ folder: folder.path, codec, clock: () => 5_000 });
});
afterEach(async () => {
  await backend.close();
  await folder.remove();
});

describe('a page of garbage', () => {
  it('names a segment whose frame has lost a piece, and lists the others', async () => {
    const segments = [1, 2, 3].map((seed) => longSegment(9000, seed));
    await backend.commit(storing('c', segments));
    await backend.commit({ delete: { id: 'c', timeMs: 6_000 } });
    await backend.close();
    const environment = await Environment.open(folder.path, { sync: false });
    await environment.write(() => environment.tables.frameOverflowPages.remove(2));
    await environment.close();
    backend = await openLmdbBackend({ folder: folder.path, codec, clock: () => 5_000 });

    const page = await listGarbage(backend, { limit: 10 });
    expect(page.segments.map(({ hash }) => hash)).toEqual([segments[0]!.hash, segments[2]!.hash]);
    expect(page.damaged).toMatchObject([{ error: { reason: expect.stringMatching(/^CORRUPT_/) as string } }]);
    expect(page.damaged[0]!.frameBytes).toBeGreaterThan(0);
    expect(page.next).toBeUndefined();
    // It counts to the page's size.
    const first = await listGarbage(backend, { limit: 2 });
    expect([first.segments.length, first.damaged.length]).toEqual([1, 1]);
    expect((await listGarbage(backend, { limit: 2, after: first.next! })).segments).toHaveLength(1);
  });
});

describe('a collection', () => {
  it('leaves a segment whose frame has lost a piece, also where its name is known, and takes the others', async () => {
    // Their hashes are in memory from here on; each frame has whole pages.
    await backend.commit(
      storing(
        'c',
        [1, 2, 3].map((seed) => longSegment(9000, seed)),
      ),
    );
    await backend.commit({ delete: { id: 'c', timeMs: 6_000 } });
    const environment = await Environment.open(folder.path, { sync: false });
    const { frameOverflowPages } = environment.tables;
    const ids = [...frameOverflowPages.keys()];
    expect(ids).toEqual([1, 2, 3]);
    await environment.write(() => frameOverflowPages.remove(2));
    await environment.close();

    const { segments } = await backend.listGarbage({ limit: 10, garbageBeforeMs: 9_000 });
    const keys = segments.map(({ key }) => key);
    const { collect } = await backend.commit({ collect: { keys, garbageBeforeMs: 9_000 } });
    expect(collect).toMatchObject({ segments: 2 });
    expect((await backend.listGarbage({ limit: 10, garbageBeforeMs: 9_000 })).segments).toMatchObject([
      { key: 2 },
    ]);
  });
});

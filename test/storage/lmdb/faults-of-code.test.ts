import { afterEach, describe, expect, it, vi } from 'vitest';
import { assert } from '../../../src/model/index.js';
import type { Change } from '../../../src/storage/index.js';
import { SegmentChanges } from '../../../src/storage/lmdb/commit/segment-changes.js';
import { MessageBlocks } from '../../../src/storage/lmdb/conversations/message-blocks.js';
import { StringTable } from '../../../src/storage/lmdb/conversations/string-table.js';
import { IndexDirectory } from '../../../src/storage/lmdb/segments/chunk-keys.js';
import { HashIndex } from '../../../src/storage/lmdb/segments/hash-index.js';
import { RecentHashes } from '../../../src/storage/lmdb/segments/recent-hashes.js';
import { NegativeLookupCache, SegmentCache } from '../../../src/storage/lmdb/segments/segment-caches.js';
import { listOf } from '../../contract/long-lists.js';
import { longSegment, storing } from '../../contract/support.js';
import { ALONE, deleting, useFullVault } from './full-vault.js';
import { segmentId } from './ids.js';

const t = useFullVault();
afterEach(() => vi.restoreAllMocks());

/** A method as it is before a test replaces it. */
function methodOf<T extends object, Name extends keyof T>(prototype: T, name: Name): T[Name] {
  return prototype[name];
}

describe('a fault of the code', () => {
  /** The others of the group, which nothing is wrong with. */
  const others = () => [storing('x', [longSegment(11, 1)]), storing('y', [longSegment(12, 2)])];

  const faults: [what: string, Change, reason: string, inject: () => void][] = [
    [
      'a reference released twice',
      deleting('first'),
      'CORRUPT_STORE',
      () => {
        const release = methodOf(SegmentChanges.prototype, 'release');
        vi.spyOn(SegmentChanges.prototype, 'release').mockImplementation(function (this: SegmentChanges, id) {
          const is = release.call(this, id);
          if (id === ALONE) release.call(this, id);
          return is;
        });
      },
    ],
    [
      'a block released twice',
      deleting('long'),
      'CORRUPT_STORE',
      () => {
        const release = methodOf(MessageBlocks.prototype, 'release');
        vi.spyOn(MessageBlocks.prototype, 'release').mockImplementation(function (this: MessageBlocks, id) {
          release.call(this, id);
          return release.call(this, id);
        });
      },
    ],
    [
      'a segment that a list names before it is stored',
      storing('z', [longSegment(99, 9)]),
      'INVARIANT_BROKEN',
      () => {
        const add = methodOf(SegmentChanges.prototype, 'add');
        vi.spyOn(SegmentChanges.prototype, 'add').mockImplementation(function (this: SegmentChanges, each) {
          const id = add.call(this, each);
          return each.tokenCount === 99 ? segmentId(0) : id;
        });
      },
    ],
    [
      'a segment stored twice',
      { newSegments: [longSegment(99, 9)] },
      'INVARIANT_BROKEN',
      () => {
        const add = methodOf(SegmentChanges.prototype, 'add');
        vi.spyOn(SegmentChanges.prototype, 'add').mockImplementation(function (this: SegmentChanges, each) {
          if (each.tokenCount === 99) add.call(this, each);
          return add.call(this, each);
        });
      },
    ],
  ];

  it.each(faults)(
    'aborts its own change, and no other of the group: %s',
    async (_what, met, reason, inject) => {
      const first = await listOf(t.backend, 'first');
      inject();
      const [x, y] = others();
      const outcomes = await Promise.allSettled([x!, met, y!].map((each) => t.backend.commit(each)));
      expect(outcomes).toEqual([
        expect.objectContaining({ status: 'fulfilled' }),
        { status: 'rejected', reason: expect.objectContaining({ reason }) as Error },
        expect.objectContaining({ status: 'fulfilled' }),
      ]);
      vi.restoreAllMocks();
      expect(await t.backend.check()).toEqual([]);
      expect(await listOf(t.backend, 'first')).toEqual(first);
      // The same change succeeds once the fault is gone.
      await t.backend.commit(met);
      expect(await t.backend.check()).toEqual([]);
    },
  );

  it('in what is in memory is gone with the memory: the next change reads the records again', async () => {
    const insert = methodOf(HashIndex.prototype, 'insert');
    vi.spyOn(HashIndex.prototype, 'insert').mockImplementationOnce(function (this: HashIndex, hash, id) {
      insert.call(this, hash, segmentId(id + 1));
    });
    const forgotten = [SegmentCache, NegativeLookupCache, IndexDirectory, RecentHashes, StringTable].map(
      ({ prototype }) => vi.spyOn(prototype, 'clear'),
    );
    const met = { newSegments: [longSegment(99, 9)] };
    await expect(t.backend.commit(met)).rejects.toMatchObject({
      reason: 'INVARIANT_BROKEN',
      metadata: { invariant: 'new ids follow the recent ones' },
    });
    for (const clear of forgotten) expect(clear).toHaveBeenCalledOnce();
    await t.backend.commit(met);
    expect(await t.backend.check()).toEqual([]);
  });

  it('is no damage to those who expect damage', async () => {
    // A deletion goes on where a block is damaged.
    vi.spyOn(MessageBlocks.prototype, 'read').mockImplementation(() => {
      assert(false, 'a fault');
    });
    await expect(t.backend.commit(deleting('long'))).rejects.toMatchObject({ reason: 'INVARIANT_BROKEN' });
    vi.restoreAllMocks();
    expect(await t.backend.check()).toEqual([]);
  });

  it('while a commit is followed stops the writer, and the commit is answered', async () => {
    vi.spyOn(SegmentChanges.prototype, 'committed').mockImplementationOnce(() => {
      throw new Error('a fault');
    });
    await t.backend.commit(storing('x', [longSegment(11, 1)]));
    expect(t.backend.health()).toMatchObject({ writable: false });
    await expect(t.backend.commit(deleting('x'))).rejects.toMatchObject({ reason: 'WRITES_STOPPED' });
    await t.backend.close();
    await t.open();
    expect(await listOf(t.backend, 'x')).toHaveLength(1);
    expect(await t.backend.check()).toEqual([]);
  });
});

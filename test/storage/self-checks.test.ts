import { afterEach, expect, it, vi } from 'vitest';
import { StagedCommit } from '../../src/storage/filesystem/commit/staged-commit.js';
import { SegmentChanges } from '../../src/storage/lmdb/commit/segment-changes.js';
import { Work } from '../../src/storage/postgres/commit/work.js';
import * as strict from '../../src/storage/lmdb/check/strict.js';
import { MemoryStore } from '../../src/storage/memory/store.js';
import { backendKinds, type BackendKind, longSegment, openBench, storing } from '../contract/support.js';

afterEach(() => vi.restoreAllMocks());

const losing = () => vi.spyOn(Work.prototype, 'refer').mockImplementationOnce(() => undefined);

/** Lets a storage lose one reference of a manifest. */
const faults: Record<BackendKind, () => void> = {
  memory: () => vi.spyOn(MemoryStore.prototype, 'hold').mockImplementationOnce(() => undefined),
  filesystem: () => vi.spyOn(StagedCommit.prototype, 'hold').mockImplementationOnce(() => undefined),
  postgres: losing,
  'postgres in partitions': losing,
  lmdb: () => {
    vi.spyOn(SegmentChanges.prototype, 'hold').mockImplementationOnce(() => 1);
    // The check of the transaction itself would find it.
    vi.spyOn(strict, 'strictly').mockImplementationOnce((_tables, _stringOf, action) => action());
  },
};

it.each(backendKinds)('a strict storage finds a reference that it lost: %s', async (kind) => {
  const bench = await openBench(kind, { sync: false, strict: true });
  try {
    await bench.backend.commit(storing('kept', [longSegment(20, 1)]));
    faults[kind]();
    const commits: Promise<unknown>[] = [];
    for (let count = 2; count < 256; count++)
      commits.push(bench.backend.commit(storing(`c${count}`, [longSegment(20, 1)])));
    await Promise.all(commits);
    await expect(bench.backend.commit(storing('last', [longSegment(20, 1)]))).rejects.toMatchObject({
      reason: 'INVARIANT_BROKEN',
      metadata: { invariant: 'reference-counts' },
    });
  } finally {
    await bench.dispose();
  }
});

import { afterEach, describe, expect, it, vi } from 'vitest';
import { MemoryStore } from '../../src/storage/memory/store.js';
import { StagedCommit } from '../../src/storage/filesystem/commit/staged-commit.js';
import { VaultIndex } from '../../src/storage/filesystem/vault-index/vault-index.js';
import { longSegment, readConversation, storing, useBench } from '../contract/support.js';

afterEach(() => vi.restoreAllMocks());

const [a, b] = [longSegment(30, 1), longSegment(40, 2)];
const deleting = { delete: { id: 'c', timeMs: 2_000 } };

/** Lets every reference be released twice. */
function releaseTwice(): void {
  const release = Reflect.get<StagedCommit, 'release'>(StagedCommit.prototype, 'release');
  vi.spyOn(StagedCommit.prototype, 'release').mockImplementation(function (this: StagedCommit, hash) {
    release.call(this, hash);
    return release.call(this, hash);
  });
}

describe('a fault of the code in the filesystem backend', () => {
  const bench = useBench('filesystem', { sync: false });

  it('leaves nothing of its change, and the others of the group are committed', async () => {
    const { backend } = bench();
    await backend.commit(storing('c', [a, b]));
    const before = await readConversation(bench(), 'c');
    releaseTwice();
    const changes = [storing('x', [longSegment(50, 3)]), deleting, storing('y', [longSegment(60, 4)])];
    const outcomes = await Promise.allSettled(changes.map((change) => backend.commit(change)));
    expect(outcomes).toMatchObject([
      { status: 'fulfilled' },
      { status: 'rejected', reason: { reason: 'INVARIANT_BROKEN' } },
      { status: 'fulfilled' },
    ]);
    vi.restoreAllMocks();
    expect(await backend.check()).toEqual([]);
    expect(await readConversation(bench(), 'c')).toEqual(before);
    await bench().reopen();
    expect(await readConversation(bench(), 'c')).toEqual(before);
    await bench().backend.commit(deleting);
  });

  it('while a commit is followed stops the writer, and the commit is answered', async () => {
    vi.spyOn(VaultIndex.prototype, 'setConversation').mockImplementationOnce(() => {
      throw new Error('a fault');
    });
    await bench().backend.commit(storing('c', [a]));
    expect(bench().backend.health()).toMatchObject({ writable: false });
    await expect(bench().backend.commit(deleting)).rejects.toMatchObject({ reason: 'WRITES_STOPPED' });
    await bench().reopen();
    expect(await readConversation(bench(), 'c')).toMatchObject({ messages: [{ hashes: [a.hash] }] });
  });
});

describe('a fault of the code in the memory backend', () => {
  const bench = useBench('memory');

  it('stops writes, since no transaction can be aborted', async () => {
    const { backend } = bench();
    await backend.commit(storing('c', [a]));
    vi.spyOn(MemoryStore.prototype, 'addSegment').mockImplementationOnce(() => undefined);
    await expect(backend.commit(storing('d', [b]))).rejects.toMatchObject({ reason: 'INVARIANT_BROKEN' });
    expect(backend.health()).toMatchObject({ writable: false });
    await expect(backend.commit(deleting)).rejects.toMatchObject({ reason: 'WRITES_STOPPED' });
    expect(await readConversation(bench(), 'c')).toMatchObject({ messages: [{ hashes: [a.hash] }] });
  });
});

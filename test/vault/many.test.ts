import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { limits } from '../../src/model/index.js';
import type { DeleteManyInput, RetrieveManyPart } from '../../src/vault/index.js';
import { say, signal, spec, type TestVault } from '../support/vault.js';
import { openStoredVault, storageKinds } from '../support/stored-vault.js';

describe.each(storageKinds)('over %s', (kind) => {
  let t: TestVault;
  beforeEach(async () => (t = await openStoredVault(kind)));
  afterEach(() => t.close());

  const store = (id: string, messages: readonly (readonly number[])[], application = 'test') =>
    t.vault.store(
      { spec: spec(id, { application }), messages: messages.map((tokens) => say('user', tokens)) },
      signal,
    );

  async function retrieve(ids: readonly string[], encoding: 'le32' | 'text' = 'le32') {
    const parts: RetrieveManyPart[] = [];
    for await (const batch of t.vault.retrieveMany({ ids, encoding }, signal)) parts.push(...batch);
    return parts.map(({ index, part }) => [index, part.kind === 'failed' ? part.error.reason : part.kind]);
  }

  describe('many conversations', () => {
    it('come in the order asked, and a missing one is a failure of its own', async () => {
      await store('a', [[1], [2]]);
      await store('b', []);
      expect(await retrieve(['b', 'none', 'a', 'a'])).toEqual([
        [0, 'header'],
        [1, 'CONVERSATION_NOT_FOUND'],
        ...[2, 3].flatMap((index) => [
          [index, 'header'],
          [index, 'chunk'],
          [index, 'chunk'],
        ]),
      ]);
    });

    it('go on joined behind one that is damaged, also where short ones are read together', async () => {
      await store('fine', [[4], [1]]);
      await store('bad', [[1], [2]]);
      await store('good', [[3]]);
      const snapshot = (await t.backend.openConversation('bad'))!;
      const damaged = (await snapshot.read(1, 1))[0]!.segments[0]!.key;
      snapshot.release();
      const readFrames = t.backend.readFrames.bind(t.backend);
      vi.spyOn(t.backend, 'readFrames').mockImplementation(async (keys) => {
        const frames = await readFrames(keys);
        return frames.map((frame, at) => (keys[at] === damaged ? Uint8Array.of(0xff) : frame));
      });
      const kinds: unknown[] = [];
      const input = { ids: ['fine', 'none', 'bad', 'good'], encoding: 'le32', joined: true } as const;
      for await (const batch of t.vault.retrieveMany(input, signal))
        for (const { index, part } of batch) kinds.push([index, part.kind]);
      expect(kinds).toEqual([
        [0, 'header'],
        [0, 'joined'],
        [1, 'failed'],
        [2, 'failed'],
        [3, 'header'],
        [3, 'joined'],
      ]);
    });

    it('go on behind one that breaks off, wherever it does', async () => {
      await store('bad', [[1], [2]]);
      await store('good', [[3]]);
      await t.vault.store(
        { spec: spec('foreign', { tokenizer: 'llama-3' }), messages: [say('user', [4])] },
        signal,
      );
      expect(await retrieve(['foreign', 'good'], 'text')).toEqual([
        [0, 'header'],
        [0, 'UNKNOWN_TOKENIZER'],
        [1, 'header'],
        [1, 'chunk'],
      ]);
      const readFrames = t.backend.readFrames.bind(t.backend);
      vi.spyOn(t.backend, 'readFrames').mockImplementationOnce(async (keys) => {
        const [whole] = await readFrames(keys);
        return [whole!, Uint8Array.of(0xff)];
      });
      expect(await retrieve(['bad', 'good'])).toEqual([
        [0, 'header'],
        [0, 'chunk'],
        [0, 'CORRUPT_SEGMENT'],
        [1, 'header'],
        [1, 'chunk'],
      ]);
    });

    it('end with what is no fault of one of them', async () => {
      await store('a', [[1]]);
      t.backend.readFrames = () => Promise.reject(new Error('the disk is gone'));
      await expect(retrieve(['a'])).rejects.toThrow('the disk is gone');
    });
  });

  it('a deletion that found nothing is remembered, and deletes nothing when it is made again', async () => {
    const remove = () => t.vault.delete('a', { allowMissing: true, requestId: 'once' });
    const nothing = { releasedReferences: 0, garbageSegments: 0, missing: true };
    expect(await remove()).toEqual(nothing);
    await store('a', [[1]]);
    expect(await remove()).toEqual(nothing);
    expect(await t.vault.get('a')).toMatchObject({ id: 'a' });
    const other = t.vault.delete('b', { allowMissing: true, requestId: 'once' });
    await expect(other).rejects.toMatchObject({ reason: 'REQUEST_ID_REUSED' });
  });

  it('a deletion that comes twice at once has one answer, also when one of the two found nothing', async () => {
    const remove = () => t.vault.delete('a', { allowMissing: true, requestId: 'once' });
    const commit = t.backend.commit.bind(t.backend);
    let other: ReturnType<typeof remove> | undefined;
    // Between the first one's look and its note that there was nothing.
    vi.spyOn(t.backend, 'commit').mockImplementation(async (change) => {
      if (other === undefined && !change.delete && change.request) {
        other = (async () => {
          await store('a', [[1]]);
          return remove();
        })();
        await other;
      }
      return commit(change);
    });
    const first = await remove();
    expect(first).toMatchObject({ releasedReferences: 1, garbageSegments: 1 });
    expect(await other).toEqual(first);
    expect(await remove()).toEqual(first);
  });

  describe('a deletion of many', () => {
    const ids = (...ids: string[]): DeleteManyInput['selection'] => ({ kind: 'ids', ids });
    const run = (selection: DeleteManyInput['selection'], dryRun = false, by = signal) =>
      t.vault.deleteMany({ selection, dryRun }, by);
    const nothing = {
      conversations: 0,
      missing: 0,
      changed: 0,
      releasedReferences: 0,
      garbageSegments: 0,
      damaged: [],
    };

    it('by ids tells what it released, and which ids were not there', async () => {
      await store('a', [[1], [2]]);
      await store('b', [[1]]);
      await store('kept', [[2]]);
      expect(await run(ids('a', 'none', 'b', 'a'), true)).toEqual({
        ...nothing,
        conversations: 2,
        missing: 1,
      });
      expect(await run(ids('a', 'none', 'b', 'a'))).toEqual({
        ...nothing,
        conversations: 2,
        missing: 1,
        releasedReferences: 3,
        garbageSegments: 1,
      });
      expect(await t.vault.stats()).toMatchObject({ conversations: 1, garbageSegments: 1 });
    });

    it('by filter goes over pages, and leaves what does not match', async () => {
      const many = limits.deleteBatchConversationsMax * 2 + 3;
      for (let index = 0; index < many; index++) await store(`c${index}`, [[index]], 'gone');
      await store('kept', [[1]]);
      const selection = { kind: 'filter', filter: { application: 'gone' } } as const;
      expect(await run(selection, true)).toEqual({ ...nothing, conversations: many });
      expect(await run(selection)).toMatchObject({ conversations: many, releasedReferences: many });
      expect((await t.vault.stats()).conversations).toBe(1);
      expect(await run({ kind: 'filter', filter: {} })).toMatchObject({ conversations: 1 });
    });

    it('leaves what changes, and passes over what goes, after it was found', async () => {
      for (const id of ['changes', 'goes', 'stays']) await store(id, [[1]]);
      const listConversations = t.backend.listConversations.bind(t.backend);
      t.backend.listConversations = async (query) => {
        const page = await listConversations(query);
        await t.vault.append({ id: 'changes', messages: [say('user', [2])] }, signal);
        await t.vault.delete('goes', { allowMissing: false });
        return page;
      };
      expect(await run({ kind: 'filter', filter: {} })).toMatchObject({
        conversations: 1,
        changed: 1,
        missing: 0,
      });
      expect((await t.vault.get('changes')).revision).toBe(2);
    });

    it('leaves what is stored again under an id that it found', async () => {
      for (const id of ['other', 'same', 'stays']) await store(id, [[1]], 'gone');
      const listConversations = t.backend.listConversations.bind(t.backend);
      t.backend.listConversations = async (query) => {
        const page = await listConversations(query);
        t.backend.listConversations = listConversations;
        for (const id of ['other', 'same']) await t.vault.delete(id, { allowMissing: false });
        await store('other', [[2]], 'kept');
        t.clock.nowMs += 1;
        await store('same', [[3]], 'gone');
        return page;
      };
      expect(await run({ kind: 'filter', filter: { application: 'gone' } })).toMatchObject({
        conversations: 1,
        changed: 0,
        missing: 0,
      });
      expect(await t.vault.get('other')).toMatchObject({ revision: 1, application: 'kept' });
      expect(await t.vault.get('same')).toMatchObject({ revision: 1, createTimeMs: t.clock.nowMs });
    });

    it('stops between batches when it is cancelled', async () => {
      const batch = limits.deleteBatchConversationsMax;
      for (let index = 0; index < batch + 5; index++) await store(`c${index}`, [[1]]);
      const abort = new AbortController();
      const commit = t.backend.commit.bind(t.backend);
      t.backend.commit = (change) => {
        abort.abort();
        return commit(change);
      };
      await expect(run({ kind: 'filter', filter: {} }, false, abort.signal)).rejects.toMatchObject({
        reason: 'CANCELLED',
      });
      expect((await t.vault.stats()).conversations).toBe(5);
    });
  });
});

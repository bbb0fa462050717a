import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { createTokenizers } from '../../src/text/index.js';
import { createVault, SearchThreads } from '../../src/vault/index.js';
import {
  backendKinds,
  core,
  isPersistent,
  message,
  segment,
  spec,
  storing,
  type Bench,
  useBench,
  isPostgres,
} from './support.js';
import { messagesOf } from '../support/snapshots.js';
import type { ListPosition, ManagedBackend } from '../../src/storage/index.js';
import { asHash } from '../support/hashes.js';

/**
 * Numbered defects of the filesystem backend with which this project began. Defects 3 to 6 concern damaged
 * files, power cuts and full disks: see test/storage/faults, test/storage/filesystem and test/crash.
 */
describe.each(backendKinds)('the %s backend', (kind) => {
  const [a, b] = [segment(1, 2, 3), segment(4, 5)];
  const bench = useBench(kind);

  const commit = (...args: Parameters<Bench['backend']['commit']>) => bench().backend.commit(...args);
  const list = (limit = 100, after?: ListPosition) =>
    bench().backend.listConversations({
      filter: {},
      order: 'newestFirst',
      limit,
      scanLimit: 100,
      ...(after !== undefined && { after }),
    });
  const replacing = (revision: number, ...segments: (typeof a)[]) => ({
    newSegments: segments,
    put: {
      spec: spec('c'),
      messages: segments.map((each) => message('user', each)),
      expect: { kind: 'revision' as const, revision },
      timeMs: 2_000,
    },
  });
  const garbage = async () => {
    const { segments } = await bench().backend.listGarbage({ limit: 100, garbageBeforeMs: Infinity });
    return segments.map(({ key }) => key);
  };

  it.each(['../../x', '/abs', 'a/b', '..', '.', 'x.json', 'X', '%78', '\0', 'ü', 'é'.repeat(256)])(
    'defect 1: the id %j is listed as it is',
    async (id) => {
      await commit(storing(id, [a]));
      await commit(storing('beside', [a]));
      await bench().reopen();
      expect((await list()).conversations.map((each) => each.id)).toEqual(['beside', id]);
    },
  );

  it.each(['../../x', '/abs', 'abc', ''])('defect 1: the hash %j names nothing', async (text) => {
    const hash = asHash(text);
    await commit(storing('c', [a]));
    expect(await bench().backend.findSegments([hash])).toEqual([undefined]);
    const { deleteSegments } = await commit({ deleteSegments: [hash] });
    expect(deleteSegments).toEqual([undefined]);
    const { addReferences } = await commit({ addReferences: [{ hash, holder: 'h' }] });
    expect(addReferences).toEqual([undefined]);
  });

  it('defect 2: a segment has the name that its content has, whoever writes it first', async () => {
    const { backend, codec } = bench();
    const tokenizers = createTokenizers({ threadsMax: 1 });
    const vault = createVault({
      name: 'default',
      ...{ backend, core, codec, tokenizers, searchThreads: new SearchThreads(1) },
      clock: () => 1_000,
    });
    const bytes = new Uint8Array(Uint32Array.of(7, 8, 0xffff_ffff).buffer);
    const { signal } = new AbortController();
    const [outcome] = await vault.putSegments(
      { contents: [{ kind: 'le32', bytes }], holder: undefined },
      signal,
    );
    const hash = createHash('sha256').update(bytes).digest('hex');
    expect(outcome).toEqual({ kind: 'stored', hash, tokenCount: 3 });
    await tokenizers.close();
  });

  it('defect 7: a caller that goes away does not stop a commit half-way', async () => {
    const committing = commit(storing('c', [a, b]));
    const reopening = bench().reopen();
    await committing;
    await reopening;
    expect(await bench().backend.stats()).toMatchObject({
      conversations: 1,
      segments: 2,
      garbageSegments: 0,
    });
  });

  it('defect 8: reads and lists go on while manifests and references change', async () => {
    await commit(storing('c', [a, b]));
    let revision = 1;
    const replace = async () => {
      for (; revision <= 40; revision++) await commit(replacing(revision, a, segment(revision)));
    };
    const read = async () => {
      while (revision <= 40) {
        expect((await list()).conversations).toHaveLength(1);
        const snapshot = await bench().backend.openConversation('c');
        const keys = (await messagesOf(snapshot!)).flatMap(({ segments }) => segments.map(({ key }) => key));
        const [first, second] = await bench().backend.readFrames(keys);
        expect(first).toEqual(a.frame);
        const seen = snapshot!.conversation.revision;
        expect(second).toEqual((seen === 1 ? b : segment(seen - 1)).frame);
        await commit({ collect: { keys: await garbage(), garbageBeforeMs: Infinity } });
        snapshot!.release();
      }
    };
    await Promise.all([replace(), read(), read()]);
  });

  // A database is for any number of servers: see test/storage/postgres/two-servers.test.ts.
  if (isPersistent(kind) && !isPostgres(kind)) {
    it('defect 9: a second instance on one folder is refused in clear words', async () => {
      await expect(bench().openAgain()).rejects.toMatchObject({
        reason: 'STORE_LOCKED',
        message: expect.stringContaining('another process has the store') as string,
      });
      await commit(storing('c', [a]));
      await bench().backend.close();
      // At once, but for LMDB: its writes wait for the event loop, and opening a file waits for its writers,
      // so that two openings of one process may wait for each other.
      const tries: PromiseSettledResult<ManagedBackend>[] = [];
      const open = async () => tries.push(...(await Promise.allSettled([bench().openAgain()])));
      if (kind === 'lmdb') for (let count = 0; count < 8; count++) await open();
      else await Promise.all(Array.from({ length: 8 }, open));
      const opened = tries.filter((each) => each.status === 'fulfilled');
      expect(opened).toHaveLength(1);
      bench().backend = opened[0]!.value;
      expect(await bench().backend.stats()).toMatchObject({ conversations: 1 });
    });
  }

  it('defect 10: a segment that is stored while garbage is collected stays', async () => {
    const segments = Array.from({ length: 40 }, (_, index) => segment(index, index));
    await commit({ newSegments: segments });
    const keys = await garbage();
    const stores = segments.map((each, index) => commit(storing(`c${index}`, [each])));
    const collects = keys.map((key) => commit({ collect: { keys: [key], garbageBeforeMs: Infinity } }));
    await Promise.all([...stores, ...collects]);
    expect(await bench().backend.stats()).toMatchObject({ segments: 40, garbageSegments: 0 });
  });

  it('defect 11: a manifest that is deleted or replaced releases what it held, once', async () => {
    await commit(storing('c', [a, a, b]));
    await commit(replacing(1, b));
    const [stored] = await bench().backend.findSegments([a.hash]);
    expect(await garbage()).toEqual([stored!.key]);
    await commit({ delete: { id: 'c', timeMs: 0 } });
    await bench().reopen();
    expect(await bench().backend.stats()).toMatchObject({ segments: 2, garbageSegments: 2 });
  });

  it('defect 11: no count falls below zero, or is a caller’s to say', async () => {
    await commit(storing('c', [a]));
    const release = { removeReferences: [{ hash: a.hash, holder: 'c' }] };
    for (let tries = 0; tries < 3; tries++) {
      expect((await commit(release)).removeReferences).toEqual([{ refCount: 1 }]);
    }
    await commit({ delete: { id: 'c', timeMs: 0 } });
    expect((await commit(release)).removeReferences).toEqual([{ refCount: 0 }]);
  });

  it('defect 12: what is not there cannot be deleted, and counts nowhere', async () => {
    await commit({ newSegments: [a, b] });
    const keys = await garbage();
    await commit({ collect: { keys, garbageBeforeMs: Infinity } });
    const again = await commit({ collect: { keys, garbageBeforeMs: Infinity } });
    expect(again.collect).toEqual({ segments: 0, frameBytes: 0 });
    expect((await commit({ deleteSegments: [a.hash] })).deleteSegments).toEqual([undefined]);
    await expect(commit({ delete: { id: 'none', timeMs: 0 } })).rejects.toMatchObject({
      reason: 'CONVERSATION_NOT_FOUND',
    });
  });

  it('defect 13: what is stored between two pages repeats nothing', async () => {
    for (let index = 0; index < 6; index++) await commit(storing(`c${index}`, [a]));
    const first = await list(3);
    for (const id of ['0', 'c25', 'zz']) await commit(storing(id, [b]));
    const second = await list(100, first.next);
    const ids = [...first.conversations, ...second.conversations].map(({ id }) => id);
    expect(ids).toEqual(['c5', 'c4', 'c3', 'c2', 'c1', 'c0']);
  });
});

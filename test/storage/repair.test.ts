import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type MaintainedBackend, openLmdbBackend } from '../../src/storage/index.js';
import { Environment, type Tables } from '../../src/storage/lmdb/tables/environment.js';
import { References } from '../../src/storage/lmdb/segments/references.js';
import { encodeFreedBlocks } from '../../src/storage/lmdb/conversations/message-blocks.js';
import { KeyIndexWriter } from '../../src/storage/lmdb/tables/key-index.js';
import { numberKey } from '../../src/storage/lmdb/tables/table-keys.js';
import { longList, puttingList } from '../contract/long-lists.js';
import { codec, longSegment, message, segment, spec, storing } from '../contract/support.js';
import { temporaryFolder, type TemporaryFolder } from './faults/support.js';
import { blockIds, segmentId } from './lmdb/ids.js';

let folder: TemporaryFolder;
beforeEach(async () => {
  folder = await temporaryFolder();
});
afterEach(() => folder.remove());

const open = () => openLmdbBackend({ folder: folder.path, codec, clock: () => 5_000 });

/**
 * Stores four hundred conversations with segments of their own and shared ones, some garbage, some holders.
 */
async function fill(): Promise<void> {
  const backend = await open();
  const shared = longSegment(50, 7);
  await Promise.all(
    Array.from({ length: 400 }, (_, n) => {
      const own = longSegment(n % 40 ? 20 : 3000, n);
      return backend.commit({
        newSegments: [own, shared],
        put: {
          spec: spec(`conversation/${n % 7}/${n}`),
          messages: [message('system', shared), message('user', own)],
          expect: { kind: 'absentOrSame' },
          timeMs: n,
        },
      });
    }),
  );
  for (let n = 0; n < 20; n++)
    await backend.commit({ delete: { id: `conversation/${n % 7}/${n}`, timeMs: 1 } });
  await collectOne(backend);
  await backend.commit({
    newSegments: [segment(1)],
    addReferences: [{ hash: segment(1).hash, holder: 'somebody' }],
  });
  await fillLong(backend);
  expect(await backend.check()).toEqual([]);
  await backend.close();
}

/** Inserts all recent segments into the chunks of the hash index. */
async function collectOne(backend: MaintainedBackend): Promise<void> {
  await backend.commit({ newSegments: [segment(3)] });
  await backend.commit({ deleteSegments: [segment(3).hash] });
}

/** Stores lists of several blocks, some shared and some waiting to be removed, and requests. */
async function fillLong(backend: MaintainedBackend): Promise<void> {
  const request = (id: string) => ({ id, digest: '0'.repeat(32), timeMs: 1, notBeforeMs: 0 });
  await backend.commit({ ...puttingList('long', longList(2000)), request: request('put') });
  await backend.commit({
    fork: { id: 'long', newId: 'fork', messageCount: 1700, timeMs: 1 },
    request: request('fork'),
  });
  await backend.commit({ append: { id: 'fork', messages: longList(900, 1700), timeMs: 1 } });
  await backend.commit(puttingList('doomed', longList(1500)));
  await backend.commit({ delete: { id: 'doomed', timeMs: 1 } });
}

async function spoil(change: (tables: Tables) => void): Promise<void> {
  const environment = await Environment.open(folder.path, { sync: false });
  await environment.write(() => change(environment.tables));
  await environment.close();
}

/** Returns the answers of a vault to every question. */
async function content(backend: MaintainedBackend) {
  const { conversations } = await backend.listConversations({
    filter: {},
    order: 'oldestFirst',
    limit: 1000,
    scanLimit: 1000,
  });
  const { segments } = await backend.listGarbage({ limit: 1000, garbageBeforeMs: 5_000 });
  const stats = { ...(await backend.stats()), inUseBytes: 0, fileBytes: 0 };
  const found = await Promise.all(conversations.map(({ id }) => backend.getConversation(id)));
  return { conversations, segments, stats, found };
}

const table = (name: keyof Tables) => (tables: Tables) => {
  tables[name].clear();
};

describe('what follows from other records', () => {
  it.each([
    ['the hash index', table('hashIndex'), 'hash-index'],
    ['the recent hashes', table('recentHashes'), 'hash-index'],
    ['the id index', table('ids'), 'id-index'],
    ['the reference counts', table('refCounts'), 'reference-counts'],
    ['the big reference counts', table('bigRefCounts'), 'reference-counts'],
    ['the set of garbage', table('garbage'), 'garbage'],
    ['a count', (tables: Tables) => tables.refCounts.put(1, Buffer.alloc(252, 3)), 'reference-counts'],
    ['an index entry', (tables: Tables) => tables.hashIndex.put(1, Buffer.of(1, 1)), 'hash-index'],
    [
      'a recent hash',
      (tables: Tables) => tables.recentHashes.append(9999, Buffer.of(1, 2, 3, 4)),
      'hash-index',
    ],
    ['a stray piece', (tables: Tables) => tables.frameOverflowPages.put(9999, Buffer.alloc(4072)), 'frame'],
    [
      'a holder of nothing',
      (tables: Tables) => {
        const references = new References(tables.references);
        references.add(segmentId(4095), 'a');
        references.flush();
      },
      'references',
    ],
    ['the counts of pages', table('blockCounts'), 'block-counts'],
    [
      'a count of a page',
      (tables: Tables) => tables.blockCounts.put(1, Buffer.alloc(252, 3)),
      'block-counts',
    ],
    ['the pages that wait', table('freedBlocks'), 'message-blocks'],
    [
      'a page that waits twice',
      (tables: Tables) => tables.freedBlocks.put(numberKey(1), encodeFreedBlocks(blockIds(1, 2))),
      'message-blocks',
    ],
    [
      'a page that nothing names',
      (tables: Tables) => tables.messageBlocks.put(9999, tables.messageBlocks.get(1) ?? Buffer.alloc(0)),
      'message-blocks',
    ],
    ['the ids of requests', table('requestIds'), 'requests'],
    [
      'an id of no request',
      (tables: Tables) => {
        const ids = new KeyIndexWriter(tables.requestIds);
        ids.insert(Buffer.alloc(16, 7), 99);
        ids.flush();
      },
      'requests',
    ],
    [
      'a request that does not decode',
      (tables: Tables) => tables.requests.put(numberKey(99), Buffer.of(1, 2, 3)),
      'requests',
    ],
    [
      'the statistics',
      (tables: Tables) =>
        tables.meta.put(2, Buffer.from('0aa01f90038f03a50100000000000000000000000000', 'hex')),
      'statistics',
    ],
  ])('is rebuilt: %s', async (_what, change, invariant) => {
    await fill();
    const before = await open();
    const expected = await content(before);
    await before.close();
    await spoil(change);
    const backend = await open();
    const violations = await backend.check();
    expect(violations.map((violation) => violation.invariant)).toContain(invariant);
    const { repaired, remaining } = await backend.repair();
    expect(remaining).toEqual([]);
    expect(repaired).toEqual(violations);
    const after = await content(backend);
    if (invariant === 'garbage') expect(after.stats).toEqual(expected.stats);
    else expect(after).toEqual(expected);
    await backend.commit(storing('after', [longSegment(20, 399), longSegment(77, 1)]));
    expect(await backend.check()).toEqual([]);
    await backend.close();
  });

  it('is not what a damaged frame or manifest held: that is named', async () => {
    await fill();
    await spoil((tables) => {
      tables.conversations.put(100, Buffer.from('ff', 'hex'));
      tables.frameOverflowPages.remove([...tables.frameOverflowPages.keys()][0]!);
    });
    const backend = await open();
    const { remaining } = await backend.repair();
    expect(remaining.map(({ invariant, subject }) => [invariant, subject])).toEqual([
      ['frame', expect.stringMatching(/^segment \d+$/)],
      ['manifest', 'conversation conversation/1/99'],
    ]);
    await backend.close();
  });

  it('needs no repair in a vault that is whole', async () => {
    await fill();
    const backend = await open();
    expect(await backend.repair()).toEqual({ repaired: [], remaining: [] });
    await backend.close();
  });
});

import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type MaintainedBackend, openLmdbBackend } from '../../../src/storage/index.js';
import { Environment, type Tables } from '../../../src/storage/lmdb/tables/environment.js';
import { decodeDirectory, encodeDirectory } from '../../../src/storage/lmdb/conversations/block-directory.js';
import { encodeFreedBlocks } from '../../../src/storage/lmdb/conversations/message-blocks.js';
import { numberKey } from '../../../src/storage/lmdb/tables/table-keys.js';
import { listOf, longList, opened, puttingList, shared, statedBy } from '../../contract/long-lists.js';
import { codec, message, segment, storing } from '../../contract/support.js';
import { temporaryFolder, type TemporaryFolder } from '../faults/support.js';
import { messagesOf } from '../../support/snapshots.js';
import { blockId, blockIds } from './ids.js';

let folder: TemporaryFolder;
beforeEach(async () => {
  folder = await temporaryFolder();
});
afterEach(() => folder.remove());

const open = () => openLmdbBackend({ folder: folder.path, codec, clock: () => 5_000 });

async function inVault<T>(use: (backend: MaintainedBackend) => Promise<T>): Promise<T> {
  const backend = await open();
  try {
    return await use(backend);
  } finally {
    await backend.close();
  }
}

/** Reads the tables of a closed vault. */
async function looked<T>(look: (tables: Tables) => T): Promise<T> {
  const environment = await Environment.open(folder.path, { sync: false });
  try {
    return await environment.write(() => look(environment.tables));
  } finally {
    await environment.close();
  }
}

const pageIds = () => looked(({ messageBlocks: pages }) => [...pages.keys()]);
const waiting = () => looked(({ freedBlocks }) => [...freedBlocks.keys()].length);

describe('the pages of message lists', () => {
  it('are named in order by what they add to', () => {
    const entries = [
      { id: blockId(7), messages: 500, tokens: 12_345 },
      { id: blockId(8), messages: 1, tokens: 0 },
      { id: blockId(3), messages: 300, tokens: 129 },
    ];
    const directory = encodeDirectory(entries);
    expect(Buffer.from(directory).toString('hex')).toBe('0cf403b960' + '000100' + '0bac028101');
    expect([...decodeDirectory(directory)]).toEqual(entries);
    expect(Buffer.from(encodeFreedBlocks(blockIds(3, 7, 300))).toString('hex')).toBe('0304a502');
  });

  it('of a short list are none, and of a fork its parent’s', async () => {
    await inVault(async (backend) => {
      await backend.commit(puttingList('short', longList(200)));
    });
    expect(await pageIds()).toEqual([]);
    await inVault((backend) => backend.commit(puttingList('long', longList(5000))));
    const pages = await pageIds();
    expect(pages.length).toBeGreaterThan(5);
    await inVault(async (backend) => {
      for (const messageCount of [5000, 4999, 3000]) {
        const fork = { id: 'long', newId: `fork/${messageCount}`, messageCount, timeMs: 1 };
        await backend.commit({ fork });
      }
    });
    expect((await pageIds()).length).toBeLessThanOrEqual(pages.length + 3);
    expect((await pageIds()).slice(0, pages.length)).toEqual(pages);
  });

  it('are not written again by appends', async () => {
    await inVault((backend) => backend.commit(puttingList('long', longList(5000))));
    const content = () =>
      looked(({ messageBlocks: pages }) => [...pages.range()].map(({ value }) => Buffer.from(value)));
    const before = await content();
    await inVault(async (backend) => {
      for (let n = 0; n < 40; n++) {
        await backend.commit({ append: { id: 'long', messages: longList(20, 5000 + 20 * n), timeMs: 1 } });
      }
    });
    const after = await content();
    expect(after.length).toBeGreaterThan(before.length);
    expect(after.slice(0, before.length)).toEqual(before);
    // Full blocks, however slowly they were filled.
    for (const page of after.slice(before.length)) expect(page.length).toBeGreaterThan(1011);
  });

  it('go with a commit after the one that freed them, also when the vault was closed in between', async () => {
    await inVault(async (backend) => {
      await backend.commit(puttingList('long', longList(5000)));
      await backend.commit({ delete: { id: 'long', timeMs: 1 } });
    });
    expect((await pageIds()).length).toBeGreaterThan(5);
    expect(await waiting()).toBe(1);
    await inVault((backend) => backend.commit(storing('x', [segment(1)])));
    expect(await pageIds()).toEqual([]);
    expect(await waiting()).toBe(0);
    const counts = await looked(({ blockCounts }) =>
      [...blockCounts.range()].map(({ value }) => value.length),
    );
    expect(counts).toEqual([0]);
  });

  it('wait for a snapshot, and no longer', async () => {
    const list = longList(3000);
    await inVault(async (backend) => {
      await backend.commit(puttingList('long', list));
      const snapshot = await opened(backend, 'long');
      await backend.commit({ delete: { id: 'long', timeMs: 1 } });
      await backend.commit(puttingList('later', list));
      const later = await opened(backend, 'later');
      await backend.commit({ delete: { id: 'later', timeMs: 1 } });
      for (let n = 0; n < 3; n++) await backend.commit(storing(`x${n}`, [segment(n)]));
      expect(await statedBy(backend, await messagesOf(snapshot))).toEqual(list);
      snapshot.release();
      for (let n = 0; n < 3; n++) await backend.commit(storing(`y${n}`, [segment(n)]));
      await expect(messagesOf(snapshot)).rejects.toThrow('of a message list is missing');
      expect(await statedBy(backend, await messagesOf(later, 2000))).toEqual(list.slice(2000));
      later.release();
      await backend.commit(storing('z', [segment(1)]));
      expect(await backend.check()).toEqual([]);
    });
    expect(await pageIds()).toEqual([]);
  });

  it('go in steps, when they are many', async () => {
    // One message that fills more than a block.
    const huge = message('user', ...Array.from({ length: 1500 }, (_, n) => shared[(n * 11) % 40]!));
    await inVault(async (backend) => {
      await backend.commit(puttingList('long', new Array(1200).fill(huge)));
      await backend.commit({ delete: { id: 'long', timeMs: 1 } });
      await backend.commit(storing('x', [segment(1)]));
    });
    const left = (await pageIds()).length;
    expect(left).toBeGreaterThan(600);
    expect(left).toBeLessThan(1200);
    await inVault(async (backend) => {
      expect(await backend.check()).toEqual([]);
      for (let n = 0; n < 2; n++) await backend.commit(storing(`y${n}`, [segment(n)]));
    });
    expect(await pageIds()).toEqual([]);
  });

  it('cannot be read when the backend is closed', async () => {
    const snapshot = await inVault(async (backend) => {
      await backend.commit(puttingList('long', longList(3000)));
      return opened(backend, 'long');
    });
    await expect(messagesOf(snapshot)).rejects.toThrow('the store is closed');
  });

  const firstPage = ({ messageBlocks: pages }: Tables) => [...pages.range({ limit: 1 })][0]!;
  it.each([
    [
      'is gone',
      (tables: Tables) => tables.messageBlocks.remove(firstPage(tables).key),
      'message-blocks',
      'block 1',
    ],
    [
      'has other messages',
      (tables: Tables) => tables.messageBlocks.put(1, firstPage(tables).value.slice(0, 0)),
      'message-blocks',
      'block 1',
    ],
    [
      'does not decode',
      (tables: Tables) => tables.messageBlocks.put(1, Buffer.of(0x80)),
      'message-blocks',
      'block 1',
    ],
    [
      'is named and waits',
      (tables: Tables) => tables.freedBlocks.put(numberKey(1), encodeFreedBlocks(blockIds(1))),
      'message-blocks',
      'block 1',
    ],
    ['has no count', (tables: Tables) => tables.blockCounts.remove(1), 'block-counts', 'block 1'],
    [
      'was freed by no commit',
      (tables: Tables) => tables.freedBlocks.put(numberKey(10_000), encodeFreedBlocks([])),
      'message-blocks',
      'blocks freed in commit 10000',
    ],
  ])('are checked: one that %s', async (_what, spoil, invariant, subject) => {
    await inVault((backend) => backend.commit(puttingList('long', longList(3000))));
    await looked(spoil);
    await inVault(async (backend) => {
      const found = (await backend.check()).map((each) => [each.invariant, each.subject]);
      expect(found).toContainEqual([invariant, subject]);
    });
  });

  it('that are damaged leave everything else readable', async () => {
    await inVault(async (backend) => {
      await backend.commit(puttingList('long', longList(3000)));
      await backend.commit(puttingList('other', longList(3000, 1)));
    });
    await looked((tables) => tables.messageBlocks.remove(1));
    await inVault(async (backend) => {
      await expect(listOf(backend, 'long')).rejects.toMatchObject({ reason: 'CORRUPT_STORE' });
      const snapshot = await opened(backend, 'long');
      expect(await statedBy(backend, await messagesOf(snapshot, 2500))).toEqual(longList(500, 2500));
      expect(await listOf(backend, 'other')).toEqual(longList(3000, 1));
      await backend.commit({ append: { id: 'long', messages: longList(5), timeMs: 1 } });
      await backend.commit({ delete: { id: 'long', timeMs: 1 } });
      expect(await backend.getConversation('long')).toBeUndefined();
      expect((await backend.repair()).remaining).toEqual([]);
      expect(await listOf(backend, 'other')).toEqual(longList(3000, 1));
    });
  });

  it('are right after any appends, forks, puts and deletes of long lists', async () => {
    const id = fc.constantFrom('a', 'b', 'c', 'd');
    const size = fc.oneof(fc.nat({ max: 30 }), fc.nat({ max: 1500 }));
    const operation = fc.oneof(
      fc.record({ kind: fc.constant('put' as const), id, size, long: fc.boolean() }),
      fc.record({ kind: fc.constant('append' as const), id, size }),
      fc.record({ kind: fc.constant('append' as const), id, size }),
      fc.record({
        kind: fc.constant('fork' as const),
        id,
        newId: id,
        part: fc.integer({ min: 0, max: 100 }),
      }),
      fc.record({ kind: fc.constant('delete' as const), id }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(operation, { minLength: 10, maxLength: 30 }), async (operations) => {
        const own = await temporaryFolder();
        const lists = new Map<string, ReturnType<typeof longList>>();
        const backend = await openLmdbBackend({
          folder: own.path,
          codec,
          clock: () => 5_000,
          durability: 'relaxed',
        });
        try {
          for (const [n, each] of operations.entries()) {
            const list = lists.get(each.id);
            if (each.kind === 'put') {
              const messages = longList(each.size, n * 1000);
              const revision = (await backend.getConversation(each.id))?.revision ?? 0;
              const fields = each.long ? { metadata: { k: 'v'.repeat(1200) } } : {};
              const { put, ...rest } = puttingList(each.id, messages, fields);
              await backend.commit({ ...rest, put: { ...put!, expect: { kind: 'revision', revision } } });
              lists.set(each.id, messages);
            } else if (each.kind === 'append' && list) {
              const messages = longList(each.size, n * 1000);
              await backend.commit({ newSegments: shared, append: { id: each.id, messages, timeMs: n } });
              lists.set(each.id, [...list, ...messages]);
            } else if (each.kind === 'fork' && list && !lists.has(each.newId)) {
              const messageCount = Math.floor((list.length * each.part) / 100);
              await backend.commit({ fork: { id: each.id, newId: each.newId, messageCount, timeMs: n } });
              lists.set(each.newId, list.slice(0, messageCount));
            } else if (each.kind === 'delete' && list) {
              await backend.commit({ delete: { id: each.id, timeMs: n } });
              lists.delete(each.id);
            }
            expect(await backend.check()).toEqual([]);
          }
          for (const each of ['a', 'b', 'c', 'd'])
            expect(await listOf(backend, each)).toEqual(lists.get(each));
          const named = new Set(
            [...lists.values()].flat().flatMap(({ segments }) => segments.map(({ hash }) => hash)),
          );
          const { segments, garbageSegments } = await backend.stats();
          expect(segments - garbageSegments).toBe(named.size);
        } finally {
          await backend.close();
          await own.remove();
        }
      }),
      { numRuns: 30, verbose: 1 },
    );
  });
});

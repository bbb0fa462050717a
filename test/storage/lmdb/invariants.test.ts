import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createLiveCodec, trainHere } from '../../../src/codec/index.js';
import { assert } from '../../../src/model/index.js';
import {
  type Change,
  type MaintainedBackend,
  type NewSegment,
  openLmdbBackend,
  type SegmentKey,
} from '../../../src/storage/index.js';
import { SegmentChanges } from '../../../src/storage/lmdb/commit/segment-changes.js';
import { StringTable } from '../../../src/storage/lmdb/conversations/string-table.js';
import { encodeFreedBlocks, MessageBlocks } from '../../../src/storage/lmdb/conversations/message-blocks.js';
import { decodeRadixNode, encodeRadixNode, endKey } from '../../../src/storage/lmdb/radix/nodes.js';
import { IndexDirectory } from '../../../src/storage/lmdb/segments/chunk-keys.js';
import { HashIndex } from '../../../src/storage/lmdb/segments/hash-index.js';
import { RecentHashes } from '../../../src/storage/lmdb/segments/recent-hashes.js';
import { NegativeLookupCache, SegmentCache } from '../../../src/storage/lmdb/segments/segment-caches.js';
import { decodeBoundedChunk, encodeBoundedChunk } from '../../../src/storage/lmdb/tables/bounded-chunk.js';
import { Environment, type Tables } from '../../../src/storage/lmdb/tables/environment.js';
import { decodeKeyChunk, encodeKeyChunk, type KeyEntry } from '../../../src/storage/lmdb/tables/key-chunk.js';
import { readState, writeState } from '../../../src/storage/lmdb/tables/meta.js';
import type { Table } from '../../../src/storage/lmdb/tables/table.js';
import { numberKey } from '../../../src/storage/lmdb/tables/table-keys.js';
import { sampleSegments } from '../../codec/samples.js';
import { longList, listOf, puttingList } from '../../contract/long-lists.js';
import { core, longSegment, message, segment, spec, storing } from '../../contract/support.js';
import { temporaryFolder, type TemporaryFolder } from '../faults/support.js';

/** Segments in the order of their ids, which begin at 1. The first has two blocks of a prefix. */
const [alone, kept, garbage, held] = [600, 20, 30, 40].map((count) => longSegment(count, 1)) as [
  NewSegment,
  NewSegment,
  NewSegment,
  NewSegment,
];
/** Long enough for every registry to beat varints. */
const coded = segment(...sampleSegments(300, 1).find(({ length }) => length >= 30)!);
const [ALONE, GARBAGE, HELD, CODED] = [1, 3, 4, 5] as const;
const registry = trainHere(
  core.module,
  sampleSegments(300, 1).map((tokens) => core.fromTokens(tokens)),
  { id: 1 },
);
/** The first conversation's two blocks of a prefix, and another's that shares the first. */
const prefix = Buffer.of(1, 1, 1, 1, 2, 2, 2, 2);
const otherPrefix = Buffer.of(1, 1, 1, 1, 3, 3, 3, 3);

let folder: TemporaryFolder;
let backend: MaintainedBackend;
let codec: ReturnType<typeof createLiveCodec>;

async function open(): Promise<void> {
  codec = createLiveCodec(core);
  backend = await openLmdbBackend({ folder: folder.path, codec, clock: () => 5_000, durability: 'relaxed' });
}

const references = (count: number, { hash }: NewSegment) =>
  Array.from({ length: count }, (_, n) => ({ hash, holder: `holder ${n}` }));

beforeEach(async () => {
  folder = await temporaryFolder();
  await open();
  await backend.commit({
    newSegments: [alone, kept],
    put: {
      spec: spec('first', { application: 'app', model: 'model' }),
      messages: [message('user', alone), message('user', kept)],
      expect: { kind: 'absentOrSame' },
      timeMs: 1_000,
      prefix,
    },
  });
  await backend.commit({ newSegments: [garbage] });
  await backend.commit({ newSegments: [held], addReferences: references(300, held) });
  await backend.commit({ putRegistry: { bytes: registry, timeMs: 1_000 } });
  await backend.commit({ newSegments: [{ ...coded, frame: codec.encode(codec.decode(coded.frame)) }] });
  await backend.commit(puttingList('long', longList(2_000)));
  await backend.commit(storing('last', [kept]));
});
afterEach(async () => {
  vi.restoreAllMocks();
  await backend.close();
  await folder.remove();
});

/** Works on the tables while the vault is closed, past every rule but the checksums. */
async function inTables<T>(action: (tables: Tables) => T): Promise<T> {
  await backend.close();
  const environment = await Environment.open(folder.path, { sync: false });
  const result = await environment.write(() => action(environment.tables));
  await environment.close();
  await open();
  return result;
}

/** Every record of the vault but its owner's name. */
const everything = () =>
  inTables((tables) =>
    Object.values(tables as unknown as Record<string, Table<number | Buffer>>).flatMap((table) =>
      [...table.range()]
        .filter(({ key }) => table.name !== 'meta' || key !== 3)
        .map(
          ({ key, value }) =>
            `${table.name} ${typeof key === 'number' ? key : key.toString('hex')} ${Buffer.from(value).toString('hex')}`,
        ),
    ),
  );

const change = <K extends number | Buffer>(
  table: Table<K>,
  key: K,
  to: (value: Buffer) => Uint8Array,
): void => table.put(key, to(Buffer.from(table.get(key)!)));

const byteAt = (at: number, byte: number) => (value: Buffer) => {
  value[at] = byte;
  return value;
};

/** Changes the entries of the only chunk of a key index. */
const entriesOf = (table: Table<Buffer>, to: (entries: KeyEntry[]) => KeyEntry[]): void => {
  const [key] = [...table.keys()] as [Buffer];
  const { end, entries } = decodeBoundedChunk(key, table.get(key)!);
  table.put(key, encodeBoundedChunk(key, { end, entries: encodeKeyChunk(to(decodeKeyChunk(entries))) }));
};

/** A method as it is before a test replaces it. */
function methodOf<T extends object, Name extends keyof T>(prototype: T, name: Name): T[Name] {
  return prototype[name];
}

const deleting = (id: string): Change => ({ delete: { id, timeMs: 2_000 } });
const collecting = (id: number): Change => ({
  collect: { keys: [id as SegmentKey], garbageBeforeMs: Infinity },
});
const forking = (id: string): Change => ({
  fork: { id, newId: 'forked', messageCount: undefined, timeMs: 2_000, indexed: true },
});
const storingOther = (): Change => ({
  put: {
    spec: spec('other', { application: 'app' }),
    messages: [message('user', kept)],
    expect: { kind: 'absentOrSame' },
    timeMs: 2_000,
    prefix: otherPrefix,
  },
});

/** Records that contradict others, the change that meets each, and the table that the error names. */
const contradictions: [what: string, Change, table: string, damage: (tables: Tables) => void][] = [
  [
    'a count that lacks a reference',
    deleting('first'),
    'refCounts',
    ({ refCounts }) => change(refCounts, 1, byteAt(ALONE, 1)),
  ],
  [
    'a count that lacks the segment',
    forking('first'),
    'refCounts',
    ({ refCounts }) => change(refCounts, 1, byteAt(ALONE, 0)),
  ],
  [
    'a chunk of counts that is too short',
    deleting('first'),
    'refCounts',
    ({ refCounts }) => change(refCounts, 1, (value) => value.subarray(0, 100)),
  ],
  [
    'a big count that is missing',
    { removeReferences: references(1, held) },
    'bigRefCounts',
    ({ bigRefCounts }) => bigRefCounts.remove(HELD),
  ],
  [
    'a big count that is small',
    { removeReferences: references(1, held) },
    'bigRefCounts',
    ({ bigRefCounts }) => bigRefCounts.put(HELD, Buffer.of(3)),
  ],
  [
    'a block that counts as without a holder',
    deleting('long'),
    'blockCounts',
    ({ blockCounts }) => change(blockCounts, 1, byteAt(1, 1)),
  ],
  [
    'a block that counts as not stored',
    forking('long'),
    'blockCounts',
    ({ blockCounts }) => change(blockCounts, 1, byteAt(1, 0)),
  ],
  [
    'a block with a holder that waits to be removed',
    { newSegments: [longSegment(9, 9)] },
    'freedBlocks',
    ({ freedBlocks }) => freedBlocks.append(numberKey(2), encodeFreedBlocks([1])),
  ],
  [
    'a hash that does not lead to its segment',
    collecting(GARBAGE),
    'hashIndex',
    ({ recentHashes }) =>
      change(recentHashes, 1, (value) => {
        value.writeUInt32BE(7, (GARBAGE - 1) * 4);
        return value;
      }),
  ],
  [
    'a record of recent segments that is cut off',
    { newSegments: [longSegment(9, 9)] },
    'recentHashes',
    ({ recentHashes }) => change(recentHashes, 1, (value) => value.subarray(0, -1)),
  ],
  [
    'an end that a conversation does not have',
    deleting('first'),
    'radixEnds',
    ({ radixEnds }) => entriesOf(radixEnds, () => []),
  ],
  [
    'a node to which no edge leads',
    deleting('first'),
    'radixNodes',
    ({ radixEdges }) => entriesOf(radixEdges, () => []),
  ],
  [
    'a node that begins too late',
    storingOther(),
    'radixNodes',
    ({ radixNodes, radixEdges }) => {
      radixNodes.put(2, encodeRadixNode({ ...decodeRadixNode(radixNodes.get(1)!), parent: 1, start: 5 }));
      entriesOf(radixEdges, (entries) => entries.map(({ key }) => ({ key, number: 2 })));
    },
  ],
  [
    'a node that is shorter than a conversation that ends in it',
    deleting('first'),
    'radixNodes',
    ({ radixNodes, radixEnds }) => {
      const first = decodeRadixNode(radixNodes.get(1)!);
      radixNodes.put(1, encodeRadixNode({ ...first, blocks: prefix.subarray(0, 4) }));
      // Another conversation, so that the node is not removed.
      entriesOf(radixEnds, (entries) => {
        const key = Buffer.from(entries[0]!.key);
        key[key.length - 1] = 9;
        return [...entries, { key, number: 0 }];
      });
    },
  ],
  [
    'a registry that counts too few frames',
    collecting(CODED),
    'registries',
    ({ registries }) =>
      change(registries, 1, (value) => Buffer.concat([value.subarray(0, -3), Buffer.alloc(3)])),
  ],
  [
    'sums that lack what is deleted',
    { addReferences: references(1, garbage) },
    'meta',
    ({ meta }) => writeState(meta, { ...readState(meta), garbageBytes: 0 }),
  ],
  [
    'an end that the next conversation has already',
    storingOther(),
    'radixEnds',
    ({ radixEnds }) =>
      entriesOf(radixEnds, (entries) => {
        // The next conversation is about to get this end.
        return [...entries, { key: endKey({ node: 3, depth: 2, conversation: 4 }), number: 0 }];
      }),
  ],
];

describe('records that contradict each other', () => {
  it.each(contradictions)('abort the transaction that meets them: %s', async (_what, met, table, damage) => {
    await inTables(damage);
    const before = await everything();
    await expect(backend.commit(met)).rejects.toMatchObject({ reason: 'CORRUPT_STORE', metadata: { table } });
    expect(await everything()).toEqual(before);
  });

  it.each(contradictions.filter(([, , table]) => table.endsWith('Counts') || table === 'freedBlocks'))(
    'are counted again by a repair, and then nothing is lost: %s',
    async (_what, met, _table, damage) => {
      const lists = await Promise.all(['first', 'long', 'last'].map((id) => listOf(backend, id)));
      await inTables(damage);
      await expect(backend.commit(met)).rejects.toThrow();
      expect((await backend.repair()).remaining).toEqual([]);
      expect(await Promise.all(['first', 'long', 'last'].map((id) => listOf(backend, id)))).toEqual(lists);
      await backend.commit(met);
      expect(await backend.check()).toEqual([]);
    },
  );
});

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
          return each.tokenCount === 99 ? 0 : id;
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
      const first = await listOf(backend, 'first');
      inject();
      const [x, y] = others();
      const outcomes = await Promise.allSettled([x!, met, y!].map((each) => backend.commit(each)));
      expect(outcomes).toEqual([
        expect.objectContaining({ status: 'fulfilled' }),
        { status: 'rejected', reason: expect.objectContaining({ reason }) as Error },
        expect.objectContaining({ status: 'fulfilled' }),
      ]);
      vi.restoreAllMocks();
      expect(await backend.check()).toEqual([]);
      expect(await listOf(backend, 'first')).toEqual(first);
      // The same change succeeds once the fault is gone.
      await backend.commit(met);
      expect(await backend.check()).toEqual([]);
    },
  );

  it('in what is in memory is gone with the memory: the next change reads the records again', async () => {
    const insert = methodOf(HashIndex.prototype, 'insert');
    vi.spyOn(HashIndex.prototype, 'insert').mockImplementationOnce(function (this: HashIndex, hash, id) {
      insert.call(this, hash, id + 1);
    });
    const forgotten = [SegmentCache, NegativeLookupCache, IndexDirectory, RecentHashes, StringTable].map(
      ({ prototype }) => vi.spyOn(prototype, 'clear'),
    );
    const met = { newSegments: [longSegment(99, 9)] };
    await expect(backend.commit(met)).rejects.toMatchObject({
      reason: 'INVARIANT_BROKEN',
      metadata: { invariant: 'new ids follow the recent ones' },
    });
    for (const clear of forgotten) expect(clear).toHaveBeenCalledOnce();
    await backend.commit(met);
    expect(await backend.check()).toEqual([]);
  });

  it('is no damage to those who expect damage', async () => {
    // A deletion goes on where a block is damaged.
    vi.spyOn(MessageBlocks.prototype, 'read').mockImplementation(() => {
      assert(false, 'a fault');
    });
    await expect(backend.commit(deleting('long'))).rejects.toMatchObject({ reason: 'INVARIANT_BROKEN' });
    vi.restoreAllMocks();
    expect(await backend.check()).toEqual([]);
  });

  it('while a commit is followed stops the writer, and the commit is answered', async () => {
    vi.spyOn(SegmentChanges.prototype, 'committed').mockImplementationOnce(() => {
      throw new Error('a fault');
    });
    await backend.commit(storing('x', [longSegment(11, 1)]));
    expect(backend.health()).toMatchObject({ writable: false });
    await expect(backend.commit(deleting('x'))).rejects.toMatchObject({ reason: 'WRITES_STOPPED' });
    await backend.close();
    await open();
    expect(await listOf(backend, 'x')).toHaveLength(1);
    expect(await backend.check()).toEqual([]);
  });
});

describe('a block that was lost', () => {
  it('is not taken for one that waits to be removed when its conversation is deleted', async () => {
    await inTables(({ messageBlocks }) => messageBlocks.remove(1));
    await backend.repair();
    await backend.commit(deleting('long'));
    expect(await backend.check()).toEqual([]);
  });
});

describe('a transaction that is aborted', () => {
  it('leaves none of its strings in memory', async () => {
    // A model that has no code, and garbage without its record, which aborts the transaction.
    const model = 3;
    await inTables(({ conversations, garbage: table }) => {
      change(conversations, 1, (record) => {
        const at = record.indexOf('first') + 'first'.length + 1;
        expect(record[at]).toBe(model + 1);
        record[at] = 99;
        return record;
      });
      table.remove(GARBAGE);
    });
    const put = { ...storing('new', [kept]).put!, spec: spec('new', { model: 'another model' }) };
    const aborted = { put, ...deleting('first'), addReferences: references(1, garbage) };
    await expect(backend.commit(aborted)).rejects.toMatchObject({ reason: 'CORRUPT_STORE' });
    await backend.commit({ put });
    await backend.close();
    await open();
    expect(await backend.getConversation('new')).toMatchObject({ model: 'another model' });
  });
});

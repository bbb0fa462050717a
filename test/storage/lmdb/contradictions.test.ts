import { describe, expect, it } from 'vitest';
import type { Change, SegmentKey } from '../../../src/storage/index.js';
import { encodeFreedBlocks } from '../../../src/storage/lmdb/conversations/message-blocks.js';
import { NodeGroups } from '../../../src/storage/lmdb/radix/node-groups.js';
import { endKey, type RadixEnd } from '../../../src/storage/lmdb/radix/nodes.js';
import { encodeCounts } from '../../../src/storage/lmdb/segments/count-chunk.js';
import { countBytes } from '../../../src/storage/lmdb/segments/ref-counts.js';
import { decodeBoundedChunk, encodeBoundedChunk } from '../../../src/storage/lmdb/tables/bounded-chunk.js';
import type { Tables } from '../../../src/storage/lmdb/tables/environment.js';
import { decodeKeyChunk, encodeKeyChunk, type KeyEntry } from '../../../src/storage/lmdb/tables/key-chunk.js';
import { KeyIndexWriter } from '../../../src/storage/lmdb/tables/key-index.js';
import { readState, writeState } from '../../../src/storage/lmdb/tables/meta.js';
import type { Table } from '../../../src/storage/lmdb/tables/table.js';
import { numberKey } from '../../../src/storage/lmdb/tables/table-keys.js';
import { listOf } from '../../contract/long-lists.js';
import { longSegment, message, spec, storing } from '../../contract/support.js';
import {
  ALONE,
  CODED,
  deleting,
  GARBAGE,
  garbage,
  HELD,
  held,
  kept,
  otherPrefix,
  prefix,
  references,
  useFullVault,
} from './full-vault.js';
import { blockIds, conversationNumber, nodeId } from './ids.js';
import { changeNode } from './nodes.js';

const t = useFullVault();

const change = <K extends number | Buffer>(
  table: Table<K>,
  key: K,
  to: (value: Buffer) => Uint8Array,
): void => table.put(key, to(Buffer.from(table.get(key)!)));

const countAt = (at: number, count: number) => (value: Buffer) => {
  const counts = countBytes(value);
  counts[at] = count;
  return encodeCounts(counts);
};

/** Changes the entries of the only chunk of a key index. */
const entriesOf = (table: Table<Buffer>, to: (entries: KeyEntry[]) => KeyEntry[]): void => {
  const [key] = [...table.keys()] as [Buffer];
  const { end, entries } = decodeBoundedChunk(key, table.get(key)!);
  table.put(key, encodeBoundedChunk(key, { end, entries: encodeKeyChunk(to(decodeKeyChunk(entries))) }));
};

const addEnd = (radixEnds: Tables['radixEnds'], end: RadixEnd): void => {
  const ends = new KeyIndexWriter(radixEnds);
  ends.insert(endKey(end), 0);
  ends.flush();
};

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
    ({ refCounts }) => change(refCounts, 1, countAt(ALONE, 1)),
  ],
  [
    'a count that lacks the segment',
    forking('first'),
    'refCounts',
    ({ refCounts }) => change(refCounts, 1, countAt(ALONE, 0)),
  ],
  [
    'a chunk of counts that is too short',
    deleting('first'),
    'refCounts',
    ({ refCounts }) => refCounts.put(1, Buffer.alloc(100)),
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
    ({ blockCounts }) => change(blockCounts, 1, countAt(1, 1)),
  ],
  [
    'a block that counts as not stored',
    forking('long'),
    'blockCounts',
    ({ blockCounts }) => change(blockCounts, 1, countAt(1, 0)),
  ],
  [
    'a block with a holder that waits to be removed',
    { newSegments: [longSegment(9, 9)] },
    'freedBlocks',
    ({ freedBlocks }) => freedBlocks.append(numberKey(2), encodeFreedBlocks(blockIds(1))),
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
    ({ radixNodes }) => changeNode(radixNodes, 1, (node) => ({ ...node, ending: undefined })),
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
      const first = new NodeGroups(radixNodes).get(nodeId(1))!;
      changeNode(radixNodes, 2, () => ({ ...first, parent: nodeId(1), start: 5 }));
      entriesOf(radixEdges, (entries) => entries.map(({ key }) => ({ key, number: 2 })));
    },
  ],
  [
    'a node that is shorter than a conversation that ends in it',
    deleting('first'),
    'radixNodes',
    ({ radixNodes, radixEnds }) => {
      changeNode(radixNodes, 1, ({ parent, start }) => ({ parent, start, blocks: prefix.subarray(0, 4) }));
      // Another conversation, so that the node is not removed.
      for (const number of [1, 9])
        addEnd(radixEnds, { node: nodeId(1), depth: 2, conversation: conversationNumber(number) });
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
    forking('first'),
    'radixEnds',
    // The next conversation is about to get this end.
    ({ radixEnds }) => addEnd(radixEnds, { node: nodeId(1), depth: 2, conversation: conversationNumber(4) }),
  ],
];

describe('records that contradict each other', () => {
  it.each(contradictions)('abort the transaction that meets them: %s', async (_what, met, table, damage) => {
    await t.inTables(damage);
    const before = await t.everything();
    await expect(t.backend.commit(met)).rejects.toMatchObject({
      reason: 'CORRUPT_STORE',
      metadata: { table },
    });
    expect(await t.everything()).toEqual(before);
  });

  it.each(contradictions.filter(([, , table]) => table.endsWith('Counts') || table === 'freedBlocks'))(
    'are counted again by a repair, and then nothing is lost: %s',
    async (_what, met, _table, damage) => {
      const lists = await Promise.all(['first', 'long', 'last'].map((id) => listOf(t.backend, id)));
      await t.inTables(damage);
      await expect(t.backend.commit(met)).rejects.toThrow();
      expect((await t.backend.repair()).remaining).toEqual([]);
      expect(await Promise.all(['first', 'long', 'last'].map((id) => listOf(t.backend, id)))).toEqual(lists);
      await t.backend.commit(met);
      expect(await t.backend.check()).toEqual([]);
    },
  );
});

describe('a block that was lost', () => {
  it('is not taken for one that waits to be removed when its conversation is deleted', async () => {
    await t.inTables(({ messageBlocks }) => messageBlocks.remove(1));
    await t.backend.repair();
    await t.backend.commit(deleting('long'));
    expect(await t.backend.check()).toEqual([]);
  });
});

describe('a transaction that is aborted', () => {
  it('leaves none of its strings in memory', async () => {
    // A model that has no code, and garbage without its record, which aborts the transaction.
    const model = 3;
    await t.inTables(({ conversations, garbage: table }) => {
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
    await expect(t.backend.commit(aborted)).rejects.toMatchObject({ reason: 'CORRUPT_STORE' });
    await t.backend.commit({ put });
    await t.backend.close();
    await t.open();
    expect(await t.backend.getConversation('new')).toMatchObject({ model: 'another model' });
  });
});

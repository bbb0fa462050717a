import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  openLmdbBackend,
  prefixFingerprintBytes,
  type MaintainedBackend,
} from '../../../src/storage/index.js';
import { hasTextApplication } from '../../../src/storage/lmdb/radix/nodes.js';
import { Environment, type Tables } from '../../../src/storage/lmdb/tables/environment.js';
import { encodeBoundedChunk, entriesOfChunk } from '../../../src/storage/lmdb/tables/bounded-chunk.js';
import { encodeKeyChunk, type KeyEntry } from '../../../src/storage/lmdb/tables/key-chunk.js';
import { codec, longSegment, message, spec } from '../../contract/support.js';
import { temporaryFolder, type TemporaryFolder } from '../faults/support.js';
import { nodeId } from './ids.js';
import { asBeforeGroups, changeNode } from './nodes.js';

let folder: TemporaryFolder;
beforeEach(async () => (folder = await temporaryFolder()));
afterEach(() => folder.remove());

const open = () => openLmdbBackend({ folder: folder.path, codec, clock: () => 5_000, durability: 'relaxed' });

/** Fingerprints: each is its byte, four times. */
const blocks = (bytes: readonly number[]) => Buffer.concat(bytes.map((byte) => Buffer.alloc(4, byte)));
const range = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => from + index);

function put(backend: MaintainedBackend, id: string, bytes: readonly number[], application = 'app') {
  const tokens = longSegment(bytes.length * 256 + 1, 1);
  return backend.commit({
    newSegments: [tokens],
    put: {
      spec: spec(id, { application }),
      messages: [message('user', tokens)],
      expect: { kind: 'absentOrSame' },
      timeMs: 1,
      prefix: blocks(bytes),
    },
  });
}

async function fill(): Promise<void> {
  const backend = await open();
  await put(backend, 'a', [1, 2, 3]);
  await put(backend, 'b', [1, 2, 4]);
  await put(backend, 'c', [1], 'x');
  await backend.close();
}

async function inTables(change: (tables: Tables) => void): Promise<void> {
  const environment = await Environment.open(folder.path, { sync: false });
  await environment.write(() => change(environment.tables));
  await environment.close();
}

const found = async (backend: MaintainedBackend, bytes: readonly number[], limit = 10) => {
  const finding = await backend.findPrefix({ application: undefined, blocks: blocks(bytes), limit });
  return { ...finding, ids: [...finding.ids].sort() };
};

describe('the prefix index', () => {
  it('is stored as docs/formats/storage.md has it', async () => {
    expect(prefixFingerprintBytes).toBe(4);
    await fill();
    const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
    const stored: Record<string, (string | number)[][]> = {};
    await inTables((tables) => {
      for (const name of ['radixNodes', 'conversationNodes'] as const)
        stored[name] = [...tables[name].range()].map(({ key, value }) => [key, hex(value)]);
      for (const name of ['radixEdges', 'radixEnds'] as const)
        stored[name] = [...tables[name].range()].flatMap(({ key, value }) => [
          [hex(key)],
          ...entriesOfChunk(key, value).map((entry) => [hex(entry.key), entry.number]),
        ]);
    });
    expect(stored).toEqual({
      radixNodes: [
        [
          2 ** 31,
          ['00', '01020203' + '03030303', '020000' + '01010101' + '02020202'].join('') +
            ['01030203' + '04040404', '010003' + '01010101'].join(''),
        ],
      ],
      conversationNodes: [[1, '00' + '0103' + '0303' + '0401']],
      radixEdges: [
        ['01'],
        ['0001010101' + 'ff02', 2],
        ['0001010101' + 'ff03', 4],
        ['010203030303', 1],
        ['010204040404', 3],
      ],
      radixEnds: [],
    });
  });

  it('has long runs in parts, and nothing when all is deleted', async () => {
    let backend = await open();
    await put(backend, 'long', range(0, 250));
    await put(backend, 'longer', range(0, 256));
    await put(backend, 'branch', [...range(0, 200), 7, 7]);
    await put(backend, 'half', range(0, 128));
    expect(await found(backend, range(0, 256))).toEqual({ blocks: 256, ids: ['longer'] });
    expect(await found(backend, range(0, 250))).toEqual({ blocks: 250, ids: ['long', 'longer'] });
    expect(await found(backend, [...range(0, 200), 7])).toEqual({ blocks: 201, ids: ['branch'] });
    expect((await found(backend, range(0, 5), 3)).ids).toHaveLength(3);
    expect(await backend.check()).toEqual([]);
    for (const id of ['longer', 'half', 'branch', 'long']) {
      await backend.commit({ delete: { id, timeMs: 1 } });
      expect(await backend.check()).toEqual([]);
    }
    await backend.close();
    await inTables(({ radixNodes, radixEdges, radixEnds, conversationNodes }) => {
      // First chunks, and those by number, stay.
      const left = [radixNodes, conversationNodes, radixEdges, radixEnds].map((table) => [
        ...(table as Tables['meta']).range(),
      ]);
      expect(left).toEqual([
        [],
        [{ key: 1, value: Buffer.alloc(0) }],
        [{ key: Buffer.of(1), value: Buffer.of(0) }],
        [{ key: Buffer.of(1), value: Buffer.of(0) }],
      ]);
    });
    backend = await open();
    expect(await found(backend, range(0, 5))).toEqual({ blocks: 0, ids: [] });
    await backend.close();
  });

  /** Replaces the entries in the only chunk. */
  const change = (table: Tables['ids'], to: (entries: KeyEntry[]) => KeyEntry[]) =>
    table.put(
      Buffer.of(1),
      encodeBoundedChunk(Buffer.of(1), {
        end: undefined,
        entries: encodeKeyChunk(to(entriesOfChunk(Buffer.of(1), table.get(Buffer.of(1))!))),
      }),
    );
  const damages: [string, (tables: Tables) => void, string[]][] = [
    ['a way to a run', (t) => change(t.radixEdges, ([, ...rest]) => rest), ['a', 'b', 'c']],
    ['the order of ways', (t) => change(t.radixEdges, (all) => all.reverse()), ['a', 'b', 'c']],
    [
      'an end',
      (t) => changeNode(t.radixNodes, 1, (node) => ({ ...node, ending: undefined })),
      ['a', 'b', 'c'],
    ],
    ['all ends', (t) => t.radixEnds.put(Buffer.of(1), Buffer.of(0, 0, 9)), ['a', 'b', 'c']],
    ['a place', (t) => t.conversationNodes.put(1, Buffer.of(0, 0, 3, 3, 4, 1)), ['b', 'c']],
    ['all places', (t) => t.conversationNodes.put(1, Buffer.of(0, 1)), []],
    ['a run', (t) => changeNode(t.radixNodes, 3, () => undefined), ['a', 'c']],
    ['the bytes of runs', (t) => t.radixNodes.put(2 ** 31, Buffer.from([0, 1, 9])), []],
    ['the depth of a place', (t) => t.conversationNodes.put(1, Buffer.of(0, 1, 3, 3, 3, 4, 2)), ['a', 'b']],
    [
      'the node before a node',
      (t) => changeNode(t.radixNodes, 1, (node) => ({ ...node, parent: nodeId(1) })),
      ['b', 'c'],
    ],
  ];
  it.each(damages)(
    'is checked, and repaired, when it lacks or has wrong: %s',
    async (_name, damage, left) => {
      await fill();
      await inTables(damage);
      const backend = await open();
      const violations = await backend.check();
      expect(new Set(violations.map(({ invariant }) => invariant))).toEqual(new Set(['prefix-index']));
      expect((await backend.repair()).remaining).toEqual([]);
      expect((await found(backend, [1])).ids).toEqual(left);
      await put(backend, 'again', [1, 2, 3]);
      expect(await backend.check()).toEqual([]);
      await backend.close();
    },
  );

  it('of formats 2 and 3, whose nodes are stored one by one, is read, changed and gathered', async () => {
    const signal = new AbortController().signal;
    let backend = await open();
    for (let n = 0; n < 60; n++) await put(backend, `c${n}`, [n % 7, ...range(0, n % 11), n]);
    await put(backend, 'long', range(0, 250));
    await put(backend, 'as long', range(0, 250));
    const questions = Array.from({ length: 60 }, (_, n) => [n % 7, ...range(0, n % 11), n]);
    questions.push(range(0, 250), range(0, 20), [5]);
    const answers = async () => Promise.all(questions.map((each) => found(backend, each, 100)));
    const before = await answers();
    await backend.close();
    await inTables(asBeforeGroups);

    await inTables(({ radixEdges }) => {
      const edges = [...radixEdges.range()].flatMap(({ key, value }) => entriesOfChunk(key, value));
      expect(edges.filter(({ key }) => hasTextApplication(key)).length).toBeGreaterThan(5);
    });
    backend = await open();
    expect(await answers()).toEqual(before);
    expect(await backend.check()).toEqual([]);
    for (let n = 0; n < 60; n += 3) await backend.commit({ delete: { id: `c${n}`, timeMs: 1 } });
    expect(await backend.check()).toEqual([]);
    for (let n = 0; n < 60; n += 3) await put(backend, `c${n}`, [n % 7, ...range(0, n % 11), n]);
    expect(await answers()).toEqual(before);
    expect(await backend.check()).toEqual([]);
    expect(await backend.reclaimableBytes(signal)).toBeGreaterThan(0);
    await backend.defragment(signal);
    expect(await answers()).toEqual(before);
    expect(await backend.check()).toEqual([]);
    await backend.close();
    await inTables(({ radixNodes, radixEnds, radixEdges }) => {
      const edges = [...radixEdges.range()].flatMap(({ key, value }) => entriesOfChunk(key, value));
      expect(edges.filter(({ key }) => hasTextApplication(key))).toEqual([]);
      expect(radixNodes.firstKey()).toBeGreaterThanOrEqual(2 ** 31);
      const ends = [...radixEnds.range()].flatMap(({ key, value }) => entriesOfChunk(key, value));
      // Those that end inside a node, or where another one does.
      expect(ends.length).toBeLessThan(20);
    });
    backend = await open();
    expect(await answers()).toEqual(before);
    await backend.repair();
    expect(await backend.check()).toEqual([]);
    await backend.close();
  });
});

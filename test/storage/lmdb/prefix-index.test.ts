import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  openLmdbBackend,
  prefixFingerprintBytes,
  type MaintainedBackend,
} from '../../../src/storage/index.js';
import { Environment, type Tables } from '../../../src/storage/lmdb/tables/environment.js';
import { encodeBoundedChunk, entriesOfChunk } from '../../../src/storage/lmdb/tables/bounded-chunk.js';
import { encodeKeyChunk, type KeyEntry } from '../../../src/storage/lmdb/tables/key-chunk.js';
import { codec, longSegment, message, spec } from '../../contract/support.js';
import { temporaryFolder, type TemporaryFolder } from '../faults/support.js';

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
        [1, '020203030303'],
        [2, '000101010102020202'],
        [3, '020204040404'],
        [4, '0001010101'],
      ],
      conversationNodes: [[1, '00' + '0103' + '0303' + '0401']],
      radixEdges: [
        ['01'],
        ['0001010101617070', 2],
        ['000101010178', 4],
        ['010203030303', 1],
        ['010204040404', 3],
      ],
      radixEnds: [['01'], ['010101030101', 0], ['010301030102', 0], ['010401010103', 0]],
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
    ['an end', (t) => change(t.radixEnds, ([, ...rest]) => rest), ['a', 'b', 'c']],
    ['all ends', (t) => t.radixEnds.put(Buffer.of(1), Buffer.of(0, 0, 9)), ['a', 'b', 'c']],
    ['a place', (t) => t.conversationNodes.put(1, Buffer.of(0, 0, 3, 3, 4, 1)), ['b', 'c']],
    ['all places', (t) => t.conversationNodes.put(1, Buffer.of(0, 1)), []],
    ['a run', (t) => t.radixNodes.remove(3), ['a', 'c']],
    ['the bytes of a run', (t) => t.radixNodes.put(2, Buffer.from([0, 0, 1])), ['c']],
    ['the depth of a place', (t) => t.conversationNodes.put(1, Buffer.of(0, 1, 3, 3, 3, 4, 2)), ['a', 'b']],
    ['the run before a run', (t) => t.radixNodes.put(1, Buffer.from('010203030303', 'hex')), ['b', 'c']],
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
});

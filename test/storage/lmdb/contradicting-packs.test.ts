import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { defragmentPacks } from '../../../src/storage/lmdb/defragment/defragment-packs.js';
import { decodePack, encodePack, endOf } from '../../../src/storage/lmdb/packs/pack.js';
import { restKey } from '../../../src/storage/lmdb/packs/pack-layout.js';
import { SegmentReader, trustsDamagedPacks } from '../../../src/storage/lmdb/packs/segment-reader.js';
import { SegmentWriter } from '../../../src/storage/lmdb/packs/segment-writer.js';
import { Environment, type Tables } from '../../../src/storage/lmdb/tables/environment.js';
import { temporaryFolder, type TemporaryFolder } from '../faults/support.js';
import type { SegmentId } from '../../../src/storage/lmdb/tables/ids.js';
import { segmentId } from './ids.js';

const IDS = Array.from({ length: 40 }, (_, index) => segmentId(index + 1));
const frameOf = (id: number, bytes = 301) => Buffer.alloc(bytes, id);

let folder: TemporaryFolder;
let environment: Environment;

beforeEach(async () => {
  folder = await temporaryFolder();
  environment = await Environment.open(folder.path, { sync: false });
  await environment.write(() => {
    const writer = new SegmentWriter(environment.tables);
    for (const id of IDS) writer.append(id, frameOf(id), 100);
    writer.flush();
  });
});
afterEach(async () => {
  await environment.close();
  await folder.remove();
});

/** Returns the last of the packs that continue in the next one: all others are before it. */
function continued({ packs }: Tables) {
  const all = [...packs.range()].map(({ key, value }) => ({ key, pack: decodePack(key, value) }));
  const at = all.findLastIndex(({ pack }) => pack.continued);
  const [found, rest] = all.slice(at, at + 2);
  return { ...found!, split: segmentId(endOf(found!.pack) - 1), rest: rest! };
}

/** Damages the file as a fault of the disk would, behind the back of the code that reads it next. */
async function damage(how: (tables: Tables) => void): Promise<void> {
  await environment.write(() => how(environment.tables));
  await environment.close();
  environment = await Environment.open(folder.path, { sync: false });
}

const contents = ({ packs }: Tables) =>
  [...packs.range()].map(({ key, value }) => `${key} ${Buffer.from(value).toString('hex')}`);

/** Damage after which the pack that begins a frame and the one that ends it contradict each other. */
const damages: [what: string, how: (tables: Tables) => void][] = [
  ['the end of a frame is missing', (tables) => tables.packs.remove(continued(tables).rest.key)],
  [
    'the end of a frame is under another key',
    (tables) => {
      const { rest, split } = continued(tables);
      const { packs } = tables;
      packs.put(restKey(segmentId(split + 500)), packs.get(rest.key)!);
      packs.remove(rest.key);
    },
  ],
  ['the pack that a frame begins in is missing', (tables) => tables.packs.remove(continued(tables).key)],
  [
    'the pack that a frame begins in does not have it',
    (tables) => {
      const { key, pack } = continued(tables);
      tables.packs.put(key, encodePack({ ...pack, continued: false, entries: pack.entries.slice(0, -1) })!);
    },
  ],
];

describe.each(damages)('if %s', (_what, how) => {
  const changes: [what: string, change: (tables: Tables, id: SegmentId) => void][] = [
    ['replacing', (tables, id) => new SegmentWriter(tables).replace(new Map([[id, frameOf(id, 250)]]))],
    ['removing', (tables, id) => new SegmentWriter(tables).remove([id])],
  ];
  it.each(changes)('%s it is refused as damage, and changes nothing', async (_change, change) => {
    const { split } = continued(environment.tables);
    await damage(how);
    const before = contents(environment.tables);
    const changed = environment.write(() => change(environment.tables, split));
    await expect(changed).rejects.toMatchObject({
      reason: 'CORRUPT_STORE',
      metadata: { table: 'packs' },
    });
    expect(contents(environment.tables)).toEqual(before);
  });

  it('replacing its neighbours and defragmenting keep all other frames', async () => {
    const { split, pack } = continued(environment.tables);
    await damage(how);
    const readable = IDS.filter((id) => isReadable(id));
    expect(readable).not.toContain(split);
    const replaced = readable.filter((id) => id >= pack.firstId - 3 && id < split + 4);
    const other = new Map(replaced.map((id) => [id, frameOf(id, 120)]));
    expect(other.size).toBeGreaterThan(2);
    const { tables } = environment;
    await environment.write(() => new SegmentWriter(tables).replace(other));
    await environment.write(() => {
      for (let after: number | undefined = 0; after !== undefined;)
        after = defragmentPacks(tables.packs, after);
    });
    const reader = new SegmentReader(tables);
    for (const id of readable) {
      expect(Buffer.compare(reader.frame(id), other.get(id) ?? frameOf(id))).toBe(0);
    }
    // It is not taken for a shorter frame.
    expect(isReadable(split)).toBe(false);
  });
});

function isReadable(id: SegmentId): boolean {
  const reader = new SegmentReader(environment.tables, trustsDamagedPacks);
  try {
    reader.frame(id);
    return true;
  } catch {
    return false;
  }
}

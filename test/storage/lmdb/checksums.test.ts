import { open } from 'lmdb';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RefCounts } from '../../../src/storage/lmdb/segments/ref-counts.js';
import { RecordChecksum, sealedBytes, valueBytesIn } from '../../../src/storage/lmdb/tables/checksum.js';
import { dataFileIn, Environment } from '../../../src/storage/lmdb/tables/environment.js';
import { PAGE_BYTES } from '../../../src/storage/lmdb/tables/layout.js';
import { crc16 } from '../../twin/crc16.js';
import { crc32 } from '../../twin/crc32.js';
import { temporaryFolder, type TemporaryFolder } from '../faults/support.js';
import { segmentId, segmentIds } from './ids.js';

const checksum = new RecordChecksum('strings');
const valueOf = (length: number) => Buffer.from(Array.from({ length }, (_, at) => (at * 37 + 11) % 256));

function numberBytes(key: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(key);
  return bytes;
}

describe('the checksum of a record', () => {
  it.each([0, 1, 2, 3, 4, 5, 17, 255, 256, 511, 512, 513, 514, 517, 2018, 4068])(
    'is over table, key and value of %d bytes, and its own twin',
    (length) => {
      const value = valueOf(length);
      for (const key of [1, 0x01020304, 0xffffffff]) {
        const stored = checksum.seal(key, value);
        const all = Buffer.concat([Buffer.from('strings'), numberBytes(key), value]);
        expect(stored.subarray(0, length)).toEqual(value);
        if (length <= 512) expect(stored.readUInt16LE(length)).toBe(crc16(all));
        else expect(stored.readUInt32LE(length)).toBe(crc32(all));
        expect(checksum.open(key, stored, stored.length)).toBe(length);
        expect(stored).toHaveLength(sealedBytes(length));
      }
    },
  );

  it('is not right for a value with any bit flipped, of the value, the checksum or the key', () => {
    for (const length of [0, 1, 40, 512, 513, 700]) {
      const stored = checksum.seal(7, valueOf(length));
      for (let bit = 0; bit < stored.length * 8; bit++) {
        const flipped = Buffer.from(stored);
        flipped[bit >> 3]! ^= 1 << (bit & 7);
        expect(checksum.open(7, flipped, flipped.length)).toBe(-1);
      }
      for (let bit = 0; bit < 32; bit++) {
        expect(checksum.open((7 ^ (1 << bit)) >>> 0, stored, stored.length)).toBe(-1);
      }
    }
  });

  it('is not right in another table, under a longer key, or for a record that is cut off', () => {
    for (const length of [3, 600]) {
      const key = Buffer.from('abc');
      const stored = checksum.seal(key, valueOf(length));
      expect(new RecordChecksum('packs').open(key, stored, stored.length)).toBe(-1);
      const moved = stored.subarray(1);
      expect(checksum.open(Buffer.concat([key, stored.subarray(0, 1)]), moved, moved.length)).toBe(-1);
      for (let end = 0; end < stored.length; end++)
        expect(checksum.open(key, stored.subarray(0, end), end)).toBe(-1);
    }
  });

  it('leaves room in what it stands in', () => {
    for (let stored = 2; stored < 1000; stored++) {
      const value = valueBytesIn(stored);
      expect(sealedBytes(value)).toBeLessThanOrEqual(stored);
      expect(sealedBytes(value + 1)).toBeGreaterThan(stored);
    }
  });
});

describe('a table', () => {
  let folder: TemporaryFolder;
  beforeEach(async () => {
    folder = await temporaryFolder();
  });
  afterEach(() => folder.remove());

  /** Flips a bit of a stored value, bypassing the table. */
  async function flip(name: string, key: number): Promise<void> {
    const root = open({ path: dataFileIn(folder.path), noSubdir: true, pageSize: PAGE_BYTES, maxDbs: 32 });
    const table = root.openDB<Buffer, number>({ name, keyEncoding: 'uint32', encoding: 'binary' });
    const stored = Buffer.from(table.get(key)!);
    stored[0]! ^= 1;
    await table.put(key, stored);
    await root.close();
  }

  it.each([10, 600])('compares a value of %d bytes in every way of reading it', async (length) => {
    const before = await Environment.open(folder.path, { sync: false });
    await before.write(() => {
      for (let key = 1; key <= 3; key++) before.tables.strings.append(key, valueOf(length));
    });
    await before.close();
    await flip('strings', 2);
    const environment = await Environment.open(folder.path, { sync: false });
    const { strings } = environment.tables;
    const damage = {
      reason: 'CORRUPT_STORE',
      metadata: { table: 'strings', key: '2' },
    };
    expect(() => strings.get(2)).toThrow(expect.objectContaining(damage) as Error);
    expect(() => strings.view(2)).toThrow(expect.objectContaining(damage) as Error);
    expect(() => strings.read(2, () => 1)).toThrow(expect.objectContaining(damage) as Error);
    expect(() => strings.floor(2)).toThrow(expect.objectContaining(damage) as Error);
    expect(() => [...strings.range()]).toThrow(expect.objectContaining(damage) as Error);
    expect(() => [...strings.range({ reverse: true })]).toThrow(expect.objectContaining(damage) as Error);
    expect([...strings.scan()].map(({ key, damage: found }) => [key, found?.reason])).toEqual([
      [1, undefined],
      [2, 'CORRUPT_STORE'],
      [3, undefined],
    ]);
    expect(strings.unchecked(2)).toMatchObject({ damage });
    expect(strings.get(3)).toEqual(valueOf(length));
    await environment.write(() => {
      strings.remove(3);
    });
    expect(() => strings.last()).toThrow(expect.objectContaining(damage) as Error);
    await environment.close();
  });

  it('notices that a chunk of counts is missing, also at the end', async () => {
    const environment = await Environment.open(folder.path, { sync: false });
    const { refCounts, bigRefCounts } = environment.tables;
    await environment.write(() => {
      const counts = new RefCounts(refCounts, bigRefCounts, () => 1);
      for (const id of segmentIds(1, 300, 2000)) counts.set(id, 5);
      counts.flush(2600);
    });
    const read = (id: number) => new RefCounts(refCounts, bigRefCounts, () => 2600).get(segmentId(id));
    expect([1, 2, 300, 1000, 2000, 9999].map(read)).toEqual([5, undefined, 5, undefined, 5, undefined]);
    await environment.write(() => {
      const counts = new RefCounts(refCounts, bigRefCounts, () => 2600);
      counts.set(segmentId(300), undefined);
      counts.flush(2600);
    });
    expect(read(300)).toBeUndefined();
    expect([...refCounts.keys()]).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    await environment.write(() => {
      refCounts.remove(2);
      refCounts.remove(11);
    });
    for (const id of [300, 2599])
      expect(() => read(id)).toThrow(expect.objectContaining({ reason: 'CORRUPT_STORE' }) as Error);
    expect(read(9999)).toBeUndefined();
    await environment.close();
  });
});

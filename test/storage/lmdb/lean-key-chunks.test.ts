import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkedEntries } from '../../../src/storage/lmdb/check/check-key-index.js';
import { refillKeyIndex } from '../../../src/storage/lmdb/defragment/refill-key-index.js';
import { decodeBoundedChunk } from '../../../src/storage/lmdb/tables/bounded-chunk.js';
import { Environment } from '../../../src/storage/lmdb/tables/environment.js';
import {
  decodeKeyChunk,
  encodeKeyChunk,
  entriesFrom,
  findInChunk,
  type KeyEntry,
  plainChunk,
} from '../../../src/storage/lmdb/tables/key-chunk.js';
import { KeyIndex, KeyIndexWriter } from '../../../src/storage/lmdb/tables/key-index.js';
import { encodeLeanChunk, isLeanChunk } from '../../../src/storage/lmdb/tables/lean-key-chunk.js';
import { isDamage } from '../../../src/storage/lmdb/tables/lmdb-errors.js';
import { reboundChunks } from '../../../src/storage/lmdb/tables/rebound.js';
import { Random } from '../../crash/random.js';
import { temporaryFolder } from '../faults/support.js';

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

/** Keys that begin alike, in order, each once. */
const entries = fc
  .array(
    fc.tuple(
      fc.oneof(
        fc.string({ unit: fc.constantFrom('a', 'b', '/'), maxLength: 12 }),
        fc.string({ maxLength: 40 }),
      ),
      fc.oneof(fc.nat({ max: 100 }), fc.nat({ max: 2 ** 31 - 1 })),
    ),
    { minLength: 1, maxLength: 60 },
  )
  .map((some) =>
    [...new Map(some)]
      .map(([key, number]): KeyEntry => ({ key: Buffer.from(key), number }))
      .sort((a, b) => a.key.compare(b.key)),
  );

describe('a lean chunk of a key index', () => {
  it('has these bytes', () => {
    const some = ['chat/1', 'chat/12', 'tau'].map((id, at) => ({ key: Buffer.from(id), number: at + 7 }));
    expect(hex(encodeLeanChunk(some)!)).toBe(
      '01' + '03' + '06' + '07' + '04' + '020100' + '2922724c' + '636861742f31' + '32' + '746175',
    );
  });

  it('has what the plain one has', () => {
    fc.assert(
      fc.property(entries, fc.string({ maxLength: 12 }), (some, other) => {
        const lean = encodeLeanChunk(some)!;
        expect(isLeanChunk(lean)).toBe(true);
        expect(decodeKeyChunk(lean)).toEqual(some);
        expect(hex(plainChunk(lean))).toBe(hex(encodeKeyChunk(some)));
        for (const { key, number } of some) expect(findInChunk(lean, key)).toBe(number);
        const wanted = Buffer.from(other);
        expect(findInChunk(lean, wanted)).toBe(some.find(({ key }) => key.equals(wanted))?.number);
        expect([...entriesFrom(lean, wanted)]).toEqual(some.filter(({ key }) => key.compare(wanted) >= 0));
      }),
    );
  });

  it('is read as it is, or refused, whatever its bytes are', () => {
    const flipped = fc
      .tuple(entries, fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 }))))
      .map(([some, flips]) => {
        const bytes = Buffer.from(encodeLeanChunk(some)!);
        for (const [at, bits] of flips) bytes[at % bytes.length]! ^= bits;
        return bytes;
      });
    const noise = fc.uint8Array({ maxLength: 80 }).map((bytes) => Buffer.from([1, ...bytes]));
    fc.assert(
      fc.property(fc.oneof(flipped, noise), (bytes) => {
        try {
          findInChunk(bytes, Buffer.from('ab'));
          decodeKeyChunk(bytes);
        } catch (error) {
          if (!isDamage(error)) throw error;
        }
      }),
      { numRuns: 500 },
    );
  });

  it('is what a compaction makes of others, and is cut when it changes', async () => {
    const folder = await temporaryFolder();
    const environment = await Environment.open(folder.path, { sync: false });
    const { ids } = environment.tables;
    const random = new Random(1);
    const expected = new Map<string, number>();
    const insert = (count: number) =>
      environment.write(() => {
        const writer = new KeyIndexWriter(ids);
        for (let at = 0; at < count; at += 1) {
          const name = `conversation/${random.below(2) === 0 ? random.below(2 ** 31) : expected.size}`;
          if (expected.has(name)) continue;
          writer.insert(Buffer.from(name), expected.size + 1);
          expected.set(name, expected.size + 1);
        }
        writer.flush();
      });
    const refill = async () => {
      for (let from: Buffer | undefined, at = 0; at === 0 || from; at += 1) {
        const start: Buffer | undefined = from;
        from = await environment.write(() => refillKeyIndex(ids, start));
      }
    };
    const check = () => {
      const damage: string[] = [];
      const found = [...checkedEntries(ids, 'id-index', 'ids', (...report) => damage.push(report.join(' ')))];
      expect(damage).toEqual([]);
      expect(new Map(found.map(({ key, number }) => [key.toString(), number]))).toEqual(expected);
      const index = new KeyIndex(ids);
      for (const [name, number] of expected) expect(index.find(Buffer.from(name))).toBe(number);
      expect(index.find(Buffer.from('conversation/none'))).toBeUndefined();
      expect([...index.from(Buffer.from('conversation/5'))].length).toBe(
        [...expected.keys()].filter((name) => name >= 'conversation/5').length,
      );
    };
    const forms = () =>
      [...ids.range()].map(({ key, value }) => isLeanChunk(decodeBoundedChunk(key, value).entries));
    const bytes = () =>
      [...ids.range()].reduce((sum, { key, value }) => sum + key.length + value.length + 10, 0);

    await refill();
    await insert(3_000);
    const before = bytes();
    await refill();
    check();
    expect(new Set(forms())).toEqual(new Set([true]));
    expect(bytes()).toBeLessThan(0.8 * before);
    const refilled = [...ids.range()].map(({ value }) => hex(value));
    await refill();
    expect([...ids.range()].map(({ value }) => hex(value))).toEqual(refilled);

    await insert(20);
    check();
    expect(new Set(forms())).toEqual(new Set([true, false]));
    await environment.write(() => {
      const writer = new KeyIndexWriter(ids);
      for (const name of [...expected.keys()].slice(0, 1_500)) {
        writer.remove(Buffer.from(name));
        expected.delete(name);
      }
      writer.flush();
    });
    check();
    await refill();
    check();
    await environment.write(() => {
      for (let from: Buffer | undefined, at = 0; at === 0 || from; at += 1)
        from = reboundChunks(ids, from, 8);
    });
    check();
    await environment.close();
    await folder.remove();
  });
});

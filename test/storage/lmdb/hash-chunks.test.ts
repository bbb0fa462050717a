import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isStowkenError } from '../../../src/model/index.js';
import { idsWithPrint, printOf } from '../../../src/storage/lmdb/segments/dense-chunk.js';
import {
  baseOf,
  decodeIndexChunk,
  encodeIndexChunk,
  FIRST_KEY,
  idsIn,
  type IndexChunk,
  type KeyedChunk,
  LAST_FINGERPRINT,
  pagesOfChunk,
  splitIndexChunk,
  withEntries,
  withoutEntry,
} from '../../../src/storage/lmdb/segments/index-chunk.js';
import { decodeCounts, encodeCounts } from '../../../src/storage/lmdb/segments/count-chunk.js';
import { HASH_CHUNK_BYTES, REFILLED_HASH_CHUNK_BYTES } from '../../../src/storage/lmdb/tables/layout.js';
import { Random } from '../../crash/random.js';
import { segmentId } from './ids.js';
import { encodeSparse } from './sparse-chunks.js';

/** A chunk of any range, and entries in it: some in a heap, some with ids of any size. */
const chunk = fc
  .record({
    bounds: fc.tuple(fc.nat(LAST_FINGERPRINT), fc.nat(LAST_FINGERPRINT)),
    isWhole: fc.boolean(),
    entries: fc.array(fc.tuple(fc.nat(LAST_FINGERPRINT), fc.oneof(fc.nat(300), fc.nat(2 ** 32 - 1))), {
      maxLength: 60,
    }),
    heap: fc.boolean(),
  })
  .map(({ bounds, isWhole, entries, heap }): KeyedChunk => {
    const [low, last] = bounds.sort((a, b) => a - b);
    const key = isWhole ? FIRST_KEY : Math.max(FIRST_KEY, low);
    const end = isWhole ? LAST_FINGERPRINT : Math.max(key, last);
    const range = end - baseOf(key) + 1;
    const placed = entries
      .map(
        ([at, id]) => [printOf(baseOf(key) + (heap ? at % Math.min(range, 700) : at % range)), id] as const,
      )
      .sort((a, b) => a[0] - b[0]);
    return {
      key,
      last: end,
      entries: {
        prints: Uint32Array.from(placed, ([print]) => print),
        ids: Uint32Array.from(placed, ([, id]) => id),
      },
    };
  });

/** Many entries at even odds, as hashes have them. */
function many(count: number, seed = 1): IndexChunk {
  const random = new Random(seed);
  const prints = Uint32Array.from({ length: count }, () => printOf(random.below(2 ** 32))).sort();
  return { last: LAST_FINGERPRINT, entries: { prints, ids: prints.map((_, at) => (at * 7919) % count) } };
}

const listOf = ({ prints, ids }: IndexChunk['entries']) =>
  Array.from(prints, (print, at) => [print, ids[at]]);

/** Every print from the first one of a chunk to its last belongs to one part, and parts leave no gap. */
function expectWhole(parts: readonly KeyedChunk[], key: number, { last, entries }: IndexChunk): void {
  expect(parts[0]!.key).toBe(key);
  expect(parts.at(-1)!.last).toBe(last);
  for (const [at, part] of parts.slice(1).entries()) expect(part.key).toBe(parts[at]!.last + 1);
  for (const part of parts)
    for (const print of part.entries.prints)
      expect(print >= printOf(baseOf(part.key)) && print <= printOf(part.last)).toBe(true);
  expect(parts.flatMap((part) => listOf(part.entries))).toEqual(listOf(entries));
}

describe('a chunk of the hash index', () => {
  it('gives back its entries, and finds each of them and no other', () => {
    fc.assert(
      fc.property(chunk, fc.nat(LAST_FINGERPRINT), ({ key, ...each }, other) => {
        const record = encodeIndexChunk(key, each);
        const { last, entries } = decodeIndexChunk(key, record);
        expect(last).toBe(each.last);
        expect(listOf(entries)).toEqual(listOf(each.entries));
        const between = baseOf(key) + (other % (each.last - baseOf(key) + 1));
        for (const print of [...entries.prints, printOf(between)]) {
          // A reader's buffer may have more bytes than the record.
          const found = idsIn(Buffer.concat([record, Buffer.alloc(9, 0xff)]), record.length, key, print * 16);
          expect(found).toEqual(listOf(entries).flatMap(([one, id]) => (one === print ? [id] : [])));
          expect(found).toEqual(idsWithPrint(entries, print));
        }
      }),
    );
  });

  it('of the earlier form is read the same', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(1_000), fc.integer({ min: 1, max: 70_000 })), { maxLength: 30 }),
        (list) => {
          const all = list.map(([at, id]) => [5_000 + at, id] as const).sort((a, b) => a[0] - b[0]);
          const record = encodeSparse(5_000, 6_000, all);
          const { entries } = decodeIndexChunk(5_000, record);
          expect(listOf(entries)).toEqual(all.map(([fingerprint, id]) => [printOf(fingerprint), id]));
          for (const [fingerprint] of all)
            expect(idsIn(record, record.length, 5_000, fingerprint)).toEqual(
              all.flatMap(([one, id]) => (one === fingerprint ? [id] : [])),
            );
        },
      ),
    );
  });

  it('that is altered, cut off or longer gives entries of its range or CORRUPT_STORE', () => {
    const damage = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(chunk, damage, fc.integer({ min: -9, max: 9 }), ({ key, ...each }, bytes, longer) => {
        const record = encodeIndexChunk(key, each);
        const altered = Buffer.alloc(Math.max(0, record.length + longer));
        record.copy(altered);
        for (const [at, byte] of bytes) if (altered.length > 0) altered[at % altered.length] = byte;
        const reading = (read: () => unknown) => {
          try {
            return read();
          } catch (error) {
            expect(isStowkenError(error, 'CORRUPT_STORE')).toBe(true);
            return undefined;
          }
        };
        reading(() => decodeIndexChunk(key, altered));
        for (const print of each.entries.prints)
          reading(() => idsIn(altered, altered.length, key, print * 16));
      }),
      { numRuns: 2_000 },
    );
  });

  it('takes more entries and loses one, as a list does', () => {
    const [some, more] = [many(40, 2).entries, many(90, 3).entries];
    const merged = withEntries(some, more, 10, 80);
    const both = [...listOf(some), ...listOf(more).slice(10, 80)];
    expect(listOf(merged)).toEqual(both.sort((a, b) => a[0]! - b[0]!));
    const [print, id] = listOf(merged)[33]! as [number, number];
    expect(listOf(withoutEntry(merged, print, segmentId(id)))).toEqual(
      listOf(merged).filter((_, at) => at !== 33),
    );
  });

  it('is split into parts of a quarter of a page, or of whole pages, without a gap', () => {
    const whole = many(20_000);
    const parts = [...splitIndexChunk(FIRST_KEY, whole)];
    const pages = [...pagesOfChunk(FIRST_KEY, whole)];
    expectWhole(parts, FIRST_KEY, whole);
    expectWhole(pages, FIRST_KEY, whole);
    const bytes = (each: readonly KeyedChunk[]) =>
      each.map((part) => encodeIndexChunk(part.key, part).length);
    expect(Math.max(...bytes(parts))).toBeLessThanOrEqual(HASH_CHUNK_BYTES);
    expect(Math.max(...bytes(pages))).toBeLessThanOrEqual(REFILLED_HASH_CHUNK_BYTES);
    for (const each of bytes(pages).slice(0, -1))
      expect(each).toBeGreaterThan(0.98 * REFILLED_HASH_CHUNK_BYTES);
    // 28 bits of a hash and 15 of an id, in order.
    expect(bytes(pages).reduce((sum, each) => sum + each, 0) / 20_000).toBeLessThan(3.9);
  });

  it('is longer only if its entries have one print', () => {
    const prints = Uint32Array.from({ length: 3_000 }, (_, at) => (at < 10 ? 5 : at < 2_990 ? 6 : 7));
    const whole = { last: LAST_FINGERPRINT, entries: { prints, ids: prints.map((_, at) => at) } };
    for (const cut of [splitIndexChunk, pagesOfChunk])
      expectWhole([...cut(FIRST_KEY, whole)], FIRST_KEY, whole);
  });
});

describe('a chunk of counts', () => {
  const counts = fc
    .record({
      usual: fc.nat(255),
      others: fc.array(fc.tuple(fc.nat(251), fc.nat(255)), { maxLength: 200 }),
    })
    .map(({ usual, others }) => {
      const bytes = new Uint8Array(252).fill(usual);
      for (const [at, count] of others) bytes[at] = count;
      return bytes;
    });

  it('gives back its counts, and is never longer than they are', () => {
    fc.assert(
      fc.property(counts, fc.nat(255), (each, likely) => {
        const record = Uint8Array.from(encodeCounts(each));
        expect(record.length).toBeLessThanOrEqual(252);
        expect(decodeCounts(record)).toEqual(each);
        // A guess changes nothing.
        for (const guess of [likely, each[0]!, record[0] ?? 0])
          expect(Uint8Array.from(encodeCounts(each, guess))).toEqual(record);
      }),
    );
    expect(encodeCounts(new Uint8Array(252))).toHaveLength(0);
    expect(encodeCounts(new Uint8Array(252).fill(2))).toHaveLength(1);
  });

  it('that is none is undefined, and no error of another kind', () => {
    expect(decodeCounts(new Uint8Array(100))).toBeUndefined();
    expect(decodeCounts(new Uint8Array(253))).toBeUndefined();
    expect(decodeCounts(Uint8Array.of(2, 251, 3, 0, 4))).toBeUndefined();
    expect(decodeCounts(Uint8Array.of(2, 7, 2))).toBeUndefined();
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (record) => {
        expect(decodeCounts(record)?.length ?? 252).toBe(252);
      }),
    );
  });
});

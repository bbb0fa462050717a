import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { leanFormOf } from '../../../src/storage/lmdb/packs/lean-sizes.js';
import {
  decodePack,
  encodePack,
  findEntry,
  type Pack,
  PackPlaces,
} from '../../../src/storage/lmdb/packs/pack.js';
import { PackBuilder } from '../../../src/storage/lmdb/packs/pack-builder.js';
import { framePieces, keyOfPack, type PackEntry } from '../../../src/storage/lmdb/packs/pack-layout.js';
import { BitReader, BitWriter, riceBits } from '../../../src/storage/lmdb/tables/bit-stream.js';
import { TAIL_BYTES_MAX } from '../../../src/storage/lmdb/tables/layout.js';
import { isDamage } from '../../../src/storage/lmdb/tables/lmdb-errors.js';
import { segmentId } from './ids.js';

const FIRST_ID = segmentId(7);

const entry = fc
  .record({
    frameBytes: fc.oneof(
      { weight: 8, arbitrary: fc.integer({ min: 1, max: 200 }) },
      { weight: 2, arbitrary: fc.integer({ min: TAIL_BYTES_MAX - 2, max: 9_000 }) },
      { weight: 1, arbitrary: fc.constant(0) },
    ),
    tokenCount: fc.oneof(fc.nat({ max: 400 }), fc.nat({ max: 300_000 })),
    first: fc.constantFrom(0x81, 0x81, 0x81, 1, 4, 0x82),
  })
  .map(({ frameBytes, tokenCount, first }): PackEntry => {
    const piece = Buffer.alloc(frameBytes === 0 ? 0 : framePieces(frameBytes).tailBytes, 5);
    if (piece.length > 0) piece[0] = first;
    return { frameBytes, tokenCount: frameBytes === 0 ? 0 : tokenCount, piece };
  });

/** A pack whose last entry is stored, and whose first one may be the end of a frame. */
const pack = fc
  .record({
    entries: fc.array(entry, { minLength: 1, maxLength: 100 }),
    rest: fc.option(fc.uint8Array({ minLength: 1, maxLength: 300 }), { nil: undefined }),
    cut: fc.option(fc.integer({ min: 1, max: 100 }), { nil: undefined }),
  })
  .map(({ entries, rest, cut }): Pack => {
    const last: PackEntry = { frameBytes: 150, tokenCount: 40, piece: Buffer.alloc(cut ?? 150, 0x81) };
    const stored = [...entries, last];
    const begin = rest && { frameBytes: 0, tokenCount: 0, piece: Buffer.from(rest) };
    return {
      form: leanFormOf(stored),
      firstId: FIRST_ID,
      continues: rest !== undefined,
      continued: cut !== undefined,
      entries: begin ? [begin, ...stored] : stored,
    };
  });

describe('a lean pack', () => {
  it('gives back every entry, whole or one by one', () => {
    fc.assert(
      fc.property(pack, (each) => {
        const record = encodePack(each)!;
        const key = keyOfPack(each);
        expect(decodePack(key, record)).toEqual(each);
        const places = new PackPlaces(key, record);
        for (const [at, expected] of each.entries.entries()) {
          const found = findEntry(key, record, segmentId(FIRST_ID + at));
          const isThere = expected.frameBytes > 0;
          const open = each.continued && at === each.entries.length - 1;
          expect(found).toEqual(isThere ? { ...expected, open } : undefined);
          expect(places.find(segmentId(FIRST_ID + at))).toEqual(found);
        }
      }),
    );
  });

  it('knows the room that it has to the byte', () => {
    fc.assert(
      fc.property(pack, ({ form, entries }) => {
        const builder = new PackBuilder(form);
        for (const each of entries) {
          const room = builder.room(8_000, each);
          builder.add(each);
          const record = each.frameBytes > 0 ? builder.finish(false) : undefined;
          if (record) expect(8_000 - record.length).toBe(room - each.piece.length);
        }
      }),
    );
  });

  it('is read as it is, or refused, whatever its bytes are', () => {
    const flipped = fc
      .tuple(pack, fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 }))))
      .map(([each, flips]) => {
        const record = Buffer.from(encodePack(each)!);
        for (const [at, bits] of flips) record[at % record.length]! ^= bits;
        return record;
      });
    const noise = fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from([0, ...bytes]));
    fc.assert(
      fc.property(fc.oneof(flipped, noise), fc.constantFrom(14, 15), (record, key) => {
        try {
          for (let id = 5; id < 80; id += 1) findEntry(key, record, segmentId(id));
          const places = new PackPlaces(key, record);
          for (let id = 5; id < 80; id += 1) places.find(segmentId(id));
          const { entries } = decodePack(key, record);
          for (const { frameBytes } of entries) expect(frameBytes).toBeGreaterThanOrEqual(0);
        } catch (error) {
          if (!isDamage(error)) throw error;
        }
      }),
      { numRuns: 500 },
    );
  });

  it('is smaller than a plain one, and stays so when frames are deleted', () => {
    const entries = Array.from({ length: 150 }, (_, at): PackEntry => {
      const frameBytes = 40 + ((at * 7) % 30);
      const piece = Buffer.alloc(frameBytes, 1).fill(0x81, 0, 1);
      return { frameBytes, tokenCount: 2 * frameBytes + (at % 9), piece };
    });
    const plain = { firstId: FIRST_ID, continues: false, continued: false, entries };
    const lean = { ...plain, form: leanFormOf(entries) };
    const saved = encodePack(plain)!.length - encodePack(lean)!.length;
    expect(saved).toBeGreaterThan(1.3 * entries.length);
    const fewer = entries.map((each, at) =>
      at % 3 === 0 ? { frameBytes: 0, tokenCount: 0, piece: Buffer.alloc(0) } : each,
    );
    expect(encodePack({ ...lean, entries: fewer })!.length).toBeLessThan(
      encodePack({ ...plain, entries: fewer })!.length,
    );
  });
});

describe('Rice codes', () => {
  const numbers = fc.array(
    fc.tuple(
      fc.oneof(fc.nat({ max: 300 }), fc.integer({ min: 0, max: 2 ** 32 - 1 })),
      fc.integer({ min: 0, max: 24 }),
    ),
  );

  it('give back numbers below 2^32, in as many bits as they say', () => {
    fc.assert(
      fc.property(numbers, (some) => {
        const writer = new BitWriter();
        for (const [value, lowBits] of some) {
          const before = writer.bits;
          writer.rice(value, lowBits);
          expect(writer.bits - before).toBe(riceBits(value, lowBits));
        }
        const reader = new BitReader(Buffer.from(writer.finish()), 0);
        for (const [value, lowBits] of some) expect(reader.rice(lowBits)).toBe(value);
      }),
    );
  });

  it('are the same after some were taken back', () => {
    fc.assert(
      fc.property(numbers, numbers, (kept, dropped) => {
        const writer = new BitWriter();
        for (const [value, lowBits] of kept) writer.rice(value, lowBits);
        const expected = Buffer.from(writer.finish());
        const { bits } = writer;
        for (const [value, lowBits] of dropped) writer.rice(value, lowBits);
        writer.truncate(bits);
        expect(Buffer.from(writer.finish())).toEqual(expected);
        for (const [value, lowBits] of dropped) writer.rice(value, lowBits);
        const reader = new BitReader(Buffer.from(writer.finish()), 0);
        for (const [value, lowBits] of [...kept, ...dropped]) expect(reader.rice(lowBits)).toBe(value);
      }),
    );
  });

  it('end where the bytes end', () => {
    expect(() => new BitReader(Buffer.alloc(0), 0).rice(3)).toThrow('ends too early');
    expect(() => new BitReader(Buffer.alloc(5), 0).rice(3)).toThrow('ends too early');
    expect(() => new BitReader(Buffer.of(0x80), 0).rice(3)).toThrow('ends too early');
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decodePostings,
  encodePostings,
  type Postings,
  splitPostings,
} from '../../../src/storage/lmdb/lists/posting-chunk.js';
import { decodePlaces, encodeDensePlaces, encodePlaces } from '../../../src/storage/lmdb/radix/places.js';
import { POSTING_ENTRIES_MAX } from '../../../src/storage/lmdb/tables/layout.js';
import { isDamage } from '../../../src/storage/lmdb/tables/lmdb-errors.js';
import { nodeId } from './ids.js';

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

/** Decodes bytes that nobody wrote: an answer, or damage that is named. */
function decodesOrRefuses(decode: (bytes: Uint8Array) => unknown): void {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
      try {
        decode(bytes);
      } catch (error) {
        if (!isDamage(error)) throw error;
      }
    }),
    { numRuns: 500 },
  );
}

const place = fc.option(
  fc.record({
    node: fc
      .oneof(fc.integer({ min: 1, max: 200 }), fc.integer({ min: 1, max: 2 ** 31 - 1 }))
      .map((node) => nodeId(node)),
    depth: fc.nat({ max: 3000 }),
  }),
  { nil: undefined },
);

describe('places of conversations in the prefix index', () => {
  it('have these bytes in the dense form', () => {
    const places = [
      undefined,
      { node: nodeId(300), depth: 2 },
      { node: nodeId(301), depth: 1 },
      undefined,
      { node: nodeId(299), depth: 5 },
      undefined,
    ];
    expect(hex(encodeDensePlaces(places)!)).toBe('8000' + '00' + '01' + '05' + 'ac02' + '950732');
    expect(decodePlaces(encodeDensePlaces(places)!)).toEqual(places.slice(0, -1));
    expect(hex(encodePlaces(places))).toBe('00' + 'ac0202' + 'ad0201' + '00' + 'ab0205');
    expect(encodeDensePlaces([undefined])).toBeUndefined();
  });

  it('are the same in both forms', () => {
    fc.assert(
      fc.property(fc.array(place, { maxLength: 64 }), (places) => {
        const expected = places.slice(0, places.findLastIndex((each) => each !== undefined) + 1);
        expect(decodePlaces(encodePlaces(places))).toEqual(expected);
        const dense = encodeDensePlaces(places);
        if (dense) expect(decodePlaces(dense)).toEqual(expected);
        else expect(expected).toEqual([]);
      }),
    );
  });

  it('are read or refused, whatever the bytes are', () => {
    decodesOrRefuses((bytes) => decodePlaces(Buffer.from([0x80, 0, ...bytes])));
    decodesOrRefuses(decodePlaces);
  });
});

/** Entries of some groups, most numbers of which follow each other. */
const postings = fc
  .array(fc.tuple(fc.nat({ max: 5 }), fc.array(fc.tuple(fc.nat({ max: 40 }), fc.nat({ max: 90 })))))
  .map((some): Postings => {
    const groups: number[] = [];
    const numbers: number[] = [];
    let group = 2 ** 48;
    for (const [distance, runs] of some) {
      group += 1 + distance;
      let number = 1;
      for (const [gap, length] of runs) {
        number += gap;
        for (let at = 0; at < length; at++) {
          groups.push(group);
          numbers.push(number++);
        }
      }
    }
    return { groups: groups.slice(0, 2_000), numbers: numbers.slice(0, 2_000) };
  });

describe('entries of the list index', () => {
  it('have these bytes, in which numbers that follow each other are a run', () => {
    const group = 2 ** 48 + 5;
    const numbers = [7, 8, 9, 10, 11, 20];
    const some = { groups: numbers.map(() => group), numbers };
    expect(hex(encodePostings(some))).toBe('85808080808040' + '06' + '07' + '0001' + '09');
    expect(decodePostings(encodePostings(some))).toEqual(some);
    // As formats 2 to 4 wrote them.
    const before = Buffer.from('85808080808040' + '06' + '07' + '01010101' + '09', 'hex');
    expect(decodePostings(before)).toEqual(some);
  });

  it('are given back', () => {
    fc.assert(
      fc.property(postings, (some) => {
        expect(decodePostings(encodePostings(some))).toEqual(some);
      }),
    );
  });

  it('are split where a chunk would have too many', () => {
    const numbers = Array.from({ length: 3 * POSTING_ENTRIES_MAX }, (_, at) => at + 1);
    const all = { groups: numbers.map(() => 2 ** 48), numbers };
    for (const growsAtEnd of [false, true]) {
      const pieces = splitPostings(all, growsAtEnd);
      expect(pieces.flatMap((piece) => piece.numbers)).toEqual(numbers);
      for (const piece of pieces) expect(piece.numbers.length).toBeLessThanOrEqual(POSTING_ENTRIES_MAX);
    }
    expect(() => decodePostings(encodePostings(all))).toThrow('more entries than it may have');
  });

  it('are read or refused, whatever the bytes are', () => {
    decodesOrRefuses(decodePostings);
  });
});

import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadCore, type TokenCore } from '../../src/core/index.js';
import { isStowkenError, type StowkenError } from '../../src/model/index.js';
import * as twin from '../twin/varint.js';

/** Every power of two of u32, and its neighbours. */
const edges = [...new Set(Array.from({ length: 33 }, (_, bit) => 2 ** bit))]
  .flatMap((power) => [power - 1, power, power + 1])
  .filter((value) => value <= 0xffff_ffff);

const token = fc.oneof(
  fc.nat({ max: 127 }),
  fc.nat({ max: 200_000 }),
  fc.nat({ max: 0xffff_ffff }),
  fc.constantFrom(...edges),
);
const tokens = fc.array(token, { maxLength: 400 });
/** Longer than several blocks of the core's scratch memory. */
const manyTokens = fc.tuple(tokens, fc.integer({ min: 1, max: 400 })).map(([some, times]) => {
  return Array.from({ length: times }, () => some).flat();
});
/** A varint with padding, up to ten bytes in all. */
const paddedVarint = fc.tuple(token, fc.nat({ max: 9 })).map(([value, padding]) => {
  const bytes = twin.varint(value);
  while (padding > 0 && bytes.length < Math.min(10, 1 + padding)) {
    bytes[bytes.length - 1]! |= 0x80;
    bytes.push(0);
  }
  return bytes;
});

const malformed = (error: unknown) => isStowkenError(error, 'MALFORMED_TOKENS');
function expectMalformed(read: () => unknown): void {
  expect(read).toThrow(expect.toSatisfy(malformed));
}

describe.each(['release', 'debug'] as const)('the %s build', (build) => {
  let core: TokenCore;
  beforeAll(async () => {
    core = await loadCore({ build });
  });

  it('agrees with its twin on every power of two and its neighbours', () => {
    for (const value of edges) {
      const bytes = Uint8Array.from(twin.varint(value));
      expect(core.fromTokens(Uint32Array.of(value))).toEqual({ varints: bytes, tokenCount: 1 });
      expect([...core.toTokens(bytes)]).toEqual([value]);
    }
  });

  it('packs, unpacks, counts and hashes as its twin does', () => {
    fc.assert(
      fc.property(fc.oneof(tokens, manyTokens), (list) => {
        const varints = twin.pack(list);
        const words = twin.words(list);
        const run = { varints, tokenCount: list.length };
        expect(core.fromTokens(Uint32Array.from(list))).toEqual(run);
        expect(core.fromLe32(words)).toEqual(run);
        expect(core.fromVarints([varints])).toEqual(run);
        expect(core.countTokens(varints)).toBe(list.length);
        expect(Buffer.compare(core.toLe32(varints), words)).toBe(0);
        expect(core.toTokens(varints)).toEqual(Uint32Array.from(list));
        expect(core.hash(varints)).toBe(twin.hash(list));
        expect(core.hashLe32(words)).toBe(twin.hash(list));
      }),
    );
  });

  it('joins chunks, makes padded varints canonical and leaves the input as it was', () => {
    fc.assert(
      fc.property(fc.array(fc.array(paddedVarint, { maxLength: 50 }), { maxLength: 5 }), (lists) => {
        const chunks = lists.map((list) => Uint8Array.from(list.flat()));
        const before = chunks.map((chunk) => [...chunk]);
        const expected = chunks.flatMap((chunk) => twin.unpack(chunk)!);
        expect(core.fromVarints(chunks)).toEqual({
          varints: twin.pack(expected),
          tokenCount: expected.length,
        });
        expect(chunks.map((chunk) => [...chunk])).toEqual(before);
      }),
    );
  });

  it('makes padded varints canonical across its blocks', () => {
    const padded = [0x85, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00];
    for (const shift of [0, 1, 5, 9]) {
      const lead = Array.from({ length: shift }, () => 1);
      const bytes = Uint8Array.from([...lead, ...Array.from({ length: 20_000 }, () => padded).flat()]);
      const expected = twin.pack([...lead, ...Array.from({ length: 20_000 }, () => 5)]);
      const run = core.fromVarints([bytes]);
      expect(run.tokenCount).toBe(shift + 20_000);
      expect(Buffer.compare(run.varints, expected)).toBe(0);
    }
  });

  it('accepts any bytes exactly when its twin does', () => {
    const byte = fc.oneof(fc.nat({ max: 255 }), fc.constantFrom(0, 0x7f, 0x80, 0xff));
    fc.assert(
      fc.property(fc.array(byte, { maxLength: 24 }), (list) => {
        const bytes = Uint8Array.from(list);
        const expected = twin.unpack(bytes);
        if (expected === undefined) expectMalformed(() => core.fromVarints([bytes]));
        else
          expect(core.fromVarints([bytes])).toEqual({
            varints: twin.pack(expected),
            tokenCount: expected.length,
          });

        const canonical = expected !== undefined && twin.pack(expected).length === bytes.length;
        for (const method of ['countTokens', 'toLe32', 'toTokens', 'hash'] as const) {
          if (canonical) core[method](bytes);
          else expectMalformed(() => core[method](bytes));
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('counts any bytes that it unpacks, and refuses to count any others, across its blocks', () => {
    const byte = fc.constantFrom(0, 1, 0x0f, 0x10, 0x7f, 0x80, 0x81, 0xff);
    const shift = fc.nat({ max: 70 });
    fc.assert(
      fc.property(shift, fc.array(byte, { maxLength: 12 }), shift, (before, bytes, after) => {
        const all = Uint8Array.of(
          ...Array<number>(before).fill(5),
          ...bytes,
          ...Array<number>(after).fill(6),
        );
        const outcome = (read: () => number) => {
          try {
            return read();
          } catch (error) {
            return (error as StowkenError).reason;
          }
        };
        expect(outcome(() => core.countTokens(all))).toBe(outcome(() => core.toTokens(all).length));
      }),
      { numRuns: 5000 },
    );
  });

  it('refuses every truncation inside a varint, and a varint that spans two chunks', () => {
    for (const value of edges.filter((edge) => edge >= 0x80)) {
      const bytes = Uint8Array.from([7, ...twin.varint(value)]);
      for (let length = 2; length < bytes.length; length++) {
        const prefix = bytes.subarray(0, length);
        expectMalformed(() => core.fromVarints([prefix]));
        expectMalformed(() => core.fromVarints([prefix, bytes.subarray(length)]));
        expectMalformed(() => core.countTokens(prefix));
        expectMalformed(() => core.hash(prefix));
      }
    }
  });

  it('refuses a truncation after a whole block, and values over 32 bits', () => {
    const long = new Uint8Array(200_000).fill(1);
    long[long.length - 1] = 0x81;
    expectMalformed(() => core.fromVarints([long]));
    expectMalformed(() => core.countTokens(long));
    for (const bytes of [
      [0x80, 0x80, 0x80, 0x80, 0x10],
      [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
      [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x02],
      [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00],
    ]) {
      expectMalformed(() => core.fromVarints([Uint8Array.from(bytes)]));
    }
  });

  it('refuses words that are not whole', () => {
    for (const length of [1, 2, 3, 5, 65_535, 131_074]) {
      expectMalformed(() => core.fromLe32(new Uint8Array(length)));
    }
  });

  it('takes words and chunks at any alignment', () => {
    const buffer = new Uint8Array(64);
    for (let at = 0; at < 8; at++) {
      buffer.set(twin.words([1, 300, 0xffff_ffff]), at);
      expect([...core.fromLe32(buffer.subarray(at, at + 12)).varints]).toEqual([
        ...twin.pack([1, 300, 0xffff_ffff]),
      ]);
    }
  });

  it('finds where each token begins', () => {
    fc.assert(
      fc.property(tokens, (list) => {
        const varints = twin.pack(list);
        for (let index = 0; index <= list.length; index++) {
          expect(core.byteOffset(varints, index)).toBe(twin.pack(list.slice(0, index)).length);
        }
        expect(() => core.byteOffset(varints, list.length + 1)).toThrow(
          expect.toSatisfy((error: unknown) => isStowkenError(error, 'RANGE_PAST_END')),
        );
      }),
    );
    const long = twin.pack(Array.from({ length: 150_000 }, (_, index) => index));
    for (const index of [0, 1, 40_000, 149_999, 150_000]) {
      const offset = core.byteOffset(long, index);
      expect(core.countTokens(long.subarray(0, offset))).toBe(index);
    }
  });

  it('gives results that the next call does not change', () => {
    const first = core.fromTokens(Uint32Array.of(1, 2, 3));
    const words = core.toLe32(first.varints);
    core.fromTokens(Uint32Array.of(9, 9, 9));
    core.toLe32(Uint8Array.of(8, 8, 8));
    expect([...first.varints]).toEqual([1, 2, 3]);
    expect(words).toEqual(twin.words([1, 2, 3]));
  });

  it('names the empty segment and a known one', () => {
    expect(core.hash(new Uint8Array())).toBe(
      'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
    );
    expect(core.hash(Uint8Array.of(1))).toBe(
      '67abdd721024f0ff4e0b3f4c2fc13bc5bad42d0b7851d456d88d203d15aaa450',
    );
  });
});

import { describe, expect, it } from 'vitest';

const long = Uint32Array.from({ length: 20_000 }, (_, n) => n);
const changed = (at: number) => long.with(at, 7_000_000);

describe('numbers that tests compare', () => {
  it('are equal if each of them is', () => {
    expect(long).toEqual(long.slice());
    expect([...long]).toEqual([...long]);
    expect({ a: [long, [1, 2]] }).toEqual({ a: [long.slice(), [1, 2]] });
    expect([]).toEqual([]);
    expect([Number.NaN, 1]).toEqual([Number.NaN, 1]);
    expect([1, expect.any(Number)]).toEqual([1, 2]);
  });

  it('differ by one of them, by their count and by their type', () => {
    for (const at of [0, 10_000, 19_999]) {
      expect(changed(at)).not.toEqual(long);
      expect([...changed(at)]).not.toEqual([...long]);
    }
    expect(long.subarray(1)).not.toEqual(long.subarray(0, -1));
    expect(long.subarray(0, 9)).not.toEqual(long.subarray(0, 10));
    expect(Uint8Array.of(1)).not.toEqual(Uint32Array.of(1));
    expect(Buffer.of(1)).not.toStrictEqual(Uint8Array.of(1));
    expect([0]).not.toEqual([-0]);
    expect([1, 2]).not.toEqual([1]);
    // A place that is left out.
    expect([1, , 3]).not.toEqual([1, 2, 3]);
  });

  it('are compared by their part of a buffer', () => {
    const bytes = Uint8Array.of(1, 2, 3, 1, 2);
    expect(bytes.subarray(0, 2)).toEqual(bytes.subarray(3));
  });
});

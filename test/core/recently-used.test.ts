import { describe, expect, it } from 'vitest';
import { RecentlyUsed } from '../../src/core/index.js';

const bytesMax = 64 * 1024;
/** Each takes a hundredth of the limit, including the overhead of an entry. */
const value = (n: number) => new Uint8Array(bytesMax / 100 - 400).fill(n);
const create = () => new RecentlyUsed<number, Uint8Array>(bytesMax, ({ length }) => length);

describe('what was used lately', () => {
  it('is there, and nothing else', () => {
    const recent = create();
    recent.set(1, value(1));
    expect(recent.get(1)).toEqual(value(1));
    expect(recent.get(2)).toBeUndefined();
  });

  it('goes when others come, but for what is asked for', () => {
    const recent = create();
    for (let n = 0; n < 300; n++) {
      recent.set(n, value(n % 256));
      expect(recent.get(0)).toEqual(value(0));
    }
    const kept = Array.from({ length: 300 }, (_, n) => n).filter((n) => recent.get(n) !== undefined);
    expect(kept[0]).toBe(0);
    expect(kept.length).toBeGreaterThan(25);
    expect(kept.length).toBeLessThanOrEqual(102);
  });

  it('takes no more when a value is set again and again', () => {
    const recent = create();
    recent.set(1, value(1));
    for (let n = 0; n < 1000; n++) recent.set(2, value(n % 256));
    expect(recent.get(1)).toEqual(value(1));
    expect(recent.get(2)).toEqual(value(999 % 256));
  });

  it('is copied where it outlives what it came with', () => {
    const recent = new RecentlyUsed<number, Uint8Array>(
      bytesMax,
      ({ length }) => length,
      (bytes) => bytes.slice(),
    );
    const shared = value(7);
    recent.set(0, shared.subarray(0, 100));
    expect(recent.get(0)!.buffer).toBe(shared.buffer);
    for (let n = 1; n <= 60; n++) recent.set(n, value(n));
    expect(recent.get(0)).toEqual(value(7).subarray(0, 100));
    expect(recent.get(0)!.buffer).not.toBe(shared.buffer);
  });
});

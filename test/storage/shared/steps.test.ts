import { describe, expect, it } from 'vitest';
import { atOnce, inTurn, settled, type Steps } from '../../../src/storage/shared/steps.js';

function* sum(one: number | Promise<number>, other: () => number | Promise<number>): Steps<number> {
  return (yield* settled(one)) + (yield* settled(other()));
}

describe('steps', () => {
  it('are made at once if nothing is waited for, and refused otherwise', () => {
    expect(atOnce(sum(1, () => 2))).toBe(3);
    expect(() => atOnce(sum(Promise.resolve(1), () => 2))).toThrow(/nothing is waited for/);
  });

  it('are made in turn, each when the one before it has its result', async () => {
    const seen: string[] = [];
    const later = async () => {
      await new Promise(setImmediate);
      seen.push('first');
      return 1;
    };
    const other = () => {
      seen.push('second');
      return Promise.resolve(2);
    };
    expect(await inTurn(sum(later(), other))).toBe(3);
    expect(seen).toEqual(['first', 'second']);
    expect(await inTurn(sum(1, () => 2))).toBe(3);
  });

  it('stop at a failure, which they may handle', async () => {
    const failing = Promise.reject<number>(new Error('no answer'));
    failing.catch(() => undefined);
    const others: number[] = [];
    await expect(inTurn(sum(failing, () => others.push(1)))).rejects.toThrow('no answer');
    expect(others).toEqual([]);
    function* handling(): Steps<string> {
      try {
        return String(yield* settled(failing));
      } catch (error) {
        return `handled: ${(error as Error).message}`;
      }
    }
    expect(await inTurn(handling())).toBe('handled: no answer');
  });
});

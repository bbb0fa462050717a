import { describe, expect, it } from 'vitest';
import { type Slices, Turns } from '../../src/text/slices.js';

/** Work of so many slices, each of which is logged. */
function* work(name: string, slices: number, log: string[], onEnd?: () => void): Slices<string> {
  try {
    for (let slice = 0; slice < slices; slice++) {
      log.push(name);
      if (slice + 1 < slices) yield;
    }
    return name;
  } finally {
    onEnd?.();
  }
}

const wanted = () => true;

describe('the turns of a thread', () => {
  it('gives long jobs a slice each in turn', async () => {
    const log: string[] = [];
    const turns = new Turns();
    const jobs = ['a', 'b', 'c'].map((name) => turns.run(work(name, 3, log), false, wanted));
    expect(await Promise.all(jobs)).toEqual(['a', 'b', 'c']);
    // The first one began before the others were added.
    expect(log.join('')).toBe('aabcabcbc');
  });

  it('lets a short job wait for one slice of a long one, however many there are', async () => {
    const log: string[] = [];
    const turns = new Turns();
    const long = Array.from({ length: 50 }, () => turns.run(work('-', 100, log), false, wanted));
    await turns.run(work('s', 1, log), true, wanted);
    expect(log.filter((name) => name === '-').length).toBeLessThan(5);
    await Promise.all(long);
  });

  it('goes on with a long job beside any number of short ones', async () => {
    const log: string[] = [];
    const turns = new Turns();
    const long = turns.run(work('-', 5, log), false, wanted);
    const short = Array.from({ length: 100 }, () => turns.run(work('s', 1, log), true, wanted));
    await long;
    expect(log.length).toBeLessThan(50);
    await Promise.all(short);
  });

  it('gives no precedence to what only said that it was short', async () => {
    const log: string[] = [];
    const turns = new Turns();
    const jobs = [
      turns.run(work('-', 10, log), false, wanted),
      turns.run(work('x', 10, log), true, wanted),
      turns.run(work('s', 1, log), true, wanted),
    ];
    await Promise.all(jobs);
    expect(log.indexOf('s')).toBeLessThan(4);
  });

  it('ends what is no longer wanted, and lets it let go of what it holds', async () => {
    const log: string[] = [];
    const turns = new Turns();
    let ended = false;
    let isWanted = true;
    const job = turns.run(
      work('a', 1000, log, () => (ended = true)),
      false,
      () => isWanted,
    );
    const other = turns.run(work('b', 2, log), false, wanted);
    await other;
    isWanted = false;
    expect(await job).toBeUndefined();
    expect(ended).toBe(true);
    expect(log.length).toBeLessThan(10);
  });

  it('passes on what work throws', async () => {
    const turns = new Turns();
    const failing = (function* (): Slices<void> {
      yield;
      throw new Error('broken');
    })();
    const other = turns.run(work('a', 5, []), false, wanted);
    await expect(turns.run(failing, false, wanted)).rejects.toThrow('broken');
    expect(await other).toBe('a');
  });
});

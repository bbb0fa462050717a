import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { loadCore } from '../../src/core/index.js';
import { HashCache } from '../../src/core/caches.js';
import { asHash } from '../support/hashes.js';

const core = await loadCore();
const nameOf = (words: Uint32Array) =>
  createHash('sha256').update(new Uint8Array(words.buffer)).digest('hex');

describe('names that are remembered', () => {
  it('are those of all tokens, whatever came before', () => {
    fc.assert(
      fc.property(
        fc.uint32Array({ minLength: 100, maxLength: 400 }),
        fc.array(fc.record({ at: fc.nat(), token: fc.nat(127) }), { maxLength: 20 }),
        (tokens, changes) => {
          // Changes one token after the other, like prompts that differ in a digit.
          const words = Uint32Array.from(tokens, (token) => token % 128);
          for (const { at, token } of changes) {
            words[at % words.length] = token;
            for (let again = 0; again < 2; again++) {
              expect(core.hash(core.fromTokens(words).varints)).toBe(nameOf(words));
            }
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  it('are not made again, and not taken from a buffer that has changed since', () => {
    const names = new HashCache();
    const run = new Uint8Array(1000).fill(1);
    let made = 0;
    const name = (bytes: Uint8Array) => names.nameOf(bytes, () => asHash(`name ${++made}`));
    expect(name(run)).toBe('name 1');
    expect(name(run.slice())).toBe('name 1');
    run[500] = 2;
    expect(name(run)).toBe('name 2');
    run[500] = 1;
    expect(name(run)).not.toBe('name 2');
  });

  it('are remembered for each vault apart', () => {
    const [a, b] = [core.withOwnHashes(2 ** 20), core.withOwnHashes(2 ** 20)];
    const { varints } = core.fromTokens(Uint32Array.from({ length: 1000 }, (_, n) => n));
    const compared = vi.spyOn(Buffer, 'compare');
    try {
      const expected = a.hash(varints);
      expect(compared).toHaveBeenCalledTimes(0);
      expect(a.hash(varints)).toBe(expected);
      expect(compared).toHaveBeenCalledTimes(1);
      expect(b.hash(varints)).toBe(expected);
      expect(core.hash(varints)).toBe(expected);
      expect(compared).toHaveBeenCalledTimes(1);
    } finally {
      compared.mockRestore();
    }
  });

  it('are made each time for very short runs and very long ones', () => {
    const names = new HashCache();
    let made = 0;
    for (const length of [1, 100, 1_000_000]) {
      const run = new Uint8Array(length).fill(1);
      for (let again = 0; again < 2; again++) names.nameOf(run, () => asHash(`name ${++made}`));
    }
    expect(made).toBe(6);
  });
});

import fc from 'fast-check';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { loadCore, type TokenCore } from '../../src/core/index.js';
import { limits } from '../../src/model/index.js';
import { piecesOf } from '../../src/vault/content-pieces.js';
import { readContent } from '../../src/vault/write/contents.js';
import { openTestVault, say, signal, spec } from '../support/vault.js';

let core: TokenCore;
beforeAll(async () => (core = await loadCore()));

/** Returns a value's varint with redundant bytes, up to ten in all. */
function overlong(value: number, bytes: number): number[] {
  let rest = BigInt(value);
  return Array.from({ length: bytes }, (_, index) => {
    const low = Number(rest & 0x7fn);
    rest >>= 7n;
    return index < bytes - 1 ? low | 0x80 : low;
  });
}

describe('a long content in pieces', () => {
  it('has the same tokens, whatever its form and wherever varints lie', () => {
    const token = fc.record({
      value: fc.integer({ min: 0, max: 0xffff_ffff }),
      bytes: fc.integer({ min: 5, max: 10 }),
    });
    const property = fc.property(fc.array(token, { minLength: 1, maxLength: 40 }), (tokens) => {
      const times = Math.ceil((1.5 * limits.turnTokensMax) / (5 * tokens.length));
      const chunk = Uint8Array.from(tokens.flatMap(({ value, bytes }) => overlong(value, bytes)));
      const whole = Buffer.concat(Array.from({ length: times }, () => chunk));
      const content = { kind: 'varints', chunks: [whole] } as const;
      const runs = [...piecesOf(content)].map((piece) => readContent(core, piece, 'x'));
      expect(runs.length).toBeGreaterThan(1);
      const { varints, tokenCount } = readContent(core, content, 'x');
      expect(Buffer.concat(runs.map((run) => run.varints)).equals(varints)).toBe(true);
      expect(runs.reduce((sum, run) => sum + run.tokenCount, 0)).toBe(tokenCount);
      expect(tokenCount).toBe(times * tokens.length);
    });
    fc.assert(property, { numRuns: 20 });
  });

  it('has no piece of more tokens than a turn may have', () => {
    const words = new Uint8Array(4 * (2 * limits.turnTokensMax + 3));
    const counts = [...piecesOf({ kind: 'le32', bytes: words })].map(
      (piece) => readContent(core, piece, 'x').tokenCount,
    );
    expect(counts).toEqual([limits.turnTokensMax, limits.turnTokensMax, 3]);
    const varints = { kind: 'varints', chunks: [new Uint8Array(2 * limits.turnTokensMax + 3)] } as const;
    expect([...piecesOf(varints)].map((piece) => readContent(core, piece, 'x').tokenCount)).toEqual(counts);
  });

  it.each([
    ['a varint without an end', new Uint8Array(limits.turnTokensMax + 20).fill(0x80)],
    [
      'an end within a varint',
      Uint8Array.from({ length: limits.turnTokensMax + 20 }, (_, i) => +(i % 2 > 0)).fill(0x80, -1),
    ],
  ])('is refused as it would be whole: %s', (_, bytes) => {
    const content = { kind: 'varints', chunks: [bytes] } as const;
    const refused = (read: () => unknown) => {
      try {
        read();
      } catch (error) {
        return (error as Error).message;
      }
      return undefined;
    };
    const whole = refused(() => readContent(core, content, 'x'));
    expect(whole).toBeDefined();
    expect(refused(() => [...piecesOf(content)].map((piece) => readContent(core, piece, 'x')))).toBe(whole);
  });

  it('of words is refused with the length of all of them', () => {
    const bytes = new Uint8Array(4 * limits.turnTokensMax + 5);
    const read = () => [...piecesOf({ kind: 'le32', bytes })].map((piece) => readContent(core, piece, 'x'));
    expect(read).toThrow(`${bytes.length} bytes`);
  });

  it('is cut where an upload cuts it, and converted in parts of a turn', async () => {
    const t = await openTestVault();
    try {
      const tokens = Uint32Array.from({ length: 5 * limits.turnTokensMax + 7 }, (_, i) => (i * i) % 100_003);
      const content = { kind: 'le32', bytes: new Uint8Array(tokens.buffer) } as const;
      const converted = vi.spyOn(t.core, 'fromLe32');
      await t.vault.store({ spec: spec('stored'), messages: [say('user', content)] }, signal);
      expect(converted.mock.calls.length).toBeGreaterThan(5);
      for (const [bytes] of converted.mock.calls) {
        expect(bytes.length).toBeLessThanOrEqual(4 * limits.turnTokensMax);
      }
      async function* parts() {
        yield { kind: 'message', speaker: { role: 'user', name: '', toolCallId: '' } } as const;
        for (let at = 0; at < content.bytes.length; at += 400_000) {
          const bytes = content.bytes.subarray(at, at + 400_000);
          yield { kind: 'tokens', content: { kind: 'le32', bytes } } as const;
        }
        yield { kind: 'finish', totalTokens: tokens.length } as const;
      }
      const uploaded = await t.vault.upload({ spec: spec('uploaded') }, parts(), signal);
      expect(uploaded.newSegments).toBe(0);
    } finally {
      await t.close();
    }
  });
});

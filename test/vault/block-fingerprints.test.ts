import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BlockFingerprints } from '../../src/vault/prefix/block-fingerprints.js';

const vaultId = '000102030405060708090a0b0c0d0e0f';
const blockTokens = 256;

const token = fc.oneof(fc.nat(127), fc.nat(2 ** 14), fc.nat(2 ** 21), fc.nat(2 ** 32 - 1));

function varintsOf(tokens: readonly number[]): number[] {
  return tokens.flatMap((token) => {
    const bytes = [];
    let rest = token;
    for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80);
    return [...bytes, rest];
  });
}

/** Returns an array of these bytes that begins at this place in its memory, and ends with it. */
function placed(bytes: readonly number[], at: number): Uint8Array {
  const memory = new Uint8Array(at + bytes.length);
  memory.set(bytes, at);
  return memory.subarray(at);
}

function plainBlocks(tokens: readonly number[]): string {
  let all = '';
  for (let at = 0; at + blockTokens <= tokens.length; at += blockTokens) {
    const block = Buffer.from(varintsOf(tokens.slice(at, at + blockTokens)));
    const whole = createHash('sha256').update(Buffer.from(vaultId, 'hex')).update(block).digest('hex');
    all += whole.slice(0, 16);
  }
  return all;
}

describe('fingerprints of blocks', () => {
  it('are those of the tokens, however these are cut and wherever they lie in memory', () => {
    const piece = fc.record({
      tokens: fc.array(token, { maxLength: 700 }),
      at: fc.nat(7),
      counted: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 6 }), (pieces) => {
        const fingerprints = new BlockFingerprints(vaultId);
        for (const { tokens, at, counted } of pieces) {
          const varints = placed(varintsOf(tokens), at);
          fingerprints.push(counted ? { varints, tokenCount: tokens.length } : { varints });
        }
        const found = Buffer.from(fingerprints.blocks()).toString('hex');
        expect(found).toBe(plainBlocks(pieces.flatMap(({ tokens }) => tokens)));
      }),
    );
  });
});

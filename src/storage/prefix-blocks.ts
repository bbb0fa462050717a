import { limits } from '../model/index.js';
import { prefixFingerprintBytes } from './queries.js';

/** The whole blocks of so many tokens. */
export function wholeBlocks(tokens: number): number {
  return Math.floor(tokens / limits.prefixBlockTokens);
}

/** Fingerprints one by one, in hex. */
export function fingerprints(blocks: Uint8Array = new Uint8Array(0)): string[] {
  return Array.from({ length: blocks.length / prefixFingerprintBytes }, (_, block) =>
    Buffer.from(
      blocks.subarray(block * prefixFingerprintBytes, (block + 1) * prefixFingerprintBytes),
    ).toString('hex'),
  );
}

import type { TokenCore } from '../core/index.js';
import { limits, type TokenRun } from '../model/index.js';
import { writeBlockFrame, writeBlocksFrame, writeVarintFrame } from './frame.js';
import type { Registry } from './registry.js';

/** The frame that the registry makes of the tokens, or that of their varints where it is smaller. */
export function encodeFrame(core: TokenCore, registry: Registry, run: TokenRun): Uint8Array {
  const coded = encodeWith(core, registry, run);
  return coded !== undefined && coded.length <= run.varints.length ? coded : writeVarintFrame(run.varints);
}

function encodeWith(core: TokenCore, registry: Registry, run: TokenRun): Uint8Array | undefined {
  if (run.tokenCount <= limits.codecBlockTokensMax) {
    const block = registry.encodeBlock(run.varints, run.tokenCount);
    return block && writeBlockFrame(registry.id, block);
  }
  const blocks: Uint8Array[] = [];
  let rest = run.varints;
  for (let left = run.tokenCount; left > 0; left -= limits.codecBlockTokensMax) {
    const tokens = Math.min(left, limits.codecBlockTokensMax);
    const length = core.byteOffset(rest, tokens);
    const block = registry.encodeBlock(rest.subarray(0, length), tokens);
    if (block === undefined) return undefined;
    blocks.push(block.slice());
    rest = rest.subarray(length);
  }
  return writeBlocksFrame(registry.id, blocks);
}

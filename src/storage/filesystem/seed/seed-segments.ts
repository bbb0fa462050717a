import type { Codec } from '../../../codec/index.js';
import type { TokenCore } from '../../../core/index.js';
import { isStowkenError, StowkenError, type SegmentHash, type TokenRun } from '../../../model/index.js';

const ZSTD_MAGIC = Buffer.of(0x28, 0xb5, 0x2f, 0xfd);

/**
 * A segment's file of the seed as a frame of ours. What the bytes are is not asked of the sidecar: they are
 * taken for whatever has the SHA-256 that the file is named by, raw tokens or varints.
 * @throws StowkenError CORRUPT_SEGMENT when they are neither
 */
export function frameOfSeedSegment(
  bytes: Uint8Array,
  hash: SegmentHash,
  parts: { readonly core: TokenCore; readonly codec: Codec },
): Uint8Array {
  const { core, codec } = parts;
  if (bytes.length % 4 === 0 && core.hashWords(bytes) === hash) return codec.encode(core.fromWords(bytes));
  const run = varintsOf(bytes, core);
  if (run && core.hash(run.varints) === hash) return codec.encode(run);
  const what = ZSTD_MAGIC.equals(bytes.subarray(0, ZSTD_MAGIC.length))
    ? 'is compressed with zstd, which is not read'
    : 'is damaged, or compressed in a way that is not read';
  throw new StowkenError('CORRUPT_SEGMENT', `the file of segment ${hash} ${what}`, { segment: hash });
}

function varintsOf(bytes: Uint8Array, core: TokenCore): TokenRun | undefined {
  try {
    return core.fromVarints([bytes]);
  } catch (error) {
    if (isStowkenError(error, 'MALFORMED_TOKENS')) return undefined;
    throw error;
  }
}

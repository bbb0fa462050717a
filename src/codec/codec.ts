import type { TokenCore } from '../core/index.js';
import { isStowkenError, StowkenError, type SegmentHash, type TokenRun } from '../model/index.js';

/** The frame's first byte. Every version stays readable for ever. */
const FRAME_VARINTS = 0x01;

/** Between a segment's tokens and the bytes that are stored for them. Frames are never changed;
 * what `decode` returns may be a view of the frame that it was given. */
export interface Codec {
  /** The smallest frame of those known. Deterministic. */
  readonly encode: (run: TokenRun) => Uint8Array;

  /** @throws StowkenError CORRUPT_SEGMENT for anything that no encoder wrote */
  readonly decode: (frame: Uint8Array) => TokenRun;

  /** The tokens as 4-byte little-endian words. @throws StowkenError CORRUPT_SEGMENT */
  readonly decodeWords: (frame: Uint8Array) => Uint8Array;

  /** The name of the segment that the frame holds. @throws StowkenError CORRUPT_SEGMENT */
  readonly hashOf: (frame: Uint8Array) => SegmentHash;
}

export function createCodec(core: TokenCore): Codec {
  return {
    encode(run) {
      const frame = new Uint8Array(1 + run.varints.length);
      frame[0] = FRAME_VARINTS;
      frame.set(run.varints, 1);
      return frame;
    },
    decode(frame) {
      const varints = varintsOf(frame);
      return { varints, tokenCount: whole(() => core.countTokens(varints)) };
    },
    decodeWords: (frame) => whole(() => core.toWords(varintsOf(frame))),
    hashOf: (frame) => whole(() => core.hash(varintsOf(frame))),
  };
}

function varintsOf(frame: Uint8Array): Uint8Array {
  const version = frame[0];
  if (version === FRAME_VARINTS) return frame.subarray(1);
  const what = version === undefined ? 'an empty frame' : `frame version ${version} is not known`;
  throw new StowkenError('CORRUPT_SEGMENT', what);
}

/** Stored bytes that are not tokens are damage, whoever asks. */
function whole<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!isStowkenError(error, 'MALFORMED_TOKENS')) throw error;
    throw new StowkenError(
      'CORRUPT_SEGMENT',
      `the frame does not decode: ${error.message}`,
      {},
      { cause: error },
    );
  }
}

import { copyOut, instantiate, type TokenCore, type VarintExports } from '../core/index.js';
import { limits, StowkenError, type TokenRun } from '../model/index.js';

/** Sizes of segments in tokens. */
export interface SegmentSizes {
  /** Minimum of a segment, except for the last of a message. */
  readonly min: number;
  /** Size from which cuts become likely. */
  readonly target: number;
  readonly max: number;
  /** Limit of messages that are not split. */
  readonly whole: number;
}

export const segmentSizes: SegmentSizes = {
  min: limits.segmentCutTokensMin,
  target: limits.segmentCutTokensTarget,
  max: limits.segmentCutTokensMax,
  whole: limits.segmentWholeTokensMax,
};

/**
 * Splits long messages into segments by their content, so that a text pasted into many messages is stored
 * once. Deterministic for given sizes; an empty message has no segment. For one thread.
 */
export interface Segmenter {
  /** Returns the message's segments in order, each with its own memory; `run` itself if it is not split. */
  readonly cut: (run: TokenRun) => TokenRun[];
}

interface SegmenterExports extends VarintExports {
  readonly CUTS: WebAssembly.Global;
  readonly beginCuts: (least: number, target: number, most: number) => void;
  readonly findCuts: (length: number) => number;
  readonly uncutTokens: () => number;
}

export function createSegmenter(core: TokenCore, sizes: SegmentSizes = segmentSizes): Segmenter {
  const wasm = instantiate(core.module) as SegmenterExports;
  const input = wasm.INPUT.value;
  const inputBytes = wasm.INPUT_BYTES.value;
  const cutsAt = wasm.CUTS.value;
  // This instance reserves all its memory at the start: views stay attached.
  const memory = new Uint8Array(wasm.memory.buffer);
  const numbers = new Uint32Array(wasm.memory.buffer);

  function cut(run: TokenRun): TokenRun[] {
    if (run.tokenCount === 0) return [];
    if (run.tokenCount <= sizes.whole) return [run];
    const { varints } = run;
    const segments: TokenRun[] = [];
    let start = 0;
    wasm.beginCuts(sizes.min, sizes.target, sizes.max);
    for (let at = 0; at < varints.length; at += wasm.consumed()) {
      const piece = varints.subarray(at, at + inputBytes);
      memory.set(piece, input);
      const cuts = wasm.findCuts(piece.length);
      if (cuts < 0 || wasm.consumed() === 0) {
        throw new StowkenError('MALFORMED_TOKENS', 'the run is not canonical varints');
      }
      for (let index = cutsAt / 4; index < cutsAt / 4 + 2 * cuts; index += 2) {
        const end = at + numbers[index]!;
        segments.push({ varints: copyOut(varints, start, end), tokenCount: numbers[index + 1]! });
        start = end;
      }
    }
    const rest = wasm.uncutTokens();
    if (rest > 0) segments.push({ varints: copyOut(varints, start, varints.length), tokenCount: rest });
    return segments;
  }

  return { cut };
}

import type { TokenCore } from '../core/index.js';
import { limits, type TokenRun } from '../model/index.js';

/** Cuts one message after the other into segments, while their tokens come in. The borders follow from the tokens alone. */
export interface SegmentCutter {
  /** Takes the next tokens of the message; gives the segments that they complete. */
  push(run: TokenRun): TokenRun[];
  /** Ends the message, and gives what is left of it: nothing of an empty one. */
  end(): TokenRun[];
}

/** The segments of a whole message; an empty one has none. */
export function cutIntoSegments(core: TokenCore, run: TokenRun): TokenRun[] {
  const cutter = createCutter(core);
  return [...cutter.push(run), ...cutter.end()];
}

/** A message is one segment, unless it is longer than a segment may be. */
export function createCutter(core: TokenCore): SegmentCutter {
  let held: TokenRun[] = [];
  let heldTokens = 0;

  function release(): TokenRun[] {
    const segments = held.length > 0 ? [joined(held, heldTokens)] : [];
    held = [];
    heldTokens = 0;
    return segments;
  }

  return {
    push(run) {
      const segments: TokenRun[] = [];
      let rest = run;
      while (heldTokens + rest.tokenCount > limits.segmentTokensMax) {
        const [first, second] = split(core, rest, limits.segmentTokensMax - heldTokens);
        hold(first);
        segments.push(...release());
        rest = second;
      }
      hold(rest);
      return segments;
    },
    end: release,
  };

  function hold(run: TokenRun): void {
    if (run.tokenCount === 0) return;
    held.push(run);
    heldTokens += run.tokenCount;
  }
}

function split(core: TokenCore, { varints, tokenCount }: TokenRun, count: number): [TokenRun, TokenRun] {
  const end = core.byteOffset(varints, count);
  return [
    { varints: varints.subarray(0, end), tokenCount: count },
    { varints: varints.subarray(end), tokenCount: tokenCount - count },
  ];
}

function joined(runs: readonly TokenRun[], tokenCount: number): TokenRun {
  if (runs.length === 1) return runs[0]!;
  return { varints: Buffer.concat(runs.map(({ varints }) => varints)), tokenCount };
}

import { createSegmenter, type Segmenter, segmentSizes } from '../../codec/index.js';
import type { TokenCore } from '../../core/index.js';
import { limits, type TokenRun } from '../../model/index.js';

/**
 * Splits one message after the other into segments, while their tokens arrive. The borders depend on the
 * tokens only.
 */
export interface MessageSplitter {
  /**
   * Takes the next tokens of the message. Returns the segments that they complete, now or with a later push.
   */
  push(run: TokenRun): TokenRun[];
  /** Ends the message. Returns its remaining segments; none for an empty message. */
  end(): TokenRun[];
}

/**
 * Splits a whole message, given in consecutive pieces, into segments. A short message is one segment and an
 * empty one has none. A long message is split by its content, so that the same tokens are split at the same
 * places in whatever form they arrived. Each piece is split when its segments are asked for.
 */
export function splitMessage(core: TokenCore, pieces: readonly TokenRun[]): Iterable<TokenRun> {
  const [only] = pieces;
  if (only === undefined || pieces.length > 1) return cutPieces(core, pieces);
  if (only.tokenCount === 0) return [];
  return only.tokenCount <= limits.segmentWholeTokensMax ? pieces : cutPieces(core, pieces);
}

function* cutPieces(core: TokenCore, pieces: readonly TokenRun[]): Generator<TokenRun, void, void> {
  const cutter = createSplitter(core);
  for (const piece of pieces) yield* cutter.push(piece);
  yield* cutter.end();
}

/**
 * Tokens of a long message that are gathered before they are split: more than the limit of an unsplit
 * message, plus one segment.
 */
const gatherTokens = 64 * 1024;
/**
 * Limit of the pieces that are held before they are joined: many small ones would take many times their
 * bytes.
 */
const heldPiecesMax = 64;

export function createSplitter(core: TokenCore): MessageSplitter {
  let held: TokenRun[] = [];
  let heldTokens = 0;
  let isLong = false;

  function hold(run: TokenRun): void {
    if (run.tokenCount === 0) return;
    held.push(run);
    heldTokens += run.tokenCount;
    if (held.length >= heldPiecesMax) held = [joined(held, heldTokens)];
  }

  function take(): TokenRun[] {
    const runs = held.length === 0 ? [] : [joined(held, heldTokens)];
    held = [];
    heldTokens = 0;
    return runs;
  }

  return {
    push(run) {
      hold(run);
      isLong ||= heldTokens > limits.segmentWholeTokensMax;
      if (heldTokens < gatherTokens) return [];
      const segments = take().flatMap((tokens) => segmenterOf(core).cut(tokens));
      // More tokens may belong to the last segment. The search starts again behind every border, and finds
      // the next one as before.
      hold(segments.pop()!);
      return segments;
    },
    end() {
      const rest = take();
      const segments = isLong ? rest.flatMap((tokens) => segmenterOf(core).cut(tokens)) : rest;
      isLong = false;
      return segments;
    },
  };
}

/**
 * A segmenter has a WASM instance of its own. The vaults that share a core share it, once a message is long.
 */
const segmenters = new WeakMap<TokenCore, Segmenter>();

function segmenterOf(core: TokenCore): Segmenter {
  let segmenter = segmenters.get(core);
  if (segmenter === undefined) {
    // The segmenter also splits the end of a long message, however short that is.
    segmenter = createSegmenter(core, { ...segmentSizes, whole: 0 });
    segmenters.set(core, segmenter);
  }
  return segmenter;
}

function joined(runs: readonly TokenRun[], tokenCount: number): TokenRun {
  if (runs.length === 1) return runs[0]!;
  return { varints: Buffer.concat(runs.map(({ varints }) => varints)), tokenCount };
}

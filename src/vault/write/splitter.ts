import { createSegmenter, type Segmenter, segmentSizes } from '../../codec/index.js';
import type { TokenCore } from '../../core/index.js';
import { limits, type TokenRun } from '../../model/index.js';

/** Cuts one message after the other into segments, while their tokens come in. The borders follow from the tokens alone. */
export interface MessageSplitter {
  /** Takes the next tokens of the message; gives the segments that they complete, now or with a later push. */
  push(run: TokenRun): TokenRun[];
  /** Ends the message, and gives what is left of it: nothing of an empty one. */
  end(): TokenRun[];
}

/**
 * The segments of a whole message: one, unless it is long; then it is cut by its content, so that the same
 * tokens are cut at the same places whatever form they came in. An empty message has none. The message is given in
 * pieces that follow one another; each is cut when its segments are asked for.
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

/** Tokens of a long message that are gathered before they are cut: above what stays whole, and one segment. */
const gatherTokens = 64 * 1024;
/** Pieces that are held before they are joined: small ones would take many times their bytes. */
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
      // More tokens may belong to the last one; a search begins anew behind every border, and finds the next as before.
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

/** A segmenter has a WASM instance of its own: the vaults that share a core share it, once a message is long. */
const segmenters = new WeakMap<TokenCore, Segmenter>();

function segmenterOf(core: TokenCore): Segmenter {
  let segmenter = segmenters.get(core);
  if (segmenter === undefined) {
    // It also cuts the end of a long message, however short that is.
    segmenter = createSegmenter(core, { ...segmentSizes, whole: 0 });
    segmenters.set(core, segmenter);
  }
  return segmenter;
}

function joined(runs: readonly TokenRun[], tokenCount: number): TokenRun {
  if (runs.length === 1) return runs[0]!;
  return { varints: Buffer.concat(runs.map(({ varints }) => varints)), tokenCount };
}

import { unlessDamaged, type Codec } from '../../codec/index.js';
import { limits, type TokenRun } from '../../model/index.js';
import type { StorageBackend } from '../../storage/index.js';
import type { TellPreparation } from '../preparation.js';
import { scanBatches } from './scan.js';

/** What a plan is made from. */
export interface Sample {
  readonly segments: number;
  readonly frameBytes: number;
  /** To train on, in key order. */
  readonly runs: readonly TokenRun[];
  readonly tokens: number;
  /** Frames of segments that are not trained on: what the prediction is measured with. */
  readonly heldBack: readonly Uint8Array[];
}

/** One segment of this many is held back, while they are few tokens. */
const HELD_BACK_OF = 32;
const HELD_BACK_TOKENS_MAX = 250_000;

/** Reads every segment once and keeps a sample of them: the same vault gives the same sample. */
export async function takeSample(
  backend: StorageBackend,
  codec: Codec,
  signal: AbortSignal,
  tell: TellPreparation,
): Promise<Sample> {
  const { uniqueTokens, segments: total } = await backend.stats();
  const share = Math.min(1, (0.9 * limits.trainingTokensMax) / Math.max(1, uniqueTokens));
  const runs: TokenRun[] = [];
  const heldBack: Uint8Array[] = [];
  let segments = 0;
  let frameBytes = 0;
  let tokens = 0;
  let heldBackTokens = 0;
  for await (const batch of scanBatches(backend, undefined, signal)) {
    for (const { tokenCount, frame } of batch) {
      const lot = lotOf(segments++);
      frameBytes += frame.length;
      if (lot % HELD_BACK_OF === 0 && heldBackTokens + tokenCount <= HELD_BACK_TOKENS_MAX) {
        heldBack.push(frame);
        heldBackTokens += tokenCount;
      } else if (lot / 2 ** 32 < share && tokens + tokenCount <= limits.trainingTokensMax) {
        const run = unlessDamaged(() => codec.decode(frame));
        if (run === undefined) continue;
        runs.push(run);
        tokens += tokenCount;
      }
    }
    tell('sampling', segments, Math.max(segments, total));
  }
  return { segments, frameBytes, runs, tokens, heldBack };
}

/** A 32-bit number for a position that looks as if drawn by lot (the finaliser of MurmurHash3). */
function lotOf(position: number): number {
  let lot = position ^ 0x9e3779b9;
  lot = Math.imul(lot ^ (lot >>> 16), 0x85ebca6b);
  lot = Math.imul(lot ^ (lot >>> 13), 0xc2b2ae35);
  return (lot ^ (lot >>> 16)) >>> 0;
}

import { type Codec, readHead, undefinedIfCorruptFrame } from '../../codec/index.js';
import { limits, type TokenRun } from '../../model/index.js';
import type { StorageBackend } from '../../storage/index.js';
import type { ReportPreparation } from '../maintain/preparation.js';
import { scanBatches } from './scan.js';

/** Segments from which a plan is made. */
export interface Sample {
  readonly segments: number;
  readonly frameBytes: number;
  /** Segments to train on, in key order. */
  readonly runs: readonly TokenRun[];
  readonly tokens: number;
  /** Frame bytes of `runs`. */
  readonly trainedFrameBytes: number;
  /** Frames of some of `runs`, to measure a registry on segments that it was trained on. */
  readonly trainedOn: readonly Uint8Array[];
  /** Frames of segments outside the training set, to measure a registry on other segments. */
  readonly heldBack: readonly Uint8Array[];
}

/**
 * One segment in this many is held back, and one is judged although it is trained on, while their tokens are
 * few.
 */
const JUDGED_OF = 32;
const JUDGED_TOKENS_MAX = 250_000;

/** Reads every segment once and keeps a sample. The same vault gives the same sample. */
export async function takeSample(
  backend: StorageBackend,
  codec: Codec,
  signal: AbortSignal,
  report: ReportPreparation,
): Promise<Sample> {
  const { uniqueTokens, segmentBytes, segments: total } = await backend.stats();
  // Attachments take 4 bytes a token, and nothing can be learned of them. Text takes less than 2.
  const attached = Math.max(0, (segmentBytes - 2 * uniqueTokens) / 2);
  const share = Math.min(1, (0.9 * limits.trainingTokensMax) / Math.max(1, uniqueTokens - attached));
  const runs: TokenRun[] = [];
  const trainedOn = new Judged();
  const heldBack = new Judged();
  let trainedFrameBytes = 0;
  let segments = 0;
  let frameBytes = 0;
  let tokens = 0;
  for await (const batch of scanBatches(backend, undefined, signal)) {
    for (const { tokenCount, frame } of batch) {
      const lot = lotOf(segments++);
      frameBytes += frame.length;
      if (readHead(frame).kind === 'le32') continue;
      if (lot % JUDGED_OF === 0 && heldBack.take(frame, tokenCount)) continue;
      if (lot / 2 ** 32 >= share || tokens + tokenCount > limits.trainingTokensMax) continue;
      const run = undefinedIfCorruptFrame(() => codec.decode(frame));
      if (run === undefined) continue;
      runs.push(run);
      tokens += tokenCount;
      trainedFrameBytes += frame.length;
      if (lot % JUDGED_OF === 1) trainedOn.take(frame, tokenCount);
    }
    report('sampling', segments, Math.max(segments, total));
  }
  return {
    segments,
    frameBytes,
    runs,
    tokens,
    trainedFrameBytes,
    trainedOn: trainedOn.frames,
    heldBack: heldBack.frames,
  };
}

/** Frames with a limited number of tokens in all. */
class Judged {
  readonly frames: Uint8Array[] = [];
  #tokens = 0;

  /** Returns false if there is no room for the frame. */
  take(frame: Uint8Array, tokenCount: number): boolean {
    if (this.#tokens + tokenCount > JUDGED_TOKENS_MAX) return false;
    this.frames.push(frame);
    this.#tokens += tokenCount;
    return true;
  }
}

/** Returns a pseudo-random 32-bit number for a position (the finaliser of MurmurHash3). */
function lotOf(position: number): number {
  let lot = position ^ 0x9e3779b9;
  lot = Math.imul(lot ^ (lot >>> 16), 0x85ebca6b);
  lot = Math.imul(lot ^ (lot >>> 13), 0xc2b2ae35);
  return (lot ^ (lot >>> 16)) >>> 0;
}

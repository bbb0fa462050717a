import { createRequire } from 'node:module';
import { Piscina } from 'piscina';
import { StowkenError } from '../model/index.js';

/** Frames written anew with the newest of some registries, in a worker thread. */
export interface Rewriter {
  /**
   * For each frame its tokens' smallest frame now, decoded back and compared before it is returned; the
   * very same bytes where nothing is gained or changed, or where it does not decode. The frames are copied to the worker.
   * @throws StowkenError CORRUPT_SEGMENT for a new frame that is not its tokens, CANCELLED
   */
  rewrite(frames: readonly Uint8Array[], signal: AbortSignal): Promise<readonly Uint8Array[]>;

  close(): Promise<void>;
}

/** What the worker answers: an error that crosses threads keeps neither its class nor its reason. */
export type RewriteOutcome =
  { readonly frames: readonly Uint8Array[] } | { readonly corrupt: string; readonly index: number };

const idleMsMax = 60_000;

/** A thread with registries of its own; the highest id encodes. */
export function createRewriter(registries: readonly Uint8Array[]): Rewriter {
  const pool = new Piscina({
    filename: createRequire(import.meta.url).resolve('#build/src/codec/rewrite-worker.js'),
    workerData: registries,
    minThreads: 0,
    maxThreads: 1,
    // It stays from batch to batch: to start one and load its registries costs many times what a batch does.
    idleTimeout: idleMsMax,
  });
  return {
    async rewrite(frames, signal) {
      const outcome = await run(pool, frames, signal);
      if ('frames' in outcome) return outcome.frames;
      throw new StowkenError('CORRUPT_SEGMENT', outcome.corrupt, { index: String(outcome.index) });
    },
    close: () => pool.destroy(),
  };
}

async function run(
  pool: Piscina,
  frames: readonly Uint8Array[],
  signal: AbortSignal,
): Promise<RewriteOutcome> {
  try {
    return (await pool.run(frames, { signal })) as RewriteOutcome;
  } catch (error) {
    if (signal.aborted) throw new StowkenError('CANCELLED', 'the call was cancelled', {}, { cause: error });
    throw error;
  }
}

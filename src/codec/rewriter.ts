import { createRequire } from 'node:module';
import { StowkenError } from '../model/index.js';
import { ThreadPool } from '../threads/index.js';

/** Rewrites frames with the newest of some registries, in a worker thread. */
export interface Rewriter {
  /**
   * Returns the smallest frame for each frame's tokens, decoded and compared before it is returned. A frame
   * that would not shrink or does not decode is returned unchanged. The frames are copied to the worker.
   * @throws StowkenError CORRUPT_SEGMENT if a new frame does not decode to its tokens, CANCELLED
   */
  rewrite(frames: readonly Uint8Array[], signal: AbortSignal): Promise<readonly Uint8Array[]>;

  close(): Promise<void>;
}

/** Answer of the worker: an error that crosses threads loses its class and its reason. */
export type RewriteOutcome =
  { readonly frames: readonly Uint8Array[] } | { readonly corrupt: string; readonly index: number };

const idleMsMax = 60_000;

/** Creates a thread with registries of its own; the highest id encodes. */
export function createRewriter(registries: readonly Uint8Array[]): Rewriter {
  const pool = new ThreadPool({
    filename: createRequire(import.meta.url).resolve('#build/programs/codec/rewrite-worker.js'),
    workerData: registries,
    minThreads: 0,
    maxThreads: 1,
    // The thread is kept between batches: to start one and load its registries costs many times the work on a
    // batch.
    idleTimeout: idleMsMax,
  });
  return {
    async rewrite(frames, signal) {
      const outcome = await run(pool, frames, signal);
      if ('frames' in outcome) return outcome.frames;
      throw new StowkenError('CORRUPT_SEGMENT', outcome.corrupt, { index: String(outcome.index) });
    },
    close: () => pool.close(),
  };
}

async function run(
  pool: ThreadPool,
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

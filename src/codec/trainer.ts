import { createRequire } from 'node:module';
import { Worker } from 'node:worker_threads';
import { receivedError, StowkenError, type Reason, type TokenRun } from '../model/index.js';
import type { TrainingOptions } from './training.js';

/** Input of the worker. */
export interface TrainerInput {
  readonly samples: readonly TokenRun[];
  readonly options: TrainingOptions;
}

/** Messages of the worker. */
export type TrainerOutput =
  | { readonly kind: 'progress'; readonly done: number }
  | { readonly kind: 'registry'; readonly bytes: Uint8Array }
  | { readonly kind: 'failed'; readonly reason: Reason; readonly message: string };

export interface TrainRegistryOptions extends TrainingOptions {
  /** Called with the completed part, 0 to 1. */
  readonly onProgress?: (done: number) => void;
  /** Stops the training at once. */
  readonly signal?: AbortSignal;
}

/**
 * Trains a registry on samples of stored segments, in a worker thread. Deterministic: the same samples in the
 * same order give the same bytes. The samples are copied to the worker.
 * @throws StowkenError CANCELLED when the signal aborts, OVERLOADED if the sample is too large
 */
export async function trainRegistry(
  samples: readonly TokenRun[],
  { onProgress, signal, ...options }: TrainRegistryOptions,
): Promise<Uint8Array> {
  if (signal?.aborted === true) throw cancelled();
  const input: TrainerInput = { samples, options };
  const entry = createRequire(import.meta.url).resolve('#build/programs/codec/trainer-worker.js');
  const worker = new Worker(entry, { workerData: input });
  const onAbort = new AbortController();
  try {
    return await new Promise<Uint8Array>((resolve, reject) => {
      signal?.addEventListener('abort', () => reject(cancelled()), { signal: onAbort.signal });
      worker.on('message', (said: TrainerOutput) => {
        if (said.kind === 'progress') onProgress?.(said.done);
        else if (said.kind === 'registry') resolve(said.bytes);
        else reject(receivedError(said.reason, said.message));
      });
      worker.on('error', (error: Error) => {
        reject(new StowkenError('INTERNAL', 'the trainer failed', {}, { cause: error }));
      });
      worker.on('exit', (code) => reject(new StowkenError('INTERNAL', `the trainer ended with ${code}`)));
    });
  } finally {
    onAbort.abort();
    await worker.terminate();
  }
}

function cancelled(): StowkenError {
  return new StowkenError('CANCELLED', 'training was cancelled');
}

// Worker thread of trainRegistry.

import { parentPort, workerData } from 'node:worker_threads';
import { compileCore } from '../core/index.js';
import { isStowkenError } from '../model/index.js';
import { lowerThreadPriority } from './lower-thread-priority.js';
import type { TrainerInput, TrainerOutput } from './trainer.js';
import { trainHere } from './training.js';

lowerThreadPriority();
const say = (output: TrainerOutput): void => parentPort?.postMessage(output);

try {
  const { samples, options } = workerData as TrainerInput;
  const bytes = trainHere(await compileCore('release'), samples, options, (done) =>
    say({ kind: 'progress', done }),
  );
  say({ kind: 'registry', bytes });
} catch (error) {
  if (!isStowkenError(error)) throw error;
  say({ kind: 'failed', reason: error.reason, message: error.message });
}
